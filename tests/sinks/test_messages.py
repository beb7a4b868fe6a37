"""A checkpoint as Kafka messages: nothing lost, nothing too large, nobody paged by history."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.outputs import (
    COLUMNS,
    Checkpoint,
    IncidentRow,
    ProgressRow,
    RejectedRecord,
    RejectedRow,
    decode_row_batch,
    decode_rows,
)
from sinks.messages import ORIGINAL_BYTES, Message, incident_json, messages, rejection

WALL = 1_764_000_000_000
PAGE_WINDOW = 600_000


def checkpoint_of(
    rows: Mapping[str, Sequence[tuple[Any, ...]]] = MappingProxyType({}),
    incidents: Sequence[IncidentRow] = (),
    rejected: Sequence[RejectedRecord] = (),
) -> Checkpoint:
    return Checkpoint(
        partition=3,
        version=5 << 32 | 9,
        recorded_at=WALL,
        rows=rows,
        incidents=incidents,
        rejected=rejected,
    )


def progress(topic: str) -> ProgressRow:
    return ProgressRow(topic, 3, 0, 0, 1, 1, 0, 0, 0, 1)


def incident(**changes: Any) -> IncidentRow:
    row = IncidentRow(
        incident_id="i1", pattern="P01", subject="c1", severity="critical", state="open", close_reason="",
        opened_at=WALL - 1_000, updated_at=WALL - 1_000, closed_at=None, topic="contact-events", partition=3,
        source="crm", entity_id="e1", customer_id="c1", area="sales", team="t", owner="o", policy_id="default",
        metric="answer", summary="late", evidence='{"n": 3}', rule_version="1",
    )  # fmt: skip
    return row._replace(**changes)


def rejected(value: bytes, **changes: Any) -> RejectedRecord:
    row = RejectedRow(
        "contact-events", 3, 0, 41, "", 0, WALL, "bad_enum", "channel", "phone, email", "telegram", "crm", "e9",
        "contact.opened", len(value), sha256(value).hexdigest(),
    )  # fmt: skip
    return RejectedRecord(row._replace(**changes), b"c1", value)


def published(checkpoint: Checkpoint, limit: int = 900_000) -> list[Message]:
    return list(messages(checkpoint, prefix="acme-", wall=WALL, page_window_ms=PAGE_WINDOW, message_bytes=limit))


def rows_of(sent: list[Message], table: str) -> list[tuple[Any, ...]]:
    packs = [decode_row_batch(message.value) for message in sent if message.topic == "acme-feedback-rows"]
    return [tuple(row) for pack in packs if pack.table == table for row in decode_rows(pack)]


@given(st.lists(st.text(max_size=400), max_size=60), st.integers(500, 4_000))
def test_every_row_comes_back_once_and_no_message_is_too_large(names: list[str], limit: int) -> None:
    sent = published(checkpoint_of({"ingest_progress": [progress(name) for name in names]}), limit)
    packed, refused = rows_of(sent, "ingest_progress"), rows_of(sent, "rejected_events")

    fits = [name for name in names if progress(name) in packed]
    assert packed == [progress(name) for name in fits]
    assert len(packed) + len(refused) == len(names)
    assert all(len(message.value) <= limit for message in sent if message.topic == "acme-feedback-rows")


@pytest.mark.parametrize("count", [1, 15, 16, 127, 128, 129, 143, 144, 500])
@pytest.mark.parametrize("limit", [1_000, 6_000, 900_000])
def test_any_number_of_rows_comes_back_in_order(count: int, limit: int) -> None:
    rows = [progress(f"topic-{number}") for number in range(count)]
    sent = published(checkpoint_of({"ingest_progress": list(rows)}), limit)

    assert rows_of(sent, "ingest_progress") == rows
    assert all(len(message.value) <= limit for message in sent)


def test_a_pack_says_what_is_the_same_for_all_its_rows() -> None:
    (message,) = published(checkpoint_of({"ingest_progress": [progress("a"), progress("b")]}))
    pack = decode_row_batch(message.value)

    assert (pack.table, pack.columns, pack.partition) == ("ingest_progress", COLUMNS["ingest_progress"], 3)
    assert (pack.version, pack.recorded_at) == (5 << 32 | 9, WALL)


def test_a_row_that_no_message_can_hold_is_rejected_and_the_rest_goes_on() -> None:
    giant = progress("x" * 5_000)

    sent = published(checkpoint_of({"ingest_progress": [progress("a"), giant, progress("b")]}), limit=2_000)

    assert rows_of(sent, "ingest_progress") == [progress("a"), progress("b")]
    (row,) = (RejectedRow(*values) for values in rows_of(sent, "rejected_events"))
    assert (row.reason, row.field, row.topic) == ("sink_refused", "ingest_progress", "feedback-rows")
    assert [dict(message.headers)["reason"] for message in sent if message.topic == "acme-feedback-rejected"] == [
        b"sink_refused"
    ]


OLD = WALL - PAGE_WINDOW
PAGES = {
    "a breach that just happened": (incident(), True),
    "a warning": (incident(severity="warning"), True),
    "one for information": (incident(severity="info"), False),
    "history that is replayed": (incident(opened_at=OLD, updated_at=OLD), False),
    "of a publisher whose clock is a little ahead": (incident(opened_at=WALL + 60_000), True),
    "one that is still to come": (incident(opened_at=WALL + 60_001), False),
    "one that is over": (incident(state="closed", close_reason="met", closed_at=WALL), False),
    "one that never was": (incident(state="withdrawn"), False),
}


@pytest.mark.parametrize(("row", "page"), PAGES.values(), ids=PAGES.keys())
def test_who_is_paged(row: IncidentRow, page: bool) -> None:
    assert json.loads(incident_json(row, WALL, WALL, PAGE_WINDOW))["page"] is page


TRANSITIONS = {
    "opened": incident(),
    "updated": incident(updated_at=WALL),
    "closed": incident(state="closed"),
    "withdrawn": incident(state="withdrawn"),
}


@pytest.mark.parametrize(("transition", "row"), TRANSITIONS.items())
def test_an_incident_tells_its_transition_and_its_evidence(transition: str, row: IncidentRow) -> None:
    (message,) = published(checkpoint_of(incidents=[row]))
    told = json.loads(message.value)

    assert (message.topic, message.key) == ("acme-feedback-incidents", b"i1")
    assert (told["transition"], told["state"], told["evidence"]) == (transition, row.state, {"n": 3})


def test_a_rejection_carries_the_original_and_says_why_and_where() -> None:
    message = rejection(rejected(b"{broken"), "")
    headers = {name: value.decode() for name, value in message.headers}

    assert (message.topic, message.key, message.value) == ("feedback-rejected", b"crm", b"{broken")
    assert headers == {
        "reason": "bad_enum", "field": "channel", "expected": "phone, email", "got": "telegram",
        "topic": "contact-events", "partition": "3", "incarnation": "0", "offset": "41", "table": "", "row": "0",
        "event_id": "e9", "source": "crm", "event_type": "contact.opened",
    }  # fmt: skip


def test_of_a_giant_original_the_beginning_is_carried_and_its_fingerprint() -> None:
    giant = b"x" * (ORIGINAL_BYTES + 1)

    message = rejection(rejected(giant), "")
    headers = dict(message.headers)

    assert message.value == giant[:ORIGINAL_BYTES]
    assert headers["sha256"] == sha256(giant).hexdigest().encode()
    assert headers["bytes"] == str(len(giant)).encode()
