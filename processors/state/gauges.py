"""`Gauges`: what is open now, counted as cases change, so that a scrape need not walk them."""

from typing import Final

Labels = tuple[str, ...]
"""The name of a gauge, without prefix, then its labels in order."""


DATED: Final = frozenset({"backlog_cases", "queue_length", "incidents_open"})
"""Gauges whose last label is no label, but the moment, ms, since when: the oldest is told, too."""


class Gauges(dict[Labels, int]):
    """Labels -> how many are open; none that are zero."""

    def __init__(self) -> None:
        super().__init__()
        self.since: dict[Labels, dict[int, int]] = {}
        """Of `DATED`, by labels: since when -> how many."""

    def add(self, labels: Labels, change: int) -> None:
        if labels[0] in DATED:
            labels, since = labels[:-1], int(labels[-1])
            moments = self.since.setdefault(labels, {})
            moments[since] = moments.get(since, 0) + change
            if not moments[since]:
                del moments[since]
                if not moments:
                    del self.since[labels]
        total = self.get(labels, 0) + change
        if total:
            self[labels] = total
        else:
            self.pop(labels, None)
