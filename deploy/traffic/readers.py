"""Real event logs as messages with their own times. What a log does not say, `deploy/samples/README.md` decides."""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final

from deploy.traffic.messages import Message, encode, rfc3339
from schemas.errors import OidorError
from schemas.topics import COMPLAINTS, CONTACTS

SAMPLES: Final = Path(__file__).parent.parent / "samples"
UNKNOWN: Final = "unknown"

Row = Mapping[str, str]
Fields = dict[str, Any]


class LogError(OidorError):
    """A log that cannot be read. The message says where, and what was expected."""


def servicenow(path: Path = SAMPLES / "servicenow_incidents.csv") -> Iterator[Message]:
    """The updates of ServiceNow incidents as contact events, in order of time. Raises LogError."""
    rows = sorted(_rows(path, _INCIDENT_COLUMNS), key=lambda row: row["number"])
    incidents = (_incident(list(updates)) for _, updates in groupby(rows, key=lambda row: row["number"]))
    yield from _in_order(CONTACTS, incidents)


def cfpb(path: Path = SAMPLES / "cfpb_complaints.csv") -> Iterator[Message]:
    """Consumer complaints as complaint events, in order of time. Raises LogError."""
    yield from _in_order(COMPLAINTS, map(_complaint, _rows(path, _COMPLAINT_COLUMNS)))


class _Entity:
    """The events of one case, as they are found; each has the envelope that stood then."""

    def __init__(self, source: str, entity_id: str) -> None:
        self.source, self.entity_id = source, entity_id
        self.events: list[tuple[datetime, Fields]] = []

    def add(self, event_type: str, at: datetime, envelope: Fields, **fields: Any) -> None:
        """`from_` stands for `from`; a field that is None is not said."""
        seq = len(self.events)
        event = {
            "event_id": f"{self.entity_id}-{seq:03}",
            "event_type": event_type,
            "schema_version": "1.0",
            "occurred_at": rfc3339(_milliseconds(at)),
            "source": self.source,
            "seq": seq,
            "entity_id": self.entity_id,
        }
        said = {name.rstrip("_"): value for name, value in (envelope | fields).items() if value is not None}
        self.events.append((at, event | said))

    @property
    def key(self) -> str:
        """Of the opening event, and so of all: its customer's id, or the entity's when nobody is known."""
        customer = self.events[0][1].get("customer")
        return customer["id"] if customer else self.entity_id


def _in_order(topic: str, entities: Iterator[_Entity]) -> Iterator[Message]:
    found = [(at, entity.key, event) for entity in entities for at, event in entity.events]
    found.sort(key=lambda item: (item[0], item[2]["entity_id"], item[2]["seq"]))
    for at, key, event in found:
        yield Message(topic, key, encode(event), _milliseconds(at))


def _rows(path: Path, needed: str) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = set(needed.split()) - set(reader.fieldnames or ())
            if missing:
                raise LogError(f"{path}: no column {', '.join(sorted(missing))}; is it the right log?")
            yield from reader
    except (OSError, UnicodeDecodeError) as error:
        raise LogError(f"{path}: cannot be read: {error}") from error


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp()) * 1000


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _known(value: str) -> str | None:
    """ServiceNow writes `?` for what is not known."""
    return None if value in ("?", "") else value


# ServiceNow

_INCIDENT_COLUMNS: Final = (
    "number incident_state reassignment_count reopen_count sys_mod_count made_sla caller_id opened_at sys_updated_at"
    " category u_symptom priority assignment_group assigned_to resolved_by"
)
_PRIORITIES: Final = {"1 - Critical": "urgent", "2 - High": "high", "3 - Moderate": "normal", "4 - Low": "low"}
_WAITING: Final = {
    "Awaiting User Info": ("contact.waiting_customer", "info"),
    "Awaiting Evidence": ("contact.waiting_third_party", "evidence"),
    "Awaiting Problem": ("contact.waiting_third_party", "other"),
    "Awaiting Vendor": ("contact.waiting_third_party", "other"),
}
_UNSEEN: Final[Row] = {
    "incident_state": "New", "reassignment_count": "0", "reopen_count": "0",
    "assignment_group": "?", "assigned_to": "?",
}  # fmt: skip


def _incident(updates: list[Row]) -> _Entity:
    updates.sort(key=lambda row: (_minute(row, "sys_updated_at"), _count(row, "sys_mod_count")))
    first = updates[0]
    incident = _Entity("servicenow-demo", first["number"])
    opened_at = _minute(first, "opened_at")
    incident.add("contact.opened", opened_at, _desk(first), direction="inbound")
    before: Row = {**_UNSEEN, "priority": first["priority"], "category": first["category"]}
    for update in updates:
        _update(incident, before, update, max(opened_at, _minute(update, "sys_updated_at")))
        before = update
    return incident


def _update(incident: _Entity, before: Row, update: Row, at: datetime) -> None:
    """The events of one update: what changed of the incident, then its state."""
    desk = _desk(update)
    if update["priority"] != before["priority"]:
        incident.add("contact.priority_changed", at, desk, from_=_priority(before), to=_priority(update))
    if update["category"] != before["category"]:
        incident.add("contact.reclassified", at, desk)
    for group, next_group in _groups(before, update):
        incident.add("contact.transferred", at, desk, from_=group, to=next_group)
    owner = _known(update["assigned_to"])
    if owner and owner != _known(before["assigned_to"]):
        incident.add("contact.assigned", at, desk, owner=_slug(owner))
    for _ in range(_steps(before, update, "reopen_count")):
        incident.add("contact.reopened", at, desk, reason="not_fixed")
    _state(incident, before["incident_state"], update, at, desk)


