"""Rejections of the last hour, by source, from totals that begin again whenever a worker starts."""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Final

from schemas.floor import HOUR_MS

_MINUTE_MS: Final = 60_000


class RejectionWatch:
    """What was added to the totals of all workers, minute by minute."""

    def __init__(self, begun_at: int) -> None:
        """`begun_at`, ms: of what was before nothing is known."""
        self._begun_at = begun_at
        self._totals: dict[str, tuple[str, Mapping[str, int]]] = {}
        self._minutes: deque[tuple[int, Counter[str]]] = deque()

    def look(self, address: str, instance: str, totals: Mapping[str, int], now: int) -> None:
        """Takes in the totals of a worker; `instance` is another one whenever it starts, and counts from nothing.

        Of a worker that is seen for the first time nothing says when its rejections were.
        """
        before = self._totals.get(address)
        self._totals[address] = instance, totals
        if before is not None:
            known = before[1] if before[0] == instance else {}
            self._add(now, {source: total - known.get(source, 0) for source, total in totals.items()})

    def since(self, now: int) -> int:
        """From which moment, ms, on it counts: an hour ago, or since it began."""
        return max(self._begun_at, now - HOUR_MS)

    def since_then(self, now: int) -> Counter[str]:
        """Source -> records rejected since then."""
        while self._minutes and self._minutes[0][0] <= now - HOUR_MS - _MINUTE_MS:
            self._minutes.popleft()
        total: Counter[str] = Counter()
        for _, minute in self._minutes:
            total.update(minute)
        return total

    def _add(self, now: int, counts: Mapping[str, int]) -> None:
        minute = now - now % _MINUTE_MS
        added = {source: count for source, count in counts.items() if count > 0}
        if not added:
            return
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append((minute, Counter()))
        self._minutes[-1][1].update(added)
