"""The digest of what a case is counted by: when it is another, and when it is not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

import processors.rules as rules_module
from processors.rules import Rules
from tests.processors.feed import rules

PACK: Final = """\
policy_id: desk
version: "{version}"
valid_from: {valid_from}
clocks:
  resolve:
    - {{when: {{priority: [urgent]}}, target: {urgent}, warn_at: [{warn_at}]}}
    - {{target: 8h, calendar: office, pausable: true}}
  {more}
short_abandon: [{{below: {short}}}]
"""
CALENDAR: Final = """\
calendar_id: {calendar_id}
version: "{version}"
zone: Europe/Madrid
weekly: {{monday: ["09:00-{closes}"], friday: ["09:00-14:00"]}}
holidays: {{country: ES, subdivision: {subdivision}, dates: {{2026-11-02: []}}}}
"""
AS_WRITTEN: Final = {
    "version": "1",
    "valid_from": "2000-01-01T00:00:00Z",
    "urgent": "4h",
    "warn_at": "0.5, 0.8",
    "more": "answer: [{target: 20s}]",
    "short": "5s",
}
OPEN: Final = {"calendar_id": "office", "version": "1", "closes": "14:00", "subdivision": "MD"}


def digest(
    folder: Path, *, calendar: dict[str, str] | None = None, pack: dict[str, str] | None = None, **more: Any
) -> str:
    (folder / "calendars").mkdir(exist_ok=True)
    (folder / "calendars" / "office.yaml").write_text(CALENDAR.format(**OPEN | (calendar or {})))
    (folder / "desk.yaml").write_text(PACK.format(**AS_WRITTEN | (pack or {})))
    return _rules(folder, **more).digest


def _rules(folder: Path, **settings: Any) -> Rules:
    return rules(**{"policies": (folder / "desk.yaml",), "calendars": folder / "calendars"} | settings)


OTHER: Final[dict[str, dict[str, Any]]] = {
    "a target": {"pack": {"urgent": "5h"}},
    "a condition": {"pack": {"more": "answer: [{when: {channel: [chat]}, target: 20s}]"}},
    "a promise more": {"pack": {"more": "answer: [{target: 20s}]\n  callback: [{target: 1h}]"}},
    "from when on": {"pack": {"valid_from": "2026-01-01T00:00:00Z"}},
    "who did not wait": {"pack": {"short": "6s"}},
    "hours": {"calendar": {"closes": "15:00"}},
    "holidays": {"calendar": {"subdivision": "CT"}},
    "the grace of all": {"grace": 77},
    "how many values a dimension has": {"dimension_values_max": 7},
}
SAME: Final[dict[str, dict[str, Any]]] = {
    "what a version is called": {"pack": {"version": "2"}, "calendar": {"version": "2"}},
    "when a clock warns": {"pack": {"warn_at": "0.3"}},
    "how it is written": {"pack": {"urgent": "240min", "valid_from": "2000-01-01T01:00:00+01:00"}},
    "what is a default": {"pack": {"more": "answer: [{target: 20s, legal: false, pausable: false}]"}},
    "how long things are kept": {"kpi_memory": 60, "case_retention_days": 3, "cases_max": 9},
    "who may publish": {"sources": ("crm",)},
}


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_what_changes_a_count_changes_the_digest(tmp_path: Path, change: dict[str, Any]) -> None:
    assert digest(tmp_path, **change) != digest(tmp_path)


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_what_changes_no_count_leaves_the_digest(tmp_path: Path, change: dict[str, Any]) -> None:
    assert digest(tmp_path, **change) == digest(tmp_path)


def test_a_calendar_that_no_pack_names_is_not_counted_by(tmp_path: Path) -> None:
    before = digest(tmp_path)
    (tmp_path / "calendars" / "other.yaml").write_text(CALENDAR.format(**OPEN | {"calendar_id": "other"}))
    assert _rules(tmp_path).digest == before


@pytest.mark.parametrize(
    ("name", "value"),
    [("DEFINITION_VERSION", 99), ("ACCUMULATORS", ("praise",)), ("DIMENSIONS", ("all",)), ("HISTOGRAM_BASE", 1.02)],
)
def test_a_release_that_counts_otherwise_has_another_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    before = digest(tmp_path)
    monkeypatch.setattr(rules_module, name, value)
    assert digest(tmp_path) != before


def test_a_release_that_only_orders_its_declarations_anew_has_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(tmp_path)
    for name in ("ACCUMULATORS", "DIMENSIONS"):
        monkeypatch.setattr(rules_module, name, getattr(rules_module, name)[::-1])
    assert digest(tmp_path) == before


@pytest.mark.parametrize("seed", ["0", "7"])
def test_another_process_has_the_same_digest(tmp_path: Path, seed: str) -> None:
    expected = digest(tmp_path)
    program = (
        "import sys, pathlib; from tests.processors.test_rules import _rules;"
        "print(_rules(pathlib.Path(sys.argv[1])).digest)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": seed}
    )
    assert done.stdout.split() == [expected]
