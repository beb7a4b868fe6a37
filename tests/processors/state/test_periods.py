"""By which rules cases were counted, and since when."""

import pytest

from processors.state import periods
from processors.state.periods import Period, Periods
from schemas.outputs import Change
from schemas.topics import CONTACTS, SURVEYS
from tests.processors.feed import Feed


def read_back(*changes: Change) -> Periods:
    table = Periods()
    for change in changes:
        table.apply(change, 1)
    return table


def whole(table: Periods) -> list[Change]:
    return [change for key in table.all_keys() for change in table.whole(key) or ()]


def test_a_new_state_begins_its_first_period_and_writes_it_once() -> None:
    feed = Feed()
    assert (feed.state.periods.number, feed.state.periods.since(CONTACTS)) == (0, 0)
    assert len(list(feed.state.periods.changes())) == 1
    assert list(feed.state.periods.changes()) == []


def test_a_period_is_known_again_from_its_changes_and_when_it_was_written_whole_in_any_order() -> None:
    table = Periods()
    table.begin("a", {})
    table.begin("b", {CONTACTS: 60_000})
    for changes in (list(table.changes()), whole(table), whole(table)[::-1]):
        again = read_back(*changes)
        assert (again.number, again.digest, again.since(CONTACTS), again.since(SURVEYS)) == (1, "b", 60_000, 0)


def test_only_the_last_periods_are_kept() -> None:
    table = Periods()
    for number in range(40):
        table.begin(str(number), {})
    assert len(list(table.all_keys())) == 16
    again = read_back(*table.changes())
    assert again.number == 39
    assert list(again.all_keys()) == list(table.all_keys())


def test_a_minute_is_of_the_least_version_that_it_may_have_been_counted_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "DEFINITION_VERSION", 3)
    table = read_back(
        Change((4,), Period("a", 1, {}), whole=True),
        Change((5,), Period("b", 2, {CONTACTS: 120_000}), whole=True),
        Change((6,), Period("c", 3, {CONTACTS: 300_000, SURVEYS: 60_000}), whole=True),
    )

    assert [table.definition_version(CONTACTS, minute) for minute in (60_000, 120_000, 240_000, 300_000)] == [
        1,
        2,
        2,
        3,
    ]
    assert [table.definition_version(SURVEYS, minute) for minute in (0, 60_000)] == [2, 3]


def test_a_release_that_was_taken_back_counts_by_its_own_version_also_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "DEFINITION_VERSION", 1)
    table = read_back(
        Change((0,), Period("b", 2, {}), whole=True), Change((1,), Period("a", 1, {CONTACTS: 60_000}), whole=True)
    )
    assert table.definition_version(CONTACTS, 0) == 1
