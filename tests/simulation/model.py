"""What a log comes to, counted in one pass over it: no state, no batches, no time, and nothing of `processors`."""

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from faust.types import TP

from schemas.events.contacts import ERASED, ContactTransferred, ContactVoided
from schemas.events.decoding import admit, decode, occurred_ms
from schemas.events.envelope import Event
from schemas.outputs import Rejection
from tests.processors.views import Row
from tests.simulation.traffic import Traffic

_COUNTED: Final = {
    "contact.opened": "contacts_opened",
    "contact.transferred": "contacts_transferred",
    "complaint.acknowledged": "complaints_acknowledged",
    "complaint.reopened": "complaints_reopened",
    "survey.invited": "surveys_invited",
}
"""KPI counts of which each event is one, unless the same was told of the case before."""

_LEFT: Final = frozenset({"beyond_retention", "maybe_repeated", "beyond_case_events"})


@dataclass
class Told:
    """The same things, told by the model or by the warehouse."""

    events: set[tuple[str, int, int]] = field(default_factory=set)
    """(topic, partition, offset) of each that was accepted."""
    ids: set[tuple[str, int, str, str]] = field(default_factory=set)
    """(topic, partition, source, event id)"""
    rejected: set[tuple[str, int, int]] = field(default_factory=set)
    read: Counter[TP] = field(default_factory=Counter)
    accepted: Counter[TP] = field(default_factory=Counter)
    duplicate: Counter[TP] = field(default_factory=Counter)
    refused: Counter[TP] = field(default_factory=Counter)
    kpis: Counter[str] = field(default_factory=Counter)
    """Over everything."""
    unfolded: set[tuple[str, int, int]] = field(default_factory=set)
    """Events said to be of a case that left: no case does, for there is room for all, and none is old."""


@lru_cache
def model(traffic: Traffic) -> Told:
    """The one pass."""
    told = Told()
    for tp in traffic.logs:
        seen, counted, erased = set[object](), set[object](), dict[str, int]()
        for offset, message in traffic.committed(tp):
            told.read[tp] += 1
            event = decode(tp.topic, message.value)
            refused = (
                event
                if isinstance(event, Rejection)
                else admit(event, occurred_ms(event), message.key.encode(), message.timestamp_ms)
            )
            if refused is not None or isinstance(event, Rejection):
                told.refused[tp] += 1
                told.rejected.add((*tp, offset))
            elif (identity := _identity(event)) in seen:
                told.duplicate[tp] += 1
            else:
                seen.add(identity)
                told.accepted[tp] += 1
                told.ids.add((*tp, event.source, event.event_id))
                told.events.add((*tp, offset))
                who = event.customer.id if event.customer else ""
                if event.event_type == ERASED:
                    erased[who] = message.timestamp_ms
                kpi, what = _COUNTED.get(event.event_type), _told(event)
                if kpi and occurred_ms(event) > erased.get(who, -1) and what not in counted:
                    counted.add(what)
                    told.kpis[kpi] += 1
    return told


def _identity(event: Event) -> object:
    """An id that is used again for something else is another event."""
    return event.source, event.event_id, event.event_type, event.entity_id, occurred_ms(event)


def _told(event: Event) -> object:
    """What an event tells of its case: told again it is no news. Nothing that is counted here is ever withdrawn."""
    assert not event.test
    assert not isinstance(event, ContactVoided) or event.voids_event_id
    path = (event.from_, event.to) if isinstance(event, ContactTransferred) else ()
    return event.source, event.entity_id, event.event_type, *path


def shown(tables: dict[str, list[Row]]) -> Told:
    """What the warehouse says of the same."""
    told = Told()
    for row in tables["feedback_events"]:
        told.events.add((row["topic"], row["partition"], row["offset"]))
        told.ids.add((row["topic"], row["partition"], row["source"], row["event_id"]))
        if _LEFT.intersection(row["warnings"]):
            told.unfolded.add((row["topic"], row["partition"], row["offset"]))
    for row in tables["rejected_events"]:
        told.rejected.add((row["topic"], row["partition"], row["offset"]))
    for row in tables["ingest_progress"]:
        tp = TP(row["topic"], row["partition"])
        told.read[tp] += row["records_read"]
        told.accepted[tp] += row["accepted"]
        told.duplicate[tp] += row["duplicate"]
        told.refused[tp] += row["rejected"]
    for row in tables["kpis"]:
        if row["dimension"] == "all":
            for kpi in _COUNTED.values():
                told.kpis[kpi] += row[kpi]
    return told


def differences(traffic: Traffic, tables: dict[str, list[Row]]) -> list[str]:
    """Where the warehouse says something else than the model."""
    counted, seen = vars(model(traffic)), vars(shown(tables))
    return [
        f"{name}: by the model {_without(ours, seen[name])}, in the warehouse {_without(seen[name], ours)}"
        for name, ours in counted.items()
        if ours != seen[name]
    ]


def _without(these: object, those: object) -> str:
    if isinstance(these, set) and isinstance(those, set):
        return f"alone {sorted(these - those)[:5]}"
    return str(these)
