"""`ErrorStreak`: when so many records fail in a row by errors of ours that the release is at fault, not the records.

A record that fails by our own fault is rejected, so that it stops nobody. A bad release would so reject a whole topic.
Therefore no more records are applied once a hundred have failed since the last one that was accepted, and they came
from at least three sources that were accepted before, or from every such source where fewer are known. So one publisher
alone, whatever it sends, cannot stop a partition that others use: the records of those are accepted in between.

What is rejected for its own fault, and duplicates, count neither way: they did not get to where a release fails.
"""

from typing import Final

from processors.state.sources import Sources

FAILED_MAX: Final = 100
FAILED_AGAIN_MAX: Final = 10
"""Instead, from a halt on until a record is accepted: a restart with the same release gives up sooner."""
SOURCES_MIN: Final = 3


class ErrorStreak:
    """The records of one partition that failed by errors of ours since the last one that was accepted."""

    def __init__(self, partition: int, sources: Sources) -> None:
        self.halted: str | None = None
        """Why no more records may be applied, in one line that says what to do; None: they may."""
        self._partition, self._sources = partition, sources
        self._failed = 0
        self._since = ""
        self._failing: set[str] = set()
        """The known sources that they came from."""
        self._last_halt: str | None = None
        """Why it halted last, kept until a record is accepted."""

    def note_accepted(self, source: str, record_at: int) -> None:
        """A record of a source was accepted; it had arrived at `record_at`, ms."""
        self._sources.note_accepted(source, record_at)
        if self._failed or self._last_halt:
            self._failed, self._last_halt = 0, None
            self._failing.clear()

    def note_failed(self, source: str, topic: str, offset: int, error: str) -> None:
        """A record failed. `error` is its type and place, and never its message, which may quote a customer."""
        self._failed += 1
        if self._failed == 1:
            self._since = f"{topic}[{self._partition}]@{offset}"
        known = self._sources.known()
        if source in known:
            self._failing.add(source)
        enough = self._failed >= (FAILED_AGAIN_MAX if self._last_halt else FAILED_MAX)
        if enough and len(self._failing) >= min(SOURCES_MIN, len(known)):
            self.halted = self._last_halt = (
                f"the last {self._failed} records, since {self._since}, all failed by an error of ours ({error}): "
                "what follows waits in Kafka; run the release before, or set OIDOR_TAKE_PROCESSING_ERRORS=true to "
                "reject it"
            )

    def meta(self) -> str | None:
        """What a checkpoint writes: why it halted last, until a record is accepted."""
        return self._last_halt

    def restore(self, meta: str | None) -> None:
        """Another process, of another release perhaps: it may try again, though not for as long."""
        self._last_halt = meta
