"""Last month's open tickets, imported beside live traffic: all of them are there, nobody is called, no gauge alarms."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local.stack import fetch
from deploy.traffic.messages import Message, encode, rfc3339
from processors.settings import Settings
from schemas.topics import COMPLAINTS, CONTACTS
from sinks.metrics import events, promises
from sinks.metrics.census import LONGEST_WAIT, OLDEST_CASE, OPEN, SLA_OPEN
from tests.stack.running import Installation, installed

pytestmark = pytest.mark.stack

IMPORTED: Final = 5_000
LIVE: Final = 60
MONTH_MS: Final = 30 * 86_400_000
LIVE_METRICS: Final = tuple(
    family.exported_name
    for family in (
        *(gauge for name, gauge in OPEN.items() if not name.startswith("imported_")), SLA_OPEN, LONGEST_WAIT,
        events.CONTACTS, events.COMPLAINTS, events.SURVEYS, promises.SLA_OUTCOMES, promises.SLA_RETRACTIONS,
        promises.SLA_WITHDRAWN, promises.SLA_UNMATCHED, promises.INCIDENTS, promises.WAIT, promises.FIRST_RESPONSE,
        promises.RESOLUTION,
    )
)  # fmt: skip
"""All that an alarm is set on, but for what tells of records and of ourselves."""


def told(entity: str, event_type: str, occurred_ms: int, **said: Any) -> Message:
    """An event whose record is of now."""
    topic = COMPLAINTS if event_type.startswith("complaint.") else CONTACTS
    customer = f"c-{entity}"
    event = {
        "event_id": f"{entity}-{event_type}-{occurred_ms}", "event_type": event_type, "schema_version": "1.0",
        "source": "crm", "occurred_at": rfc3339(occurred_ms), "entity_id": entity, "customer": {"id": customer}, **said,
    }  # fmt: skip
    return Message(topic, customer, encode(event), _wall_ms())


def opened(number: int, occurred_ms: int, of: str) -> Message:
    if number % 2:
        return told(f"{of}{number}", "complaint.opened", occurred_ms, kind="claim", channel="web_form")
    urgent = "urgent" if number % 10 == 0 else "normal"
    return told(f"{of}{number}", "contact.opened", occurred_ms, direction="inbound", channel="email", priority=urgent)


def last_month() -> Iterator[Message]:
    """Tickets of one day a month ago, all open, a third of them handed to and fro."""
    begins = _wall_ms() - MONTH_MS
    for number in range(IMPORTED):
        at = begins + number * 15_000
        yield opened(number, at, "OLD")
        if number % 3 == 0:
            handed_on = "complaint.transferred" if number % 2 else "contact.transferred"
            yield told(f"OLD{number}", handed_on, at + 60_000, **{"from": "a", "to": "b"})
            yield told(f"OLD{number}", handed_on, at + 120_000, **{"from": "b", "to": "a"})


def test_an_import_of_five_thousand_old_tickets_is_all_there_pages_nobody_and_alarms_no_gauge(
    settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        oidor.start("worker")
        oidor.start("warehouse")
        live = oidor.publish(opened(number, _wall_ms(), "LIVE") for number in range(LIVE))
        oidor.settle(live)
        before, oldest = _live(oidor), _oldest_opened_at(oidor)
        assert before["feedback_backlog_cases"] == LIVE

        old = oidor.publish(last_month())
        oidor.settle(live + old)

        assert oidor.ask("SELECT count(), countIf(state = 'open') FROM v_cases WHERE entity_id LIKE 'OLD%'") == [
            (IMPORTED, IMPORTED)
        ]
        assert oidor.ask(
            "SELECT count(), uniqExact(entity_id), min(retroactive), any(state) FROM v_sla WHERE entity_id LIKE 'OLD%'"
        ) == [(2 * IMPORTED, IMPORTED, 1, "breached_open")]
        assert _live(oidor) == before
        assert _oldest_opened_at(oidor) == pytest.approx(oldest, abs=5)
        assert [message for message in oidor.incidents() if message["page"]] == []
        assert oidor.metric("feedback_imported_incidents", pattern="P10") == len(range(0, IMPORTED, 3))
        assert oidor.metric("feedback_imported_cases") == IMPORTED
        assert oidor.metric("feedback_imported_sla_clocks", state="overdue") == 2 * IMPORTED
        assert oidor.metric("feedback_imported_incidents", pattern="P02") == 2 * IMPORTED

        solved = oidor.publish([told("OLD0", "contact.resolved", _wall_ms(), resolution="solved")])
        oidor.settle(live + old + solved)

        assert oidor.ask("SELECT state, events FROM v_cases WHERE entity_id = 'OLD0'") == [("resolved", 4)]
        assert oidor.metric("feedback_imported_cases") == IMPORTED - 1


def _live(oidor: Installation) -> dict[str, float]:
    """The sum of each metric that an alarm may be set on; of a histogram, how many it counts."""
    _, page = fetch(oidor.services[0].ready_url.removesuffix("/ready") + "/metrics")
    totals = dict.fromkeys(LIVE_METRICS, 0.0)
    for line in page.splitlines():
        name = line.partition("{")[0].removesuffix("_total").removesuffix("_count")
        if name in totals:
            totals[name] += float(line.rpartition(" ")[2])
    return totals


def _oldest_opened_at(oidor: Installation) -> float:
    """When the oldest case that an alarm may be set on was opened, in seconds; its age grows by itself."""
    _, page = fetch(oidor.services[0].ready_url.removesuffix("/ready") + "/metrics")
    name = OLDEST_CASE.exported_name + "{"
    return time.time() - max(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(name))


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
