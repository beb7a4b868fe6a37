"""A table that refuses every row, by a constraint or a changed type: nothing is rejected, all waits, and comes in."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver.errors import ServerException

from deploy.local.stack import Service, fetch
from deploy.traffic.messages import Message, encode, rfc3339
from processors.settings import Settings
from schemas.topics import CONTACTS
from tests.stack.running import Installation, installed, until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2}
EVENTS = 400


def openings(letter: str, count: int, product: str = "") -> Iterator[Message]:
    now = time.time_ns() // 1_000_000
    for number in range(count):
        event = {
            "event_id": f"{letter}{number}", "event_type": "contact.opened", "schema_version": "1.0", "source": "crm",
            "occurred_at": rfc3339(now), "entity_id": f"{letter}{number}", "customer": {"id": f"c{number}"},
            "direction": "inbound", "channel": "email", "category": "billing",
        }  # fmt: skip
        if product:
            event["product"] = product
        yield Message(CONTACTS, f"c{number}", encode(event), now)


def problem_of(service: Service) -> str:
    """What the first problem on `/ready` says; '' when it is ready, or not there yet."""
    _, page = fetch(service.ready_url)
    problems = json.loads(page)["problems"] if page.startswith("{") else []
    return json.dumps(problems[0]) if problems else ""


def stored(oidor: Installation, view: str, letter: str) -> int:
    return int(oidor.ask(f"SELECT count() FROM {view} WHERE entity_id LIKE '{letter}%'")[0][0])


def damaged(oidor: Installation, statement: str) -> None:
    with suppress(ServerException):  # it fails for rows that are there, and holds for others
        oidor.ask(statement)


def waits(service: Service, table: str) -> bool:
    return f"table {table} refuses" in problem_of(service)


def test_rows_wait_for_a_table_that_is_out_of_order_and_come_in_once_it_is_mended(
    settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        oidor.start("worker")
        warehouse = oidor.start("warehouse")
        oidor.publish(openings("A", 20))
        until(lambda: stored(oidor, "v_events", "A") == 20, 30, "the first events stored")

        oidor.ask("ALTER TABLE feedback_events ADD CONSTRAINT nope CHECK length(source) > 100")
        oidor.publish(openings("B", EVENTS, product="fibra"))
        until(lambda: waits(warehouse, "feedback_events"), 20, "not ready, with the table's name")
        said: Any = problem_of(warehouse)
        assert "its last stored row as well" in said
        assert "undo what changed this one, and inserting goes on by itself" in said
        refuses = "feedback_sink_table_refuses"
        until(lambda: oidor.metric(refuses, table="feedback_events") == 1, 15, "the metric says so")

        warehouse.terminate(10)
        warehouse = oidor.launch("warehouse")  # who knows of no row that the table ever took
        until(lambda: warehouse.alive and waits(warehouse, "feedback_events"), 40, "not ready again")
        assert "refuses even an empty row" in problem_of(warehouse) or "of its last" in problem_of(warehouse)

        oidor.ask("ALTER TABLE feedback_events DROP CONSTRAINT nope")
        until(lambda: stored(oidor, "v_events", "B") == EVENTS, 40, "what waited is stored")
        warehouse.wait_ready(20)

        damaged(oidor, "ALTER TABLE cases MODIFY COLUMN product UInt32")
        oidor.publish(openings("C", 40, product="movil"))
        until(lambda: waits(warehouse, "cases"), 20, "not ready, with the table's name")
        damaged(oidor, "ALTER TABLE cases MODIFY COLUMN product LowCardinality(String)")
        until(lambda: stored(oidor, "v_cases", "C") == 40, 40, "what waited is stored")

        assert oidor.ask("SELECT count() FROM rejected_events") == [(0,)]
        assert oidor.metric("feedback_sink_refused_rows_total") == 0
        until(lambda: oidor.open_differences() == 0, 20, "everything accounted for")
