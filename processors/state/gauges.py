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
        """Count in, or out; of `DATED` the last label says since when."""
        if labels[0] in DATED:
            self.add_since(labels[:-1], int(labels[-1]), change)
            return
        total = self.get(labels, 0) + change
        if total:
            self[labels] = total
        else:
            self.pop(labels, None)

    def add_since(self, labels: Labels, since: int, change: int) -> None:
        """Count in, or out, what is there since a moment, ms."""
        moments = self.since.get(labels)
        if moments is None:
            moments = self.since[labels] = {}
        number = moments.get(since, 0) + change
        if number:
            moments[since] = number
        else:
            del moments[since]
        total = self.get(labels, 0) + change
        if total:
            self[labels] = total
        else:
            del self[labels], self.since[labels]
