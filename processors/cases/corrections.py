"""Corrections: the events of a case as they should have been, after what puts other events right or withdraws them."""

from collections.abc import Sequence
from typing import Any, Final, cast

from processors.cases.events import CaseEvent, Facts
from processors.cases.order import position

REVISING: Final = frozenset({"corrected", "voided"})
"""Event types that may change what earlier events said; a `voided` that names no event withdraws the case."""

_ONE_STEP_MS: Final = 2_000


def effective_events(events: Sequence[CaseEvent]) -> Sequence[CaseEvent]:
    """The events after corrections and withdrawals of single events, in order; both may be withdrawn themselves.

    Of events that share an id, which a publisher used again, the first is meant.
    """
    revisions = [event for event in events if "revises" in event.facts]
    if not revisions:
        return _without_leaving(events)
    withdrawn: set[str] = set()
    for revision in reversed(revisions):
        if revision.type == "voided" and revision.event_id not in withdrawn:
            withdrawn.add(revision.facts["revises"])
    by_id: dict[str, CaseEvent] = {}
    others: list[CaseEvent] = []
    for event in events:
        if event.event_id in by_id:
            others.append(event)
        else:
            by_id[event.event_id] = event
    for event_id in withdrawn:
        by_id.pop(event_id, None)
    for revision in revisions:
        original = by_id.get(revision.facts["revises"])
        if original is not None and revision.type == "corrected" and revision.event_id in by_id:
            by_id[original.event_id] = _corrected(original, revision)
    return _without_leaving(sorted((*by_id.values(), *others), key=position))


def _without_leaving(events: Sequence[CaseEvent]) -> Sequence[CaseEvent]:
    """The events with no abandonment by who asked to be called back within two seconds: two systems told one step."""
    requests = [event.occurred_at for event in events if event.type == "callback_requested"]
    if not requests:
        return events
    return [
        event._replace(type="hung_up")
        if event.type == "abandoned" and any(0 <= at - event.occurred_at <= _ONE_STEP_MS for at in requests)
        else event
        for event in events
    ]


def _corrected(original: CaseEvent, revision: CaseEvent) -> CaseEvent:
    values: dict[str, Any] = {**original.facts, **revision.facts["values"]}
    moment = values.pop("occurred_at", None)
    facts = cast("Facts", values)
    if moment is None:
        return original._replace(facts=facts)
    # When something happened is known since it was put right.
    return original._replace(occurred_at=moment, record_at=max(original.record_at, revision.record_at), facts=facts)
