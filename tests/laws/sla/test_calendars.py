"""Rules 6 and 7: office hours and working days."""

import pytest

from tests.laws.sla.office import CALENDARS, SPLIT, Promising, at, local, opened

OFFICE_HOURS = [
    ("no lunch hours", "2026-11-24 13:30", f"target: 1h, {SPLIT}", "2026-11-24 16:30"),
    ("opened during lunch", "2026-11-24 14:30", f"target: 30min, {SPLIT}", "2026-11-24 16:30"),
    ("the night is counted", "2026-11-24 18:00", f"target: 1h, {SPLIT}", "2026-11-25 09:30"),
    ("the weekend is counted", "2026-11-27 18:00", f"target: 1h, {SPLIT}", "2026-11-30 09:30"),
    ("a holiday is counted", "2026-12-07 18:00", f"target: 1h, {SPLIT}", "2026-12-09 09:30"),
    ("an hour too much when clocks go back", "2026-10-25 00:30", "target: 4h, calendar: always", "2026-10-25 03:30"),
    ("a shift across midnight", "2026-11-28 23:00", "target: 3h, calendar: night", "2026-11-29 02:00"),
]
WORKING_DAYS = [
    ("the day of receipt counts", "2026-11-23 08:00", 1, "2026-11-24 23:59"),
    ("due at the hour of receipt", "2026-11-24 08:00", 2, "2026-11-26 23:59"),
    ("a minute before midnight is another day", "2026-11-24 23:59", 1, "2026-11-25 23:59"),
    ("Saturday counts", "2026-11-27 10:00", 1, "2026-11-30 23:59"),
    ("received on a Sunday", "2026-11-29 10:00", 1, "2026-11-30 23:59"),
    ("a holiday counts", "2026-12-07 10:00", 1, "2026-12-09 23:59"),
]


@pytest.mark.parametrize(("complaint", "start", "target", "due"), OFFICE_HOURS, ids=[case[0] for case in OFFICE_HOURS])
def test_rule_6_office_hours(promising: Promising, complaint: str, start: str, target: str, due: str) -> None:
    row = promising(f"  resolve: [{{{target}}}]\n").after([opened(at(start))]).clock("C1", "resolve")
    assert local(row["due_at"]) == due, complaint


@pytest.mark.parametrize(("complaint", "start", "days", "due"), WORKING_DAYS, ids=[case[0] for case in WORKING_DAYS])
def test_rule_7_working_days(promising: Promising, complaint: str, start: str, days: int, due: str) -> None:
    office = promising(f"  resolve: [{{working_days: {days}, {SPLIT}}}]\n")
    assert local(office.after([opened(at(start))]).clock("C1", "resolve")["due_at"]) == due, complaint


def test_rule_6_hours_that_change_apply_to_clocks_that_start_after_it(promising: Promising) -> None:
    text = (CALENDARS / "es-madrid-split.yaml").read_text(encoding="utf-8")
    night = text.replace('version: "1"', 'version: "2"\nvalid_from: 2026-11-25T00:00:00Z')
    (promising.folder / "later.yaml").write_text(night.replace("09:00-14:00", "08:00-14:00"), encoding="utf-8")
    office = promising(f"  resolve: [{{target: 8h, {SPLIT}}}]\n")
    before = office.after([opened(at("2026-11-24 10:00"))]).clock("C1", "resolve")
    after = office.after([opened(at("2026-11-25 10:00"))]).clock("C1", "resolve")
    assert (local(before["due_at"]), local(after["due_at"])) == ("2026-11-25 10:30", "2026-11-26 09:30")
