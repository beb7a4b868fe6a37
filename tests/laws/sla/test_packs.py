"""Rules 13 to 15: which version of a pack holds, and what it says of itself."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.laws.sla.office import (
    CLASSES,
    SPLIT,
    Office,
    Promising,
    at,
    claim,
    clocks_of,
    complaint,
    contact,
    opened,
    shown,
)
from tests.processors.feed import HOUR, Feed, Happening, event, rules


def test_rule_13_a_clock_keeps_the_version_it_started_with(promising: Promising) -> None:
    office = promising("  resolve: [{target: 8h}]\n")
    newer = promising.folder / "newer.yaml.pack"
    newer.write_text(
        'policy_id: p\nversion: "2"\nvalid_from: 2025-11-24T02:00:00Z\nclocks:\n  resolve: [{target: 1h}]\n', "utf-8"
    )
    office = Office(rules(policies=(promising.folder / "pack" / "p.yaml", newer), calendars=promising.folder))
    views = office.after([opened(0, "C1"), opened(3 * HOUR, "C2"), contact("priority_changed", 4 * HOUR, "C1",
                          **{"from": "normal", "to": "high"})])  # fmt: skip
    assert [(row["entity_id"], row["policy_version"], row["target"]) for row in views.clocks()] == [
        ("C1", "1", "8h"),
        ("C2", "2", "1h"),
    ]


NEWER = 2 * HOUR
VERSIONS = [
    ("opened before", [opened(NEWER - 1)], ["1"]),
    ("opened when it begins to hold", [opened(NEWER)], ["2"]),
    ("heard of when it held already", [opened(NEWER - 1, arrives=9 * HOUR)], ["1"]),
    ("stuck after the change: it is met by the old one",
     [opened(), contact("resolved", 7 * HOUR)], ["1"]),
    ("reopened: what is left is of the old one",
     [opened(), contact("resolved", HOUR), contact("reopened", 3 * HOUR, reason="not_fixed")], ["1", "1"]),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "log", "versions"), VERSIONS, ids=[case[0] for case in VERSIONS])
def test_rule_13_versions(promising: Promising, complaint: str, log: list[Happening], versions: list[str]) -> None:
    promising("  resolve: [{target: 8h}]\n")
    newer = promising.folder / "newer.yaml.pack"
    newer.write_text(
        'policy_id: p\nversion: "2"\nvalid_from: 2025-11-24T02:00:00Z\nclocks:\n  resolve: [{target: 1h}]\n', "utf-8"
    )
    office = Office(rules(policies=(promising.folder / "pack" / "p.yaml", newer), calendars=promising.folder))
    assert [row["policy_version"] for row in clocks_of(office.after(log), "resolve")] == versions, complaint


@pytest.mark.parametrize(
    ("complaint", "pack", "happening", "unmatched"),
    [
        ("a rule promises it nothing", CLASSES, claim(kind="praise"), 1),
        ("no rule fits", "  resolve: [{when: {channel: [phone]}, target: 1h}]\n", claim(), 1),
        ("promised", CLASSES, claim(), 0),
    ],
)
def test_rule_14_no_promise_is_counted(
    promising: Promising, complaint: str, pack: str, happening: Happening, unmatched: int
) -> None:
    outputs = Feed(promising(pack).rules).feed(happening)
    moved = [key for _, key in outputs.moments if key[0] == "sla_unmatched"]
    assert moved == [("sla_unmatched", "complaint-events")] * unmatched, complaint


@pytest.mark.parametrize(
    ("complaint", "target", "hours"),
    [
        ("woken at night for office hours", f"target: 8h, {SPLIT}", "es-madrid-split"),
        ("asleep while round-the-clock promises break", "target: 4h", None),
    ],
)
def test_rule_15_an_incident_names_the_hours_in_which_to_tell(
    promising: Promising, complaint: str, target: str, hours: str | None
) -> None:
    told = promising(f"  resolve: [{{{target}}}]\n").after([opened()]).incidents()
    assert {row["pattern"] for row in told} == {"P01", "P02"}
    assert {json.loads(row["evidence"]).get("route_hours") for row in told} == {hours}, complaint


def test_the_row_says_what_was_promised_and_how_it_was_counted(promising: Promising) -> None:
    row = promising(f"  resolve: [{{target: 8h, {SPLIT}}}]\n").after([opened()]).clock("C1", "resolve")
    assert shown(row, "target", "calendar", "legal", "target_ms") == {
        "target": "8h es-madrid-split",
        "calendar": "es-madrid-split",
        "legal": 0,
        "target_ms": 8 * HOUR,
    }


@pytest.mark.parametrize(
    ("complaint", "sent", "due"),
    [("in time", "2026-12-01 10:00", "2027-01-14 23:59"), ("too late", "2026-12-20 10:00", "2026-12-14 23:59")],
)
def test_a_holding_response_in_time_gives_what_the_pack_allows(
    promising: Promising, complaint: str, sent: str, due: str
) -> None:
    office = promising("  final_response: [{working_days: 15, calendar: uk, extended_working_days: 35, legal: true}]\n")
    log = [claim(at("2026-11-23 10:00")), event("complaint.holding_response_sent", "R1", at(sent))]
    row = office.after(log).clock("R1", "final_response")
    london = datetime.fromtimestamp(row["due_at"] / 1000, ZoneInfo("Europe/London"))
    assert london.isoformat(sep=" ")[:16] == due, complaint


def test_closing_a_complaint_is_no_response(promising: Promising) -> None:
    views = promising("  final_response: [{target: 5d}]\n").after([claim(), complaint("closed", HOUR)])
    assert views.clock("R1", "final_response")["state"] == "breached_open"
