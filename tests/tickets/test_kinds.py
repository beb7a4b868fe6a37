"""What should become of events, by kind of difficulty: a table a file, in which each line is a case.

The values come from what is specified, not from what came. A case is a ticket of `oidor try`, written short:

    {"case": "...", "until": "+1 12:00", "pack": "clocks: ...", "events": [...], "expected": [...]}
    an event: [moment, entity, event type, what else it says; `arrives`: when, if not then]
    a moment: "10:00" of a Monday, "+1 09:30:00.5" of the day after, or RFC 3339
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.tryout.expectations import judge
from deploy.cli.tryout.rules import TicketRules, rules_of
from deploy.cli.tryout.ticket import Ticket, Yaml, read_ticket
from deploy.cli.tryout.tryout import tryout

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
PERSON: dict[str, Any] = {"actor": {"kind": "human"}}
SAID_OF: dict[str, dict[str, Any]] = {
    "contact.opened": {"direction": "inbound", "channel": "email"},
    "contact.answered": PERSON,
    "contact.agent_replied": PERSON,
    "contact.resolved": PERSON,
    "complaint.opened": {"kind": "claim", "channel": "web_form"},
    "complaint.resolved": {"outcome": "upheld"},
    "survey.invited": {"kind": "csat", "mode": "email"},
    "survey.answered": {"kind": "csat", "mode": "email"},
    "survey.followup_contacted": {"owner": "ana"},
}
"""Event type -> what an event says that does not say otherwise; null: nothing."""


def cases() -> Iterator[Any]:
    for path in sorted((Path(__file__).parent / "kinds").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            yield pytest.param(case, id=f"{path.stem}: {case['case']}")


def moment(short: str) -> str:
    if "T" in short:
        return short
    days, _, time = short.rpartition(" ")
    hours, minutes, seconds = (*time.split(":"), "0")[:3]
    after = timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=float(seconds))
    return (MONDAY + after).isoformat(timespec="milliseconds")


def event_line(number: int, at: str, entity: str, kind: str, said: Any = None) -> dict[str, Any]:
    envelope: dict[str, Any] = {
        "event_id": f"e{number:04}",
        "event_type": kind,
        "schema_version": "1.0",
        "occurred_at": moment(at),
    }
    event = envelope | {"source": "desk", "entity_id": entity, "customer": {"id": "cu1"}} | SAID_OF.get(kind, {})
    event |= said or {}
    arrives = event.pop("arrives", at)
    return {"event": {name: value for name, value in event.items() if value is not None}, "record_at": moment(arrives)}


def ticket_lines(case: Any) -> Iterator[dict[str, Any]]:
    yield {"case": case["case"]} | ({"until": moment(case["until"])} if "until" in case else {})
    for number, event in enumerate(case["events"], 1):
        yield event_line(number, *event)
    yield {"expected": case["expected"]}


@cache
def rules_under(pack: str) -> TicketRules:
    yaml = [Yaml(1, f'policy_id: p\nversion: "1"\n{pack}')] if pack else []
    return rules_of(Ticket("of a kind", packs=yaml), (), None)


@pytest.mark.parametrize("case", [*cases()])
def test_what_becomes_of_events_is_what_is_specified(case: Any) -> None:
    ticket = read_ticket(case["case"], "\n".join(json.dumps(line) for line in ticket_lines(case)))
    rules = rules_under(case.get("pack", ""))
    outcome = tryout(ticket.arrivals, rules.rules, until=ticket.until, page_window_ms=rules.page_window_ms)
    differing = [one for one in judge(ticket.expectations, outcome) if not one.equal]
    assert not differing, "\n".join(f"{one.subject}: expected {one.expected}, got {one.got}" for one in differing)
