"""Rows of records: every column shows what it is called."""

from typing import get_type_hints

import pytest

from processors.pipeline.rows import event_row, rejected_row
from schemas.events.decoding import decode, occurred_ms
from schemas.events.envelope import Event
from schemas.events.rejection import Claimed
from schemas.outputs import EventRow, Rejection
from schemas.topics import CONTACTS, SURVEYS
from tests.processors.feed import FakeRecord
from tests.schemas.events import examples
from tests.schemas.events.samples import event_of


def row_of(event: Event, topic: str = CONTACTS) -> EventRow:
    record = FakeRecord(topic, 3, 7, 9_000, b"c1", b"")
    return event_row(
        event, record, topic=topic, incarnation=2, occurred_at=occurred_ms(event), late=1, warnings=("seq_gap",),
        warning_fields=("seq",), category="billing", topics=("wait",), payload="{}",
    )  # fmt: skip


def test_every_column_shows_what_it_is_called() -> None:
    event = event_of(
        event_id="e1", source="crm", entity_id="C1", schema_version="1.2", occurred_at="1970-01-01T00:00:05Z", seq=4,
        customer={"id": "c1", "relationship": "b2b", "segment": "gold", "value_band": "a", "country": "ES"},
        cause={"element": "people", "origin_area": "it"}, org_unit="es/care/n1/madrid", channel="phone",
        language="es-MX", priority="high", category="Facturas", category_raw="facturación", product="fibre",
        process="collect", journey_stage="pay", otc_stage="payment", demand_type="failure", test=True,
        direction="outbound",
    )  # fmt: skip

    assert row_of(event)._asdict() == {
        "topic": CONTACTS, "partition": 3, "incarnation": 2, "offset": 7, "record_at": 9_000, "event_id": "e1",
        "source": "crm", "event_type": "contact.opened", "schema_version": "1.2", "entity_id": "C1", "seq": 4,
        "customer_id": "c1",
        "occurred_at": 5_000, "late": 1, "test": 1, "erased": 0, "warnings": ("seq_gap",),
        "warning_fields": ("seq",), "channel": "phone",
        "org_unit": "es/care/n1/madrid", "area": "es", "team": "n1", "site": "madrid", "priority": "high",
        "kind": "outbound", "category": "billing", "category_raw": "facturación", "product": "fibre",
        "process": "collect", "journey_stage": "pay", "otc_stage": "payment", "element": "people", "origin_area": "it",
        "demand_type": "failure", "relationship": "b2b", "segment": "gold", "value_band": "a", "country": "ES",
        "language": "es-MX", "topics": ("wait",), "score": None, "payload": "{}",
    }  # fmt: skip


def test_what_was_not_said_is_empty() -> None:
    said = {"event_id", "source", "event_type", "schema_version", "entity_id", "channel"}
    row = row_of(event_of(SURVEYS, score=4, customer=None, cause=None), SURVEYS)
    own = row._asdict()
    assert (row.customer_id, row.seq, row.score, row.kind) == ("", -1, 4.0, "csat")
    assert {own[name] for name in own if name not in said and EventRow.__annotations__[name] is str} == {
        "", "billing", "csat", "survey-events", "{}",
    }  # fmt: skip


@pytest.mark.parametrize("record", examples.valid(), ids=str)
def test_every_column_of_an_example_has_its_type(record: examples.Record) -> None:
    event = decode(record.topic, record.value)
    assert isinstance(event, Event)
    types = get_type_hints(EventRow)
    wrong = {
        name: value
        for name, value in row_of(event, record.topic)._asdict().items()
        if not isinstance(value, getattr(types[name], "__origin__", types[name]))
    }
    assert wrong == {}


def test_a_rejected_record_is_described_without_its_bytes() -> None:
    record = FakeRecord(CONTACTS, 3, 7, 9_000, b"c1", b"{}")
    row = rejected_row(record, CONTACTS, 2, Rejection("not_json", "f", "an object", "x"), Claimed("crm", "e1", "t"))
    assert row._asdict() == {
        "topic": CONTACTS, "partition": 3, "incarnation": 2, "offset": 7, "table": "", "row": 0, "record_at": 9_000,
        "reason": "not_json", "field": "f", "expected": "an object", "got": "x", "source": "crm", "event_id": "e1",
        "event_type": "t", "bytes": 2,
        "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    }  # fmt: skip
