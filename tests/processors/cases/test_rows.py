"""Rows of cases: every column shows what it is called."""

from typing import Any

from processors.cases.case import Case, apply_event
from processors.cases.conversion import case_event
from processors.cases.rows import case_row
from processors.sla.business_time import CalendarBook
from processors.sla.promises import Promises
from schemas.events.decoding import occurred_ms
from schemas.policies.packs import PolicyBook
from schemas.topics import COMPLAINTS
from tests.schemas.events.samples import event_of

AT = 1_763_888_700_000
"""2025-11-23T09:05:00Z"""


def test_every_column_shows_what_it_is_called() -> None:
    case = Case((COMPLAINTS, "crm", "R1"))
    promises = Promises(PolicyBook([], grace_ms=0), CalendarBook([]))
    log: list[tuple[str, str, dict[str, Any]]] = [
        ("opened", "10:05:00", {
            "kind": "claim", "channel": "post", "org_unit": "es/care/n1", "product": "fibre", "priority": "high",
            "otc_stage": "payment", "demand_type": "failure", "cause": {"element": "people", "origin_area": "it"},
            "customer": {"id": "c1", "relationship": "b2b", "segment": "gold"}, "test": True,
        }),
        ("assigned", "10:05:01", {"owner": "ana"}),
        ("transferred", "10:05:02", {"from": "n1", "to": "n2"}),
        ("resolved", "10:05:03", {"outcome": "upheld"}),
        ("reopened", "10:05:04", {}),
        ("resolved", "10:05:05", {"outcome": "settled"}),
        ("closed", "10:05:06", {}),
    ]  # fmt: skip
    for number, (what, time, fields) in enumerate(log):
        said = {"occurred_at": f"2025-11-23T{time}+01:00", "customer": {"id": "c1"}, "event_id": f"e{number}", **fields}
        event = event_of(COMPLAINTS, event_type=f"complaint.{what}", **{"channel": "chat", **said})
        apply_event(case, case_event(event, occurred_ms(event), 0, "billing"), promises)

    assert case_row(case, 3)._asdict() == {
        "topic": COMPLAINTS, "source": "crm", "entity_id": "R1", "partition": 3, "customer_id": "c1", "kind": "claim",
        "state": "closed", "waiting_on": "", "waiting_since": None, "channel": "post", "org_unit": "es/care/n1",
        "area": "es", "team": "n2", "site": "", "owner": "ana", "priority": "high", "category": "billing",
        "product": "fibre", "element": "people",
        "origin_area": "it", "otc_stage": "payment", "relationship": "b2b", "demand_type": "failure", "opened_at": AT,
        "first_response_at": None, "answered_at": None, "first_resolved_at": AT + 3_000, "resolved_at": AT + 5_000,
        "closed_at": AT + 6_000, "last_event_at": AT + 6_000, "resolution": "settled",
        "merged_into": "", "merged_elsewhere": 0, "events": 7, "queue": "",
        "events_left_out": 0, "assignments": 1, "transfers": 1, "reopens": 1, "incomplete": 0, "test": 1,
        "erased": 0,
    }  # fmt: skip
