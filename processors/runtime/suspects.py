"""What a process was working on when it hung: noted where the next owner of the partition finds it.

The note is metadata of an offset that the consumer group has committed. It survives the process and its machine, needs
no rights and no topic beside those that there are, only a member of the group that still owns the partition can write
it, and it is written by the consumer's thread, which runs while the event loop hangs. Nobody has to take it back: it
means nothing once the offsets have passed what it names. A process that is killed from outside has written none.
"""

import logging
import uuid
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Final, NamedTuple

import msgspec
from faust.types import TP

logger = logging.getLogger(__name__)

NOTED_SECONDS: Final = 5.0
"""A step that takes so long is noted: it stops after 50 ms when a record more would make it longer."""
DEATHS_MAX: Final = 3
"""So many processes may end alone on a record before it is rejected."""
THIS_PROCESS: Final = uuid.uuid4().hex[:8]

_STEP_MAX: Final = 2.0


class Suspects(NamedTuple):
    """Records of one topic-partition, [begin, end), of which one may have ended processes that were working on them."""

    begin: int
    end: int
    processes: tuple[str, ...] = ()
    """Those that were working on these records when it took long."""

    def by(self, process: str) -> "Suspects":
        """The same, with one process more."""
        return self._replace(processes=tuple(dict.fromkeys([*self.processes, process]))[-DEATHS_MAX - 1 :])

    @property
    def condemned(self) -> bool:
        """Whether it is one record, on which so many others have ended that nobody should try again."""
        return self.end - self.begin == 1 and len({*self.processes} - {THIS_PROCESS}) >= DEATHS_MAX

    def encode(self) -> str:
        return msgspec.json.encode({"suspects": self}).decode()


class _Metadata(msgspec.Struct):
    suspects: tuple[int, int, tuple[str, ...]]


def decode(metadata: str) -> Suspects | None:
    """What a note says; None of metadata that is none."""
    try:
        return Suspects(*msgspec.json.decode(metadata, type=_Metadata).suspects)
    except msgspec.MsgspecError:
        return None


class Work(NamedTuple):
    """What a step is doing now."""

    step: Hashable
    """Equal as long as it is the same step."""
    tp: TP
    next: int
    """The next offset, as of the last commit: what the note is put to."""
    suspects: Suspects


Note = Callable[[TP, int, str], "Future[bool]"]
"""Commits an offset with metadata to the group, from any thread; False when it did not work."""


class WorkWatch:
    """Looks at the work in hand, from a thread that needs nothing of the loop, and notes what takes long."""

    def __init__(self, in_hand: Callable[[], Work | None], note: Note) -> None:
        self._in_hand, self._note = in_hand, note
        self._step: Hashable = None
        self._seconds, self._looked = 0.0, 0.0
        self._noting: Future[bool] | None = None

    def look(self, now: float) -> None:
        """Once a second, `now` in s. Time in which the process itself was stopped does not count. Never raises."""
        try:
            self._look(now)
        except Exception as error:  # the one who looks is the one who ends a process that hangs
            logger.warning("What takes so long cannot be noted: %r", error)

    def _look(self, now: float) -> None:
        work = self._in_hand()
        passed, self._looked = min(now - self._looked, _STEP_MAX), now
        if work is None or work.step != self._step:
            self._step, self._seconds, self._noting = work.step if work else None, 0.0, None
            return
        self._seconds += passed
        failed = self._noting is not None and self._noting.done() and not self._noting.result()
        if self._seconds >= NOTED_SECONDS and (self._noting is None or failed):
            where = f"{work.tp.topic}[{work.tp.partition}]@{work.suspects.begin}"
            logger.warning(
                "A step has been at %s for %.0f s: if it ends this process, the next is careful", where, self._seconds
            )
            self._noting = self._note(work.tp, work.next, work.suspects.encode())
