"""`Timers`: when to look at what again though nothing arrives."""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Final, NamedTuple

_PRUNED_FROM: Final = 1_000


class Timer(NamedTuple):
    """Event time at which something may read differently."""

    at: int
    """Milliseconds."""
    kind: str
    """What the key is of: who registers and who fires agree on it."""
    key: tuple[str, ...]


class Timers:
    """The timers of one input topic. They are derived from what they are registered for, and not written."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []

    def __len__(self) -> int:
        return len(self._heap)

    def register(self, at: int, kind: str, key: tuple[str, ...]) -> None:
        """Wait for a moment. What is registered twice fires twice; who changes their mind lets the timer pass."""
        heappush(self._heap, Timer(at, kind, key))

    def next(self) -> int | None:
        """The moment of the next timer."""
        return self._heap[0].at if self._heap else None

    def due(self, now: int) -> bool:
        """Whether any timer is before `now`."""
        return bool(self._heap) and self._heap[0].at < now

    def moment_of(self, count: int, now: int) -> int:
        """The moment before which the next `count` timers lie, and all that are due with the last; `now` at most."""
        if not self.due(now):
            return now
        popped = list(islice(self.pop_due(now), count))
        moment = popped[-1].at + 1 if self.due(now) else now
        for timer in popped:
            heappush(self._heap, timer)
        return moment

    def pop_due(self, now: int) -> Iterator[Timer]:
        """Take out all timers before `now`, in order, those that are registered meanwhile included."""
        while self._heap and self._heap[0].at < now:
            yield heappop(self._heap)

    def soonest(self) -> Iterator[Timer]:
        """The timers in order, all of which stay: what it costs follows from how many are looked at."""
        heap = self._heap
        ahead = [(timer, 0) for timer in heap[:1]]
        while ahead:
            timer, place = heappop(ahead)
            yield timer
            for child in (2 * place + 1, 2 * place + 2):
                if child < len(heap):
                    heappush(ahead, (heap[child], child))

    def outnumber(self, entries: int) -> bool:
        """Whether they are several times as many as the entries that can await one, and are to be pruned."""
        return len(self._heap) > 4 * entries + _PRUNED_FROM

    def prune(self, is_awaited: Callable[[Timer], bool]) -> None:
        """Drop timers that nobody awaits: those of entries that left early would pile up until they are due."""
        self._heap[:] = [timer for timer in self._heap if is_awaited(timer)]
        heapify(self._heap)
