"""When a release is at fault: so many records in a row failed, of so many publishers, that it cannot be them."""

import pytest

from processors.state.error_streak import FAILED_AGAIN_MAX, FAILED_MAX, SOURCES_MIN, ErrorStreak
from processors.state.sources import HOUR_MS, KNOWN_FOR_MS, SOURCES_MAX, Sources

ERROR = "KeyError at fold.py:12"
T0 = 400_000 * HOUR_MS


def streak_with(*accepted: str) -> ErrorStreak:
    """A streak of a partition that has had a record of these sources accepted."""
    streak = ErrorStreak(3, Sources())
    for source in accepted:
        streak.note_accepted(source, T0)
    return streak


def fail(streak: ErrorStreak, *sources: str, times: int = FAILED_MAX) -> bool:
    """So many records in turn; returns whether it halts at the last of them, and not before."""
    for number in range(times):
        assert streak.halted is None, f"at record {number}"
        streak.note_failed(sources[number % len(sources)], "contact-events", 40 + number, ERROR)
    return streak.halted is not None


def test_a_hundred_failures_in_a_row_of_three_known_sources_halt() -> None:
    assert fail(streak_with("crm", "pbx", "web", "shop"), "crm", "pbx", "web")


def test_one_fewer_do_not() -> None:
    assert not fail(streak_with("crm", "pbx", "web"), "crm", "pbx", "web", times=FAILED_MAX - 1)


@pytest.mark.parametrize("sources", [["crm"], ["crm", "pbx"], ["crm", "pbx", "unknown", "made up"]])
def test_fewer_than_three_known_sources_do_not_however_often(sources: list[str]) -> None:
    assert not fail(streak_with("crm", "pbx", "web"), *sources, times=20 * FAILED_MAX)


def test_the_third_source_may_come_late_where_one_publisher_outnumbers_all_others() -> None:
    streak = streak_with("crm", "pbx", "web")
    assert not fail(streak, "crm", times=10_000)
    assert not fail(streak, "pbx", times=1)
    assert fail(streak, "web", times=1)


@pytest.mark.parametrize("known", [[], ["crm"], ["crm", "pbx"]])
def test_where_fewer_are_known_all_of_them_must_fail(known: list[str]) -> None:
    assert len(known) < SOURCES_MIN
    if known:
        assert not fail(streak_with(*known), *known[1:], "unknown", times=5 * FAILED_MAX)
    assert fail(streak_with(*known), *known or ["unknown"])


def test_an_accepted_record_ends_the_streak() -> None:
    streak = streak_with("crm", "pbx", "web")
    assert not fail(streak, "crm", "pbx", "web", times=FAILED_MAX - 1)
    streak.note_accepted("crm", T0)
    assert fail(streak, "crm", "pbx", "web")


def test_a_source_that_was_not_accepted_for_a_day_while_others_were_is_not_waited_for() -> None:
    streak = streak_with("gone", "also gone")
    for source in ("crm", "pbx"):
        streak.note_accepted(source, T0 + KNOWN_FOR_MS + HOUR_MS)
    assert fail(streak, "crm", "pbx")


def test_the_reason_is_one_line_that_says_what_failed_since_where_and_what_to_do() -> None:
    streak = streak_with()
    fail(streak, "crm")
    assert streak.halted is not None
    assert "\n" not in streak.halted
    for said in ("last 100 records", "since contact-events[3]@40", ERROR, "OIDOR_TAKE_PROCESSING_ERRORS=true"):
        assert said in streak.halted


# Over a restart


def restarted(streak: ErrorStreak, sources: Sources) -> ErrorStreak:
    again = ErrorStreak(3, sources)
    again.restore(streak.meta())
    return again


def test_a_restart_with_the_same_release_halts_sooner_again_and_says_so_until_a_record_is_accepted() -> None:
    sources = Sources()
    streak = ErrorStreak(3, sources)
    for source in ("crm", "pbx", "web"):
        streak.note_accepted(source, T0)
    fail(streak, "crm", "pbx", "web")

    again = restarted(streak, sources)
    assert (again.halted, again.meta()) == (None, streak.halted)
    assert fail(again, "crm", "pbx", "web", times=FAILED_AGAIN_MAX)

    good = restarted(again, sources)
    good.note_accepted("crm", T0)
    assert good.meta() is None
    assert not fail(good, "crm", "pbx", "web", times=FAILED_MAX - 1)


def test_a_good_release_is_not_halted_by_the_one_publisher_whose_records_fail() -> None:
    sources = Sources()
    streak = ErrorStreak(3, sources)
    for source in ("crm", "pbx", "web"):
        streak.note_accepted(source, T0)
    fail(streak, "crm", "pbx", "web")
    assert not fail(restarted(streak, sources), "crm", times=5 * FAILED_MAX)


# Sources


def test_sources_are_written_once_an_hour_and_read_back() -> None:
    sources, again = Sources(), Sources()
    sources.note_accepted("crm", T0)
    sources.note_accepted("pbx", T0 + HOUR_MS)
    first = list(sources.changes())
    sources.note_accepted("crm", T0 + HOUR_MS - 1)
    assert list(sources.changes()) == []
    for change in first:
        again.apply(change, 1)
    assert again.known() == sources.known() == {"crm", "pbx"}


def test_sources_are_bounded_and_the_one_that_was_accepted_longest_ago_leaves() -> None:
    sources, again = Sources(), Sources()
    for number in range(SOURCES_MAX + 1):
        sources.note_accepted(f"source-{number}", T0 + number)
    for change in sources.changes():
        again.apply(change, 1)
    assert again.known() == sources.known()
    assert len(sources.known()) == SOURCES_MAX
    assert "source-0" not in sources.known()
