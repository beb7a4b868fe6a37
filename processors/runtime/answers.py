"""Whether Kafka answers, whatever it is asked: for `/ready`, a metric and the log.

It is never a reason to end a process: who waits for a peer is not stuck.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from faust.types import TP

from processors.runtime.problems import Problem
from processors.runtime.symptoms import Progress, unfetched
from processors.runtime.watchdog import Silence

SILENT_SECONDS: Final = 10.0
"""Without any answer for so long it is an outage: records are asked for 25 times a second, the group every 3 s."""

_MEANS: Final = (
    "nothing is read or made durable until it answers, and no deadline fires; nothing is lost. See whether the brokers "
    "of OIDOR_BROKERS run, and can be reached from here; whether they still let us in, `oidor topics check` says"
)


class BrokerAnswers:
    """When any broker has answered last."""

    def __init__(self) -> None:
        self.at = 0
        """Ms of the wall clock; 0 before the first answer."""
        self._silence = Silence()

    def listen(self, answered: int, progress: Iterable[Progress], now: float) -> None:
        """Looks for news, once a second: `answered` is when another question was, `now` in seconds of the loop."""
        fetched = (one.fetched.asked_at for one in progress if one.fetched is not None)
        self.at = max(self.at, answered, *fetched)
        self._silence.listen(self.at, now)

    @property
    def silent(self) -> bool:
        """Whether there is an outage."""
        return self._silence.seconds > SILENT_SECONDS

    def problems(self, progress: Iterable[Progress], wall: int) -> Iterator[Problem]:
        """What is wrong with Kafka, at `wall` ms: with all of it, or with the leaders of some partitions."""
        if self.silent:
            seconds = self._silence.seconds
            yield Problem("kafka", f"no answer of Kafka for {seconds:.0f} s", _MEANS, self.at or None)
            return
        known = [one for one in progress if one.fetched is not None]
        if silent := sorted(unfetched(known, wall, SILENT_SECONDS)):
            what = f"no answer for over {SILENT_SECONDS:.0f} s from who leads {_named(silent)}"
            yield Problem("leaders", what, "their records wait in Kafka until a broker leads them again")


def _named(tps: list[TP]) -> str:
    more = f" and {len(tps) - 3} more" if len(tps) > 3 else ""
    return ", ".join(f"{tp.topic}[{tp.partition}]" for tp in tps[:3]) + more