def _state(incident: _Entity, before: str, update: Row, at: datetime, desk: Fields) -> None:
    state = update["incident_state"]
    if state == before:
        return
    if state in _WAITING:
        event_type, reason = _WAITING[state]
        incident.add(event_type, at, desk, reason=reason)
    elif state == "Active" and before in _WAITING:
        incident.add("contact.resumed", at, desk)
    elif state == "Resolved":
        resolver = _known(update["resolved_by"])
        incident.add("contact.resolved", at, desk, actor={"kind": "human", "id": _slug(resolver)} if resolver else None)
    elif state == "Closed":
        incident.add("contact.closed", at, desk, attributes={"made_sla": update["made_sla"].lower()})


def _groups(before: Row, update: Row) -> Iterator[tuple[str, str]]:
    """From which group to which, once for every step of the counter."""
    if steps := _steps(before, update, "reassignment_count"):
        yield from pairwise([_group(before), *[UNKNOWN] * (steps - 1), _group(update)])


def _steps(before: Row, update: Row, counter: str) -> int:
    return max(0, _count(update, counter) - _count(before, counter))


def _desk(row: Row) -> Fields:
    """The envelope as a row has it."""
    caller, symptom = _known(row["caller_id"]), _known(row["u_symptom"])
    return {
        "customer": {"id": _slug(caller), "relationship": "internal"} if caller else None,
        "org_unit": f"service-desk/incidents/{_group(row)}",
        "channel": "phone",
        "priority": _priority(row),
        "category_raw": _known(row["category"]),
        "process": "incident-management",
        "attributes": {"symptom": _slug(symptom)} if symptom else None,
    }


def _group(row: Row) -> str:
    group = _known(row["assignment_group"])
    return _slug(group) if group else UNKNOWN


def _priority(row: Row) -> str:
    return _PRIORITIES.get(row["priority"], "normal")


def _count(row: Row, column: str) -> int:
    if not row[column].isdecimal():
        raise LogError(f"incident {row['number']}: {column} {row[column]!r} is not a number")
    return int(row[column])


def _minute(row: Row, column: str) -> datetime:
    try:
        return datetime.strptime(row[column], "%d-%m-%Y %H:%M").replace(tzinfo=UTC)
    except ValueError as error:
        raise LogError(f"incident {row['number']}: {column} {row[column]!r} is not DD-MM-YYYY HH:MM") from error


# CFPB

_COMPLAINT_COLUMNS: Final = (
    "date_received product issue sub_issue consumer_complaint_narrative company state tags submitted_via"
    " date_sent_to_company company_response_to_consumer timely_response consumer_disputed complaint_id"
)
_TIMELY: Final = timedelta(days=15)
_CHANNELS: Final = {"Web": "web_form", "Phone": "phone", "Postal mail": "post", "Email": "email"}
_OUTCOMES: Final = {
    "Closed with monetary relief": "upheld",
    "Closed with non-monetary relief": "partly_upheld",
    "Closed with explanation": "rejected",
    "Closed": "rejected",
}
_TOPIC_CLASSES: Final = (
    ("data_protection", re.compile(r"identity theft|sharing of info|identity protection")),
    ("billing_undue_charge", re.compile(r"billing|fee\b|debt not owed|balance transfer|apr or interest")),
    (
        "payment_service",
        re.compile(r"making/receiving|deposits and withdrawals|atm card|money transfer|transaction|prepaid"),
    ),
)
_COLLECTING: Final = re.compile(r"collect")
_PAYING: Final = re.compile(r"payment|repay|unable to pay|payoff")


def _complaint(row: Row) -> _Entity:
    complaint = _Entity("cfpb-demo", f"cfpb-{row['complaint_id']}")
    received, sent = _day(row, "date_received"), _day(row, "date_sent_to_company")
    company, envelope = row["company"], _consumer(row)
    topic_class = _topic_class(row)
    complaint.add(
        "complaint.opened", received, envelope,
        kind="complaint" if topic_class == "general" else "claim", channel=_CHANNELS.get(row["submitted_via"], "other"),
        topic_class=topic_class, received_at=rfc3339(_milliseconds(received)),
        text=row["consumer_complaint_narrative"][:8000] or None,
        attributes={name: row[name] for name in ("state", "tags", "sub_issue") if row[name]} or None,
    )  # fmt: skip
    complaint.add("complaint.forwarded_external", max(received, sent), envelope, to=company[:128])
    response = row["company_response_to_consumer"]
    if response in _OUTCOMES:
        late = row["timely_response"] != "true"
        answered = max(received, sent) + _TIMELY + timedelta(days=1 if late else 0)
        how = {"company_response": response, "response_dated": "by_timely_flag"}
        complaint.add("complaint.resolved", answered, envelope, outcome=_OUTCOMES[response], attributes=how)
        if row["consumer_disputed"] == "Yes":
            complaint.add("complaint.appealed", answered, envelope)
    return complaint


def _consumer(row: Row) -> Fields:
    return {
        "org_unit": f"us/{_slug(row['product'])}/{_slug(row['company'])[:64]}",
        "language": "en",
        "category_raw": row["issue"][:128] or None,
        "product": row["product"][:128] or None,
        "otc_stage": _otc_stage(row),
    }


def _topic_class(row: Row) -> str:
    words = f"{row['issue']} {row['product']}".lower()
    return next((name for name, pattern in _TOPIC_CLASSES if pattern.search(words)), "general")


def _otc_stage(row: Row) -> str:
    words = f"{row['product']} {row['issue']}".lower()
    return "collection" if _COLLECTING.search(words) else "payment" if _PAYING.search(words) else "none"


def _day(row: Row, column: str) -> datetime:
    try:
        return datetime.strptime(row[column], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise LogError(f"complaint {row['complaint_id']}: {column} {row[column]!r} is not YYYY-MM-DD") from error
