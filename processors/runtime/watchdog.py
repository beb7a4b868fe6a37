"""A process that is stuck ends itself, so that another takes its place.

Waiting is not being stuck. Everything that we ask of a broker or of ClickHouse has its time limit, and is asked again:
who waits for a peer comes around, however long the peer is away. Stuck is who does not come around although it owes
nobody an answer, and that is our own fault, or our libraries':

- the event loop does not run (`SILENT_SECONDS`);
- the consumer's thread does not run: it is asked nothing that needs the broker;
- a timer, the task of a partition, or the loop that inserts is dead or does not come around within the limits of its
  own questions; or a partition is assigned and nobody opens it;
- records of a topic were handed over and nobody takes any, though neither a commit nor the database holds them up; or
  they were fetched, and nobody hands them over;
- no records are fetched, while the broker answers other questions of the same consumer;
- the group does not know this process as a member, or a rebalance does not end, while the group's coordinator answers.

Each is found within half a minute. An opening that reads, a rebalance that comes to a new generation, an offset that
grows: what moves is slow, and not stuck, however long it takes. No wait alone ends a process: a second counts only with
a turn of the event loop, so that a machine which is busy with other work stretches every limit. A broker that is down,
stalled or without enough replicas, and a ClickHouse that takes nothing, make none of these true. Time in which the
process itself was stopped (SIGSTOP, a suspended machine) does not count.
"""

import asyncio
import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from processors.runtime.shutdown import EXIT_STUCK

logger = logging.getLogger(__name__)

SILENT_SECONDS: Final = 20.0
"""The event loop has not run for so long: the longest step takes a fraction of a second."""
THREAD_SECONDS: Final = 18.0
LATE_SECONDS: Final = 3.0
"""What should happen every second has not: from here on it is looked at."""

TELLING_SECONDS: Final = 5.0
"""What has lasted so long is shown."""

STUCK_SAYS: Final = "Stuck, this process ends itself: "
"""What the line in the log begins with; the reasons follow, separated by semicolons."""

_PERIOD: Final = 1.0
_TURN_MAX: Final = _PERIOD
"""What one look may count: the loop has turned once since the last, however long that took."""
_STEP_MAX: Final = 2 * _PERIOD
_LAST_WORDS_SECONDS: Final = 2.0


class Symptom(NamedTuple):
    """What is not as it should be, and for how many seconds it may be so: for ever, where others get on.

    It may be away for `forgiving` seconds in between, and still be the same.
    """

    text: str
    limit: float
    forgiving: float = 0.0
    telling: float = TELLING_SECONDS
    """From when on it is shown."""


@dataclass
class _Seen:
    symptom: Symptom
    seconds: float = 0.0
    absent: float = 0.0


@dataclass
class Standstill:
    """How long each symptom has been there. Keys that tell of progress make a symptom begin anew with it."""

    _seen: dict[Hashable, _Seen] = field(default_factory=dict)
    _looked: float | None = None

    def look(self, symptoms: Mapping[Hashable, Symptom], now: float) -> list[str]:
        """What has lasted too long; `now` in seconds of any clock that never goes back."""
        step = min(now - self._looked, _TURN_MAX) if self._looked is not None else 0.0
        self._looked = now
        for key, symptom in symptoms.items():
            seen = self._seen.get(key)
            if seen is None:
                self._seen[key] = _Seen(symptom)
            else:
                seen.seconds, seen.absent = seen.seconds + step, 0.0
        for key in self._seen.keys() - symptoms.keys():
            self._seen[key].absent += step
            if self._seen[key].absent > self._seen[key].symptom.forgiving:
                del self._seen[key]
        return [symptom.text for key, symptom in symptoms.items() if self._seen[key].seconds >= symptom.limit]

    def lasting(self) -> list[str]:
        """What has been there for long enough to be shown, each once."""
        return list(
            dict.fromkeys(one.symptom.text for one in self._seen.values() if one.seconds >= one.symptom.telling)
        )


@dataclass
class Silence:
    """For how long nothing was heard, in steps of the listener: while it is stopped itself it cannot hear."""

    seconds: float = 0.0
    _heard: int = -1
    _listened: float | None = None

    def listen(self, beats: int, now: float) -> float:
        """The seconds since `beats` grew last."""
        step = min(now - self._listened, _STEP_MAX) if self._listened is not None else 0.0
        self._listened = now
        self.seconds = self.seconds + step if beats == self._heard else 0.0
        self._heard = beats
        return self.seconds


class Watchdog:
    """Looks every second, on the loop; ends the process from a thread of its own, which needs nothing of the loop."""

    def __init__(
        self,
        look: Callable[[], Mapping[Hashable, Symptom]],
        pulse: Callable[[], Awaitable[object]],
        *,
        each_second: Callable[[float], object] = lambda now: None,
        silent_seconds: float = SILENT_SECONDS,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        """`look` says what is wrong now. `pulse` answers as soon as the consumer's thread runs.

        `each_second` is called in the thread that needs nothing of the loop, with the seconds of a clock.
        """
        self._look, self._pulse, self._each_second = look, pulse, each_second
        self._silent_seconds, self._end = silent_seconds, end
        self._standstill = Standstill()
        self._beats = 0
        self._reasons: list[str] = []
        self._over = threading.Event()
        self._pulsed: float | None = None

    async def run(self) -> None:
        """Watch until `stop`, or until the loop ends."""
        pulse = asyncio.create_task(self._feel())
        threading.Thread(target=self._guard, name="watchdog", daemon=True).start()
        try:
            while not self._over.is_set():
                self._beats += 1
                now = time.monotonic()
                self._reasons = self._standstill.look(self._symptoms(now), now)
                await asyncio.sleep(_PERIOD)
        finally:
            pulse.cancel()

    def problems(self) -> list[str]:
        """What lasts already, and most of which may end the process: for `/ready`."""
        return self._standstill.lasting()

    def stop(self) -> None:
        """The process is leaving: from here on its budget holds."""
        self._over.set()

    def _symptoms(self, now: float) -> Mapping[Hashable, Symptom]:
        found = dict(self._look())
        if self._pulsed is not None and now - self._pulsed > LATE_SECONDS:
            found["consumer's thread"] = Symptom("the consumer's thread does not run", THREAD_SECONDS)
        return found

    async def _feel(self) -> None:
        while True:
            try:
                await self._pulse()
                self._pulsed = time.monotonic()
            except Exception as error:  # a thread that cannot be asked does not run either
                logger.warning("The consumer's thread cannot be asked: %r", error)
            await asyncio.sleep(_PERIOD)

    def _guard(self) -> None:
        silence = Silence()
        while not self._over.wait(_PERIOD):
            now = time.monotonic()
            self._each_second(now)
            silent = silence.listen(self._beats, now)
            if silent >= self._silent_seconds:
                return self._finish([f"the event loop has not run for {silent:.0f} s"])
            if self._reasons:
                return self._finish(self._reasons)
        return None

    def _finish(self, reasons: list[str]) -> None:
        # What is stuck may be the log: the end must not wait for it.
        last_words = threading.Thread(target=_say, args=(reasons,), daemon=True)
        last_words.start()
        last_words.join(_LAST_WORDS_SECONDS)
        self._end(EXIT_STUCK)


def _say(reasons: list[str]) -> None:
    logger.critical("%s%s", STUCK_SAYS, "; ".join(reasons))
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    sys.stderr.flush()
