"""Which packs, calendars and settings a ticket's events live under, and how a mistake in them is told."""

from pathlib import Path
from typing import Any

import pytest

from deploy.cli.tryout.rules import TicketRules, rules_of
from deploy.cli.tryout.ticket import TicketError, read_ticket
from schemas.errors import OidorError
from tests.deploy.cli.tryout.tickets import PACK, lines, opened

OFFICE = 'calendar_id: office\nversion: "1"\nzone: UTC\nweekly:\n  monday: ["09:00-17:00"]\n'
IN_OFFICE_HOURS = PACK.replace("target: 4h", "target: 4h, calendar: office")


def ruled(*content: Any, policies: tuple[Path, ...] = (), calendars: Path | None = None) -> TicketRules:
    return rules_of(read_ticket("t", lines(opened(), *content)), policies, calendars)


def test_without_a_word_the_default_pack_holds() -> None:
    assert ruled().rules.policy_ids == ("default",)


def test_packs_of_the_file_come_before_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDOR_POLICIES", "nowhere.yaml")
    second = PACK.replace("policy_id: p", "policy_id: q")
    assert ruled({"pack": PACK}, {"pack": second}).rules.policy_ids == ("p", "q")


def test_packs_of_the_caller_come_before_those_of_the_file(tmp_path: Path) -> None:
    pack = tmp_path / "mine.yaml"
    pack.write_text(PACK.replace("policy_id: p", "policy_id: mine"))
    assert ruled({"pack": PACK}, policies=(pack,)).rules.policy_ids == ("mine",)


def test_calendars_of_the_file_stand_beside_those_that_are_shipped() -> None:
    shipped = PACK.replace("policy_id: p", "policy_id: q").replace("target: 4h", "target: 4h, calendar: uk")
    ruled({"calendar": OFFICE}, {"pack": IN_OFFICE_HOURS}, {"pack": shipped})


def test_a_folder_of_the_caller_is_instead_of_those_that_are_shipped(tmp_path: Path) -> None:
    (tmp_path / "office.yaml").write_text(OFFICE)
    ruled({"pack": IN_OFFICE_HOURS}, calendars=tmp_path)
    with pytest.raises(TicketError, match="unknown calendar 'uk'; known: office"):
        ruled({"pack": IN_OFFICE_HOURS.replace("office", "uk")}, calendars=tmp_path)


def test_settings_of_the_file_hold() -> None:
    made = ruled({"settings": {"kpi_memory": 5, "page_window": 60}})
    assert (made.rules.kpi_memory_ms, made.page_window_ms) == (5_000, 60_000)


def test_what_is_odd_about_a_pack_is_told_by_line_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    made = ruled({"pack": PACK.replace("resolve", "acknowledge")})
    (warning,) = made.warnings
    assert warning.startswith("t:2: pack, line 4: clocks.acknowledge.0: holds for complaint-events alone")
    assert caplog.records == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"pack": PACK.replace("4h", "soon")}, "t:2: pack, line 4: clocks.resolve.0.target: a duration is a number"),
        ({"pack": IN_OFFICE_HOURS}, "t:2: pack, line 4: clocks.resolve.0.calendar: unknown calendar 'office'"),
        ({"pack": "a: [\n"}, "t:2: pack, line 2: not usable YAML"),
        ({"calendar": OFFICE.replace("UTC", "Mars")}, "t:2: calendar, line 3: zone: 'Mars' is no zone"),
        ({"calendar": OFFICE.replace("office", "uk")}, "t:2: calendar, line 1: calendar uk: another file has"),
        ({"settings": {"policies": ["/nowhere.yaml"]}}, "unknown policy pack /nowhere.yaml: no such file"),
        ({"patterns": "# ours\nP08: {warning: 9}\n"}, "t:2: patterns, line 2: P08: critical (5) must not be less"),
        ({"patterns": "P77: {}\n"}, "t:2: patterns, line 1: P77: is no name that is known here"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_the_line_of_the_ticket_and_that_of_the_yaml(content: dict[str, Any], says: str) -> None:
    with pytest.raises(OidorError) as caught:
        ruled(content)
    assert str(caught.value).startswith(says)


def test_a_calendar_that_is_configured_keeps_its_own_name_when_it_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("calendar_id: x\n")
    with pytest.raises(TicketError) as caught:
        ruled({"calendar": OFFICE}, calendars=tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'wrong.yaml'}:1: ")
