"""What a step tells the outside at once, for live metrics: counts, moments, durations and incidents. Plain values."""

from dataclasses import dataclass, field

from schemas.outputs import IncidentRow

Labels = tuple[str, ...]


@dataclass(slots=True)
class Observations:
    """The first of each key is a metric's name without prefix and suffix, the rest its labels in order."""

    counts: dict[Labels, int] = field(default_factory=dict)
    """Moved whenever the records came."""
    moments: list[tuple[int, Labels]] = field(default_factory=list)
    """(moment in ms, labels): moved only while the moment is recent, so that a replay does not."""
    durations: list[tuple[int, Labels, float]] = field(default_factory=list)
    """(moment in ms, labels, seconds)"""
    incidents: list[tuple[IncidentRow, str]] = field(default_factory=list)
    """(incident, transition: opened, updated, closed, withdrawn)"""

    def count(self, *labels: str) -> None:
        self.counts[labels] = self.counts.get(labels, 0) + 1

    def moment(self, at: int, *labels: str) -> None:
        self.moments.append((at, labels))

    def duration(self, at: int, seconds: float, *labels: str) -> None:
        self.durations.append((at, labels, seconds))

    def incident(self, incident: IncidentRow, transition: str) -> None:
        self.incidents.append((incident, transition))
