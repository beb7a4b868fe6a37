"""`oidor policies diff` as it is read."""

from pathlib import Path
from typing import Final

import pytest

from deploy.cli.policydiff.diff import diff
from schemas.errors import OidorError

PACK: Final = """\
policy_id: desk
version: "1"
clocks:
  resolve:
    - {when: {topic: [contact-events], priority: [urgent]}, target: 4h}
    - {when: {topic: [contact-events], channel: [phone]}, target: 8h, calendar: office}
    - {when: {topic: [contact-events]}, target: 24h}
"""
OFFICE: Final = 'calendar_id: office\nversion: "1"\nzone: UTC\nweekly: {monday: ["09:00-14:00"], tuesday: []}\n'
THE_REST: Final = "  contacts with channel other than phone and priority other than urgent: "
BY_PHONE: Final = "  contacts with channel phone and priority other than urgent: "


def written(folder: Path, pack: str = PACK, calendar: str = OFFICE) -> str:
    (folder / "calendars").mkdir(parents=True)
    (folder / "desk.yaml").write_text(pack)
    (folder / "calendars" / "office.yaml").write_text(calendar)
    return str(folder)


def said(folder: Path, was: str, becomes: str) -> list[str]:
    """What changes with a part of the pack, or of the calendar, replaced."""
    assert was in PACK + OFFICE
    new = written(folder / "new", PACK.replace(was, becomes), OFFICE.replace(was, becomes))
    return diff(written(folder / "old"), new, None, grace_ms=60_000)


RESOLVE: Final[dict[tuple[str, str], list[str]]] = {
    ("target: 4h", "target: 2h"): ["  contacts with priority urgent: shorter: 4 h -> 2 h"],
    ("24h", "48h"): [THE_REST + "longer: 1 d -> 2 d"],
    ("8h, calendar: office", "8h"): [BY_PHONE + "counted otherwise: 8 h of office -> 8 h"],
    ("target: 24h", "target: 24h, legal: true, warn_at: [0.5, 0.8]"): [THE_REST + "1 d; a deadline of the law"],
    ("target: 24h", "target: 24h, on_reopen: none"): [
        THE_REST + "1 d; a reopening gives the rest of the time -> no more time"
    ],
    ("target: 24h", "target: 24h, pausable: true, pause_on: [waiting_customer], pause_reasons: [info]"): [
        THE_REST + "1 d; pauses while it waits for the customer (info)"
    ],
    ("target: 24h", "target: 24h, pausable: true, max_pause: 2d"): [
        THE_REST + "1 d; pauses while it waits for the customer or a third party; a pause lasts at most 2 d"
    ],
    ("    - {when: {topic: [contact-events]}, target: 24h}\n", ""): [THE_REST + "no longer promised: 1 d"],
    ("[urgent]", "[urgent, high]"): [
        "  contacts with channel phone and priority high: counted otherwise: 8 h of office -> 4 h",
        "  contacts with channel other than phone and priority high: shorter: 1 d -> 4 h",
    ],
    ("phone", "phone, chat"): [
        "  contacts with channel chat and priority other than urgent: counted otherwise: 1 d -> 8 h of office"
    ],
}


@pytest.mark.parametrize(("replaced", "expected"), RESOLVE.items(), ids=[becomes for _, becomes in RESOLVE])
def test_it_says_for_whom_what_changes_in_the_order_of_rules(
    tmp_path: Path, replaced: tuple[str, str], expected: list[str]
) -> None:
    assert said(tmp_path, *replaced) == ["resolve", *expected]


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("24h", "1d"),
        ("desk", "other"),
        ('"1"', '"2"'),
        ("target: 24h", "target: 24h, grace: 60s"),
        ("tuesday: []", "friday: []"),
    ],
)
def test_what_is_only_written_otherwise_changes_nothing(tmp_path: Path, was: str, becomes: str) -> None:
    assert said(tmp_path, was, becomes) == []


def test_a_metric_more_and_other_threshold_of_waiting_are_said(tmp_path: Path) -> None:
    more = (
        PACK + "  answer: [{when: {queue: [vip]}, target: 20s}]\nshort_abandon: [{when: {queue: [vip]}, below: 0s}]\n"
    )
    assert diff(written(tmp_path / "old"), written(tmp_path / "new", more), None, grace_ms=60_000) == [
        "answer",
        "  contacts with queue vip: newly promised: 20 s",
        "short_abandon",
        "  contacts with queue vip: who leaves sooner than 5 s did not wait -> whoever leaves has waited",
    ]


def test_other_hours_are_said_of_the_promises_that_count_by_them_and_of_the_calendar(tmp_path: Path) -> None:
    assert said(tmp_path, '"09:00-14:00"', '"09:00-14:00", "16:00-02:00"') == [
        "resolve",
        BY_PHONE + "8 h of office, which has other hours",
        "calendar office",
        "  monday: 09:00-14:00 -> 09:00-14:00, 16:00-02:00",
    ]


def test_holidays_are_named_by_day(tmp_path: Path) -> None:
    lines = said(tmp_path, "zone: UTC", "zone: UTC\nholidays: {country: ES, dates: {2026-11-02: []}}")
    assert lines[3] == "  own holiday, new: 2026-11-02 (closed)"
    assert lines[4].startswith("  national holiday, new: 2020-01-01 (Año Nuevo), ")
    assert lines[4].endswith(" more")


def test_of_several_versions_it_is_said_from_when_on_a_change_holds(tmp_path: Path) -> None:
    old, new = written(tmp_path / "old"), written(tmp_path / "new")
    (tmp_path / "new" / "later.yaml").write_text(
        PACK.replace('"1"', '"2"\nvalid_from: 2027-01-01T00:00:00Z').replace("target: 4h", "target: 2h")
    )
    assert diff(old, new, None, grace_ms=60_000) == [
        "resolve",
        "  contacts with priority urgent, where the clock starts from 2027-01-01: shorter: 4 h -> 2 h",
    ]


def test_one_version_for_another_is_compared_as_if_both_held_and_says_from_when_on_they_do(tmp_path: Path) -> None:
    assert said(tmp_path, '"1"', '"2"\nvalid_from: 2027-01-01T00:00:00Z')[:1] == [
        "desk: in force from 2000-01-01 -> 2027-01-01"
    ]


def test_packs_are_asked_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    written(tmp_path)
    one, other = tmp_path / "desk.yaml", tmp_path / "other.yaml"
    other.write_text(PACK.replace("desk", "other").replace("24h", "48h"))
    for path in (one, other):
        path.write_text(path.read_text().replace(", calendar: office", ""))
    assert diff(f"{one},{other}", f"{other},{one}", None, grace_ms=0) == ["resolve", THE_REST + "longer: 1 d -> 2 d"]


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "old")
    with pytest.raises(OidorError, match="no such file or folder"):
        diff(str(tmp_path / "old"), str(tmp_path / "none"), None, grace_ms=0)
    (tmp_path / "odd.yaml").write_text("a: 1\n")
    with pytest.raises(OidorError, match="is no pack and no calendar"):
        diff(str(tmp_path / "old"), str(tmp_path / "odd.yaml"), None, grace_ms=0)


def test_whether_clocks_that_run_get_the_new_promises_is_said(tmp_path: Path) -> None:
    assert said(tmp_path, "clocks:", "valid_from: 2000-01-01T00:00:00Z\nrecompute_open: true\nclocks:") == [
        "desk: holds for clocks that run when it comes into force, too (recompute_open)"
    ]
