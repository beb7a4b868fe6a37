"""`Gauges`: what is open now, counted as cases change, so that a scrape need not walk them."""

Labels = tuple[str, ...]
"""The name of a gauge, without prefix, then its labels in order."""


class Gauges(dict[Labels, int]):
    """Labels -> how many are open; none that are zero."""

    def add(self, labels: Labels, change: int) -> None:
        total = self.get(labels, 0) + change
        if total:
            self[labels] = total
        else:
            self.pop(labels, None)
