"""`oidor erase` on real servers: nothing in the database names the customer any more, and every number stays."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.server import LocalKafka
from deploy.traffic.messages import Message, encode, rfc3339
from processors.settings import Settings
from schemas.outputs import COLUMNS
from schemas.topics import COMPLAINTS, CONTACTS, INCIDENTS, REJECTED, ROWS, SURVEYS
from tests.stack.conftest import Fresh
from tests.stack.running import Installation, command, installed, until

pytestmark = pytest.mark.stack

WHO = "customer-to-forget"
OTHER = "customer-who-stays"
NEIGHBOUR = f"{WHO}|x"
"""Another customer, whose id begins like that of the first."""
STORY = "my neighbour told me to write"


@pytest.fixture
def settings(kafka: LocalKafka, clickhouse: LocalClickHouse, fresh: Fresh) -> Settings:
    return fresh.settings(
        brokers=kafka.bootstrap, clickhouse_host=clickhouse.host, clickhouse_port=clickhouse.port, partitions=4
    )


def erase(settings: Settings, *options: str) -> subprocess.CompletedProcess[str]:
    return command(settings, "erase", WHO, "--source", "privacy-desk", *options)


def log(now: int) -> Iterator[Message]:
    """Two customers with the same story, one of whom began anonymously once; and a record of theirs that is wrong."""
    for who in (WHO, OTHER):
        yield from (
            message(CONTACTS, "contact.opened", f"{who[-6:]}-C{number}", now + number, who, **_BY_MAIL)
            for number in range(3)
        )
        yield message(CONTACTS, "contact.customer_replied", f"{who[-6:]}-C0", now + 5, who, text=STORY)
        yield message(COMPLAINTS, "complaint.opened", f"{who[-6:]}-R1", now, who, kind="claim", channel="post")
        yield message(SURVEYS, "survey.answered", f"{who[-6:]}-S1", now, who, kind="nps", mode="email", score=2)
        anonymous = f"{who[-6:]}-A1"
        yield message(CONTACTS, "contact.opened", anonymous, now, None, key=anonymous, **_BY_MAIL)
        yield message(CONTACTS, "contact.identified", anonymous, now + 9, who, key=anonymous)
    for number in range(3):
        yield message(CONTACTS, "contact.opened", f"N{number}", now + number, NEIGHBOUR, **_BY_MAIL | {"text": "other"})
    yield message(CONTACTS, "contact.opened", "wrong", now, OTHER, key=WHO, **_BY_MAIL)


_BY_MAIL = {"direction": "inbound", "channel": "email", "category": "billing", "text": STORY}


def message(
    topic: str, event_type: str, entity: str, at: int, who: str | None, *, key: str | None = None, **fields: Any
) -> Message:
    event = {
        "event_id": f"{entity}.{event_type}", "event_type": event_type, "schema_version": "1.0",
        "occurred_at": rfc3339(at), "source": "crm", "entity_id": entity, **fields,
    }  # fmt: skip
    if who is not None:
        event["customer"] = {"id": who}
    return Message(topic, key or who or entity, encode(event), at)


def read_from_the_beginning(settings: Settings) -> None:
    """As after a week without a warehouse: the broker has forgotten how far it had come."""
    admin = KafkaAdminClient(bootstrap_servers=settings.brokers)
    group = f"{settings.app_id}-warehouse"
    deadline = time.monotonic() + 20
    while group in str(admin.list_groups()) and time.monotonic() < deadline:
        with suppress(KafkaError):
            admin.delete_groups([group])
        time.sleep(0.5)
    admin.close()


def named(oidor: Installation, what: str, *, but: str = NEIGHBOUR) -> dict[str, int]:
    """Table -> stored rows, of all versions, that have a text somewhere, when another one is taken out of them."""
    text = f"replaceAll(toString(tuple(*)), '{but}', '')"
    return {
        table: oidor.ask(f"SELECT count() FROM {table} WHERE position({text}, '{what}') > 0")[0][0] for table in COLUMNS
    }


def test_a_customer_is_forgotten_and_the_numbers_stay(settings: Settings, tmp_path: Path) -> None:
    records = list(log(time.time_ns() // 1_000_000 - 10_000))
    with installed(settings, tmp_path) as oidor:
        oidor.start("worker")
        warehouse = oidor.start("warehouse")
        oidor.publish(records)
        until(lambda: oidor.read() == len(records) and oidor.open_differences() == 0, 60, "all records stored")
        until(lambda: oidor.ask("SELECT count() FROM v_incidents WHERE pattern = 'P08'") == [(3,)], 30, "all P08")
        numbers, others, neighbours = oidor.rows("v_kpi_minute"), named(oidor, OTHER), named(oidor, NEIGHBOUR, but="-")
        told = {table for table, rows in named(oidor, WHO).items() if rows}
        assert told == {"feedback_events", "cases", "sla_clocks", "incidents", "rejected_events"}

        done = erase(settings)

        assert done.returncode == 0, done.stdout + done.stderr
        assert ", rejected_events 1, feedback_events 8\n" in done.stdout
        for topic in (CONTACTS, ROWS, REJECTED, INCIDENTS, f"{settings.app_id}-state"):
            assert f"{topic}: until" in done.stdout, done.stdout
        assert set(named(oidor, WHO).values()) == {0}
        assert named(oidor, OTHER) == others
        assert named(oidor, NEIGHBOUR, but="-") == neighbours
        assert named(oidor, STORY)["feedback_events"] == 5, "of the other customer alone"
        assert oidor.rows("v_kpi_minute") == numbers
        assert oidor.open_differences() == 0
        theirs = f"entity_id LIKE '{WHO[-6:]}-%'"
        assert oidor.ask(f"SELECT DISTINCT state FROM v_cases WHERE {theirs}") == [("erased",)]
        assert oidor.ask(f"SELECT DISTINCT state FROM v_sla WHERE {theirs}") == [("cancelled",)]
        assert set(oidor.ask("SELECT subject, close_reason FROM v_incidents WHERE pattern = 'P08'")) == {
            (f"{OTHER}|billing", ""),
            (f"{NEIGHBOUR}|billing", ""),
            ("|billing", "erased"),
        }
        assert oidor.ask("SELECT erased, count() FROM v_cases GROUP BY 1 ORDER BY 1") == [(0, 8), (1, 5)]
        last = {incident["incident_id"]: incident for incident in oidor.incidents()}
        assert not any(WHO in str(incident).replace(NEIGHBOUR, "") for incident in last.values())

        warehouse.terminate(10)
        read_from_the_beginning(settings)
        oidor.start("warehouse")
        until(lambda: oidor.metric("feedback_sink_rows_total") > 0, 30, "rows are stored again")
        until(oidor._all_inserted, 30, "all of them")
        assert set(named(oidor, WHO).values()) == {0}
        assert oidor.ask(f"SELECT count() FROM v_events WHERE payload LIKE '%{STORY}%'") == [(5,)], "of the other alone"

        again = erase(settings, "--rows-only")
        assert (again.returncode, "masked 0 rows" in again.stdout) == (0, True), again.stdout + again.stderr


def test_without_a_worker_it_says_that_the_erasure_waits(settings: Settings, tmp_path: Path) -> None:
    with installed(settings, tmp_path):
        done = erase(settings, "--wait", "1")
        assert done.returncode == 2
        assert "only 0 of 4 partitions have processed it" in done.stderr
        assert done.stderr.count("\n") == 1
