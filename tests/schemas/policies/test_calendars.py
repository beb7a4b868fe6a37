"""Calendars in YAML: what is shipped loads, and what is wrong is refused with file, line and reason."""

from datetime import date
from pathlib import Path

import pytest

from schemas.policies import calendars
from schemas.policies.calendars import CalendarDefinition, Interval, load, load_all, recorded
from schemas.policies.yaml_lines import YamlRefusedError

PACKS = sorted((Path(__file__).parents[3] / "deploy" / "policies" / "calendars").glob("*.yaml"))

GOOD = """\
calendar_id: shop
version: "1"
valid_from: 2026-01-01T00:00:00Z
zone: Europe/Madrid
weekly:
  monday: ["16:00-18:30", "09:00-14:00"]
  saturday: ["22:00-06:00"]
holidays:
  country: ES
  subdivision: MD
  dates:
    2026-12-24: ["09:00-12:00"]
    2026-12-31: []
openings:
  2026-12-19: ["10:00-14:00"]
"""


def test_the_shipped_calendars_load_together_and_are_named_after_their_files() -> None:
    assert [definition.calendar_id for definition in load_all(PACKS)] == [path.stem for path in PACKS]
    assert {"always", "es-madrid-split", "es-working-days", "uk"} <= {path.stem for path in PACKS}


