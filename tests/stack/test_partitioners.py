"""Two families of clients beside each other: librdkafka's places keys otherwise unless it is told not to."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Producer
from kafka import KafkaProducer

from processors.runtime.partitioners import crc32_partition, murmur2_partition
from processors.settings import Settings
from schemas.topics import CONTACTS
from tests.stack.running import Installation, command, installed, until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 12}
CALLS = 60
MURMUR2 = {"partitioner": "murmur2_random"}


class Message(NamedTuple):
    key: bytes
    value: bytes


def calls(source: str, now: float, *kinds: str) -> Iterator[Message]:
    """Calls of the last minute, each of another customer and answered within 15 s; of their events only some kinds."""
    for number in range(CALLS):
        for kind, ago, more in (
            ("opened", 40, {"direction": "inbound", "channel": "phone"}),
            ("queued", 40, {"queue": "main"}),
            ("answered", 25, {"actor": {"kind": "human"}}),
            ("resolved", 5, {}),
        ):
            if kind in kinds:
                yield event(source, number, kind, now - ago, more)


def event(source: str, number: int, kind: str, at: float, more: Mapping[str, Any]) -> Message:
    customer = f"{source}-{number}"
    body = {
        "event_id": f"{customer}.{kind}",
        "event_type": f"contact.{kind}",
        "schema_version": "1.0",
        "occurred_at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
        "source": source,
        "entity_id": f"C-{number}",
        "customer": {"id": customer},
        **more,
    }
    return Message(customer.encode(), json.dumps(body).encode())


def send_by_kafka_python(settings: Settings, messages: Iterable[Message]) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.brokers)
    for message in messages:
        producer.send(settings.input_prefix + CONTACTS, key=message.key, value=message.value)
    producer.close()


def send_by_confluent(settings: Settings, messages: Iterable[Message], **config: str) -> None:
    producer = Producer({"bootstrap.servers": settings.brokers, **config})
    for message in messages:
        producer.produce(settings.input_prefix + CONTACTS, key=message.key, value=message.value)
    assert producer.flush(30) == 0


def doctor(settings: Settings) -> tuple[int, str]:
    """Exit code, and what is wrong, a line each: what was seen, and what to do."""
    done = command(settings, "doctor")
    findings: list[list[str]] = []
    for line in done.stdout.splitlines():
        cells = [cell.strip() for cell in line.split("│")[1:-1]]
        if len(cells) == 4 and cells[0]:
            findings.append(cells)
        elif len(cells) == 4 and findings:
            findings[-1] = [" ".join(filter(None, both)) for both in zip(findings[-1], cells, strict=True)]
    wrong = (f"{seen} -> {to_do}" for mark, _, seen, to_do in findings if mark == "wrong")
    return done.returncode, "\n".join(wrong) + done.stderr


def answered_in_time(oidor: Installation, source: str) -> int:
    """Calls whose case and `answer` clock are right."""
    asked = (
        "SELECT count() FROM v_cases AS c INNER JOIN v_sla AS s USING (topic, source, entity_id) "
        f"WHERE source = '{source}' AND c.state = 'resolved' AND s.metric = 'answer' AND s.outcome = 'met'"
    )
    return int(oidor.ask(asked)[0][0])


def warned(oidor: Installation, warning: str) -> dict[str, int]:
    asked = f"SELECT source, count() FROM v_events WHERE has(warnings, '{warning}') GROUP BY source"
    return dict(oidor.ask(asked))


def test_a_client_that_places_keys_otherwise_is_named_with_its_family_and_the_cure(
    settings: Settings, tmp_path: Path
) -> None:
    keys = [f"mixed-{number}".encode() for number in range(CALLS)]
    elsewhere = sum(murmur2_partition(key, 12) != crc32_partition(key, 12) for key in keys)
    assert elsewhere > CALLS * 0.8

    with installed(settings, tmp_path) as oidor:
        oidor.start("worker")
        oidor.start("warehouse")
        now = time.time()
        for source in ("mixed", "cured"):
            send_by_kafka_python(settings, calls(source, now, "opened", "queued"))
        send_by_confluent(settings, calls("mixed", now, "answered", "resolved"))
        send_by_confluent(settings, calls("cured", now, "answered", "resolved"), **MURMUR2)
        oidor.settle(2 * 4 * CALLS)

        assert answered_in_time(oidor, "cured") == CALLS
        assert answered_in_time(oidor, "mixed") <= CALLS - elsewhere
        assert warned(oidor, "wrong_partition") == {"mixed": elsewhere}
        counted = oidor.metric("feedback_event_warnings_total", source="mixed", warning="wrong_partition")
        assert counted == elsewhere
        assert oidor.ask("SELECT source, count() FROM v_split_cases GROUP BY source") == [("mixed", elsewhere)]

        ((false_alarms,),) = oidor.ask("SELECT count() FROM v_incidents WHERE state = 'open' AND pattern = 'P02'")
        assert false_alarms == elsewhere

        code, said = doctor(settings)
        assert code == 1, said
        assert f"{false_alarms} incidents of them are open" in said
        assert f"mixed: {elsewhere} of its last {CALLS + elsewhere} keys do not lie where murmur2 puts them" in said
        assert "confluent-kafka for Python" in said
        assert "partitioner=murmur2_random" in said
        assert f"{elsewhere} cases with events of the last day lie in more than one partition" in said
        assert "cured" not in said
        assert "source mixed sends here what belongs in partition" in "".join(
            log.read_text() for log in tmp_path.glob("*worker*.log")
        )


def test_a_shop_that_uses_librdkafka_throughout_is_told_the_setting_and_is_well_with_it(
    settings: Settings, tmp_path: Path
) -> None:
    crc32 = settings.model_copy(update={"partitioner": "crc32"})
    with installed(crc32, tmp_path) as oidor:
        oidor.start("worker")
        oidor.start("warehouse")
        for source in ("acd", "crm"):
            send_by_confluent(settings, calls(source, time.time(), "opened", "queued", "answered", "resolved"))
        oidor.settle(2 * 4 * CALLS)

        assert [answered_in_time(oidor, source) for source in ("acd", "crm")] == [CALLS, CALLS]
        assert warned(oidor, "wrong_partition") == {}
        until(lambda: doctor(crc32)[0] == 0, 30, "an installation that the doctor finds well")

        code, said = doctor(settings)
        assert code == 1, said
        assert "set OIDOR_PARTITIONER=crc32" in said
        assert "murmur2_random" not in said
