"""What a record moves of the live metrics: volumes by event type, and durations as they end."""

from collections.abc import Mapping, Sequence
from typing import Final

from processors.kpis.samples import SLOT, Sample
from schemas.kpis import DIMENSIONS, Sum
from schemas.observations import Duration, Observations
from schemas.outputs import EventRow
from schemas.taxonomy import Outcome
from schemas.topics import COMPLAINTS, CONTACTS

_DURATIONS: Final[Mapping[int, tuple[Duration, int]]] = {
    SLOT[Sum.first_response_ms]: ("first_response", DIMENSIONS.index("channel")),
    SLOT[Sum.resolution_ms]: ("resolution", DIMENSIONS.index("kind")),
}
"""slot of a sum -> its live histogram, and the dimension that labels it"""
_WAIT: Final = SLOT[Sum.wait_ms]
_CHANNEL: Final = DIMENSIONS.index("channel")


def observe_durations(observations: Observations, sample: Sample) -> None:
    """Observe the durations that a sample adds to the KPIs."""
    for slot, amount in sample.amounts:
        named = _DURATIONS.get(slot)
        if named is not None:
            name, dimension = named
            observations.duration(sample.at_ms, amount / 1000, name, sample.attribution[dimension])


def observe_waits(observations: Observations, before: Sequence[Sample], after: Sequence[Sample]) -> None:
    """Observe the waits that a person has ended since `before`: they count from their queueing, and end later."""
    known = {sample.at_ms for sample in before if _waited_ms(sample) is not None}
    for sample in after:
        waited_ms = _waited_ms(sample)
        if waited_ms is not None and sample.at_ms not in known:
            observations.duration(sample.at_ms + waited_ms, waited_ms / 1000, "wait", sample.attribution[_CHANNEL])


def _waited_ms(sample: Sample) -> int | None:
    for slot, amount in sample.amounts:
        if slot == _WAIT:
            return amount
    return None


def observe_accepted(observations: Observations, row: EventRow) -> None:
    """Count an accepted event by what became of it, by its warnings, and, unless it is a test or late, by its kind."""
    topic, event_type = row.topic, row.event_type
    outcome: Outcome = "late" if row.late else "warned" if row.warnings else "accepted"
    observations.count("events", topic, event_type, row.source, outcome)
    for warning in row.warnings:
        observations.count("event_warnings", topic, row.source, warning)
    if row.test or row.late:  # an import beside live traffic is no volume of today
        return
    if topic == CONTACTS:
        observations.count("contacts", event_type, row.channel, row.area)
    elif topic == COMPLAINTS:
        observations.count("complaints", event_type, row.kind, row.channel, row.area)
    else:
        observations.count("surveys", event_type, row.kind, row.area)