def test_a_calendar_is_read_as_written(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(GOOD, encoding="utf-8")
    shop = load(tmp_path / "shop.yaml")
    assert shop.weekly["monday"] == (Interval(9 * 60, 14 * 60), Interval(16 * 60, 18 * 60 + 30)), "in order"
    assert shop.weekly["saturday"] == (Interval(22 * 60, 30 * 60),), "until the next morning"
    assert shop.holidays.dates == {date(2026, 12, 24): (Interval(9 * 60, 12 * 60),), date(2026, 12, 31): ()}
    assert shop.openings == {date(2026, 12, 19): (Interval(10 * 60, 14 * 60),)}
    assert shop.valid_from_ms == 1_767_225_600_000
    assert shop.saturdays_are_working_days
    assert not load(PACKS[1]).saturdays_are_working_days


@pytest.mark.parametrize(
    ("line", "was", "becomes", "reason"),
    [
        (4, "Europe/Madrid", "Europe/Atlantis", "zone: 'Europe/Atlantis' is no zone of the IANA database"),
        (4, "Europe/Madrid", "Europe", "is no zone of the IANA database"),
        (4, "Europe/Madrid", "/etc/passwd", "is no zone of the IANA database"),
        (6, "16:00-18:30", "16:00-18:60", "weekly.monday.0: an interval is two local times"),
        (6, "16:00-18:30", "16:00-25:00", "weekly.monday.0: 16:00-25:00 is outside the day"),
        (6, "16:00-18:30", "24:00-06:00", "weekly.monday.0: 24:00-06:00 is outside the day"),
        (6, "16:00-18:30", "16:00-16:00", "weekly.monday.0: 16:00-16:00 is empty or a whole day"),
        (6, "16:00-18:30", "13:00-18:30", "weekly.monday: two intervals of this day overlap"),
        (6, '["16:00-18:30", "09:00-14:00"]', "09:00-14:00", "weekly.monday: the hours of a day are a list"),
        (7, "saturday", "samedi", "weekly.samedi: must be 'monday', 'tuesday'"),
        (7, "saturday", "monday", "monday stands twice"),
        (14, "openings:", "opening_hours:", "opening_hours: is no name that is known here"),
        (9, "ES", "XX", "holidays.country: the holidays library has no XX"),
        (9, "ES", "NO", 'holidays.country: must be text: write "false", in quotes'),
        (10, "MD", "ENG", "holidays.subdivision: the holidays library has no ES ENG"),
        (10, "country: ES", "country:", "holidays.subdivision: a subdivision needs its country"),
        (12, "2026-12-24", "2026-13-24", "month must be in 1..12"),
        (12, "2026-12-24", "Christmas", "holidays.dates.Christmas: must be a valid date"),
        (15, "10:00-14:00", "10-14", "openings.2026-12-19.0: an interval is two local times"),
        (3, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "valid_from: Input should have timezone info"),
        (2, '"1"', "1", 'version: must be text: write "1", in quotes'),
        (1, "shop", "The Shop", "calendar_id: String should match pattern"),
        (1, "calendar_id: shop\n", "", "calendar_id: is missing"),
        (7, '["16:', '[["16:', "expected ',' or ']', but got '<scalar>' (while parsing a flow sequence, line 6)"),
        (1, GOOD, "", "the file: must be names with values"),
        (1, GOOD, "- monday", "the file: must be names with values"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_file_line_and_reason(
    line: int, was: str, becomes: str, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(GOOD.replace(was, becomes, 1), encoding="utf-8")
    with pytest.raises(YamlRefusedError) as refused:
        load(path)
    message = str(refused.value)
    assert message.startswith(f"{path}:{line}: "), message
    assert reason in message
    assert "\n" not in message


def test_a_calendar_that_never_opens_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shut.yaml"
    path.write_text('calendar_id: shut\nversion: "1"\nzone: UTC\nweekly:\n  monday: []\n', encoding="utf-8")
    with pytest.raises(YamlRefusedError, match=r"shut\.yaml:4: weekly: a calendar that never opens"):
        load(path)


def test_files_that_are_missing_or_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(YamlRefusedError, match=r"none\.yaml:1: cannot be read: No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"version: '1'\n# ma\xf1ana\n")
    with pytest.raises(YamlRefusedError, match=r"latin\.yaml:2: not UTF-8"):
        load(tmp_path / "latin.yaml")


@pytest.mark.parametrize(("was", "becomes"), [("shop", "shop"), ('"1"', '"2"'), ("2026-01-01", "2026-02-01")])
def test_versions_of_one_calendar_differ_in_version_and_valid_from(was: str, becomes: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(GOOD, encoding="utf-8")
    other.write_text(GOOD.replace(was, becomes), encoding="utf-8")
    with pytest.raises(YamlRefusedError, match=r"other\.yaml:1: calendar shop: .*versions differ in both"):
        load_all([one, other])
    other.write_text(GOOD.replace('"1"', '"2"').replace("2026-01-01", "2026-02-01"), encoding="utf-8")
    assert [definition.version for definition in load_all([one, other])] == ["1", "2"]


def test_the_example_in_the_documentation_is_a_calendar(tmp_path: Path) -> None:
    documented = (calendars.__doc__ or "").split("\n\n")[1]
    path = tmp_path / "documented.yaml"
    path.write_text("\n".join(line[4:] for line in documented.splitlines()), encoding="utf-8")
    assert load(path).calendar_id == "es-madrid-split"


HOLIDAYS = {date(2026, 1, 6): "Epifanía: Reyes", date(2026, 12, 25): "Natividad del Señor"}


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD + "...\n",
        "{calendar_id: c, version: '1', zone: UTC, weekly: {monday: ['09:00-10:00']}, holidays: {country: ES}}",
    ],
)
def test_a_recorded_calendar_says_what_it_said_and_the_holidays_of_its_country(text: str) -> None:
    before = CalendarDefinition.read(text, "before")
    after = CalendarDefinition.read(recorded(text, HOLIDAYS), "after")
    assert after.national_holidays == HOLIDAYS
    assert after.model_dump(exclude={"national_holidays"}, warnings=False) == before.model_dump(
        exclude={"national_holidays"}, warnings=False
    )


def test_holidays_of_a_country_need_the_country() -> None:
    with pytest.raises(YamlRefusedError, match=r"national_holidays need the country"):
        CalendarDefinition.read(recorded(GOOD.replace("  country: ES\n  subdivision: MD\n", ""), HOLIDAYS), "c.yaml")
