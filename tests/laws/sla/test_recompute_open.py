"""Versions of packs and calendars that hold for clocks that are open when they come into force (rules 6 and 13)."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from processors.pipeline.set_back import set_back
from processors.rules import RulesError
from tests.laws.sla.office import HUMAN, Office, clocks_of, contact, opened
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Feed, Happening, rules
from tests.processors.views import Views

FROM = 4 * HOUR
"""After T0, 2025-11-24T00:00Z."""


def office(folder: Path, before: str, after: str, *, recompute: bool = True, calendars: Path | None = None) -> Office:
    old, new = folder / "old.yaml", folder / "new.yaml"
    old.write_text(f'policy_id: p\nversion: "1"\nclocks:\n{before}', encoding="utf-8")
    new.write_text(
        f'policy_id: p\nversion: "2"\nvalid_from: 2025-11-24T04:00:00Z\nrecompute_open: {str(recompute).lower()}\n'
        f"clocks:\n{after}",
        encoding="utf-8",
    )
    return Office(rules(policies=(old, new), **({} if calendars is None else {"calendars": calendars})))


def read(row: dict[str, Any]) -> tuple[str, str, float, float | None]:
    """State, version, and the hours of deadline and of when another version came to hold."""
    recomputed = row["recomputed_at"]
    hours = (row["due_at"] - T0) / HOUR, None if recomputed is None else (recomputed - T0) / HOUR
    return row["state"], row["policy_version"], *hours


EIGHT, SIX = "  resolve: [{target: 8h}]\n", "  resolve: [{target: 6h}]\n"
Reads = list[tuple[str, str, float, float | None]]
CASES: list[tuple[str, str, str, list[Happening], Reads]] = [
    ("no event comes: time alone does it", EIGHT, SIX, [opened()], [("breached_open", "2", 6, 4)]),
    ("longer", SIX, EIGHT, [opened(), contact("resolved", 7 * HOUR)], [("met", "2", 8, 4)]),
    ("ended before", EIGHT, SIX, [opened(), contact("resolved", 3 * HOUR)], [("met", "1", 8, None)]),
    ("ended at that moment: it holds then", EIGHT, SIX, [opened(), contact("resolved", FROM)], [("met", "2", 6, 4)]),
    ("past before: final", "  resolve: [{target: 3h}]\n", EIGHT, [opened()], [("breached_open", "1", 3, None)]),
    ("past with it: the grace of an escalation", EIGHT, "  resolve: [{target: 1h}]\n", [opened()],
     [("breached_open", "2", 4.25, 4)]),
    ("begun after", EIGHT, SIX, [opened(5 * HOUR)], [("breached_open", "2", 11, None)]),
    ("nothing is promised any more", EIGHT, "  resolve: []\n", [opened()], [("cancelled", "1", 8, 4)]),
    ("kept from changes of the case, not of the pack",
     "  resolve: [{when: {priority: [urgent]}, target: 1h}, {target: 8h, on_priority_change: keep}]\n", SIX, [opened()],
     [("breached_open", "2", 6, 4)]),
    ("a change of the case after it goes by it", EIGHT,
     "  resolve: [{when: {priority: [urgent]}, target: 7h}, {target: 20h}]\n",
     [opened(), contact("priority_changed", 5 * HOUR, **{"from": "normal", "to": "urgent"})],
     [("breached_open", "2", 7, 4)]),
    ("paused: it stays so",
     "  resolve: [{target: 8h, pausable: true}]\n", "  resolve: [{target: 6h, pausable: true}]\n",
     [opened(), contact("waiting_customer", 2 * HOUR, reason="info"), contact("customer_replied", 10 * HOUR)],
     [("breached_open", "2", 14, 4)]),
    ("it comes to pause", EIGHT, "  resolve: [{target: 6h, pausable: true}]\n",
     [opened(), contact("waiting_customer", 2 * HOUR, reason="info"), contact("customer_replied", 10 * HOUR)],
     [("breached_open", "2", 12, 4)]),
    ("it becomes a matter of teams", EIGHT, "  resolve: [{target: 5h, per: team}]\n",
     [opened(0, org_unit="a/b/l1"), contact("transferred", HOUR, **{"from": "l1", "to": "l2"})],
     [("cancelled", "1", 8, 4), ("breached_open", "2", 6, None)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "after", "log", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_version_that_says_so_holds_for_open_clocks_from_its_moment_on(
    tmp_path: Path, name: str, before: str, after: str, log: list[Happening], expected: Reads
) -> None:
    assert [read(row) for row in clocks_of(office(tmp_path, before, after).after(log), "resolve")] == expected, name


def test_another_one_does_not(tmp_path: Path) -> None:
    views = office(tmp_path, EIGHT, SIX, recompute=False).after([opened()])
    assert read(views.clock("C1", "resolve")) == ("breached_open", "1", 8, None)


def test_what_the_customer_was_told_stands(tmp_path: Path) -> None:
    promised = contact("callback_requested", HOUR, promised_at="2025-11-24T07:00:00Z")
    views = office(tmp_path, "  callback: [{target: 8h}]\n", "  callback: [{target: 4h}]\n").after([opened(), promised])
    assert read(views.clock("C1", "callback")) == ("breached_open", "1", 7, None)


LOG = [
    opened(0, org_unit="a/b/l1"),
    contact("agent_replied", 2 * HOUR, actor=HUMAN),
    contact("priority_changed", 5 * HOUR, **{"from": "normal", "to": "urgent"}),
    contact("resolved", 9 * HOUR),
]
PACK = "  resolve: [{when: {priority: [urgent]}, target: 7h}, {target: 20h}]\n"


@pytest.mark.parametrize("order", list(permutations(range(len(LOG)))), ids=str)
def test_the_same_clocks_follow_from_any_order_of_arrival(tmp_path: Path, order: tuple[int, ...]) -> None:
    under = office(tmp_path, EIGHT, PACK)
    feed, views = Feed(under.rules), Views()
    for arrival, place in enumerate(order):
        feed.feed(replace(LOG[place], record_at=T0 + (10 + arrival) * HOUR))
        feed.until((10 + arrival) * HOUR + MINUTE)
    feed.until(400 * DAY)
    views.insert(feed.checkpoint())
    (row,) = clocks_of(views, "resolve")
    assert read(row) == ("breached", "2", 7, 4)


def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    under = office(tmp_path, EIGHT, PACK)
    feed, views = Feed(under.rules), Views()
    for happening in LOG:
        feed.feed(happening)
        views.insert(feed.checkpoint())
        feed.restart()
        feed.until(happening.record_at - T0 + 90 * MINUTE)
        views.insert(feed.checkpoint())
        feed.restart()
    feed.until(400 * DAY)
    views.insert(feed.checkpoint())
    assert [read(row) for row in clocks_of(views, "resolve")] == [("breached", "2", 7, 4)]


def test_a_row_says_it_as_soon_as_it_is_so(tmp_path: Path) -> None:
    feed, views = Feed(office(tmp_path, EIGHT, PACK).rules), Views()
    feed.feed(opened())
    for until, expected in ((3 * HOUR, ("running", "1", 8, None)), (5 * HOUR, ("running", "2", 20, 4))):
        feed.until(until)
        views.insert(feed.checkpoint())
        assert read(views.clock("C1", "resolve")) == expected


def test_time_that_is_set_back_takes_it_back(tmp_path: Path) -> None:
    feed, views = Feed(office(tmp_path, EIGHT, PACK).rules), Views()
    feed.feed(opened())
    feed.until(10 * DAY)
    views.insert(feed.checkpoint())
    assert set_back(feed.state, T0 + HOUR) is not None
    views.insert(feed.checkpoint())
    assert read(views.clock("C1", "resolve")) == ("running", "1", 8, None)


def calendar(folder: Path, version: str, weekly: str, more: str = "") -> None:
    days = ", ".join(f'{day}: ["{weekly}"]' for day in ("monday", "tuesday", "wednesday", "thursday", "friday"))
    (folder / f"office-{version}.yaml").write_text(
        f'calendar_id: office\nversion: "{version}"\nzone: UTC\nweekly: {{{days}}}\n{more}', encoding="utf-8"
    )


@pytest.mark.parametrize(("recompute", "due", "version"), [("true", 10, "2"), ("false", 16, "1")])
def test_a_calendar_that_says_so_counts_open_clocks_from_their_beginning(
    tmp_path: Path, recompute: str, due: int, version: str
) -> None:
    folder = tmp_path / "calendars"
    folder.mkdir()
    calendar(folder, "1", "08:00-18:00")
    calendar(folder, "2", "02:00-18:00", f"valid_from: 2025-11-24T04:00:00Z\nrecompute_open: {recompute}\n")
    pack = tmp_path / "p.yaml"
    pack.write_text('policy_id: p\nversion: "1"\nclocks:\n  resolve: [{target: 8h, calendar: office}]\n')
    views = Office(rules(policies=(pack,), calendars=folder)).after([opened()])
    row = views.clock("C1", "resolve")
    assert ((row["due_at"] - T0) / HOUR, row["calendar_version"]) == (due, version)


def test_a_version_that_says_it_says_from_when_on(tmp_path: Path) -> None:
    pack = tmp_path / "p.yaml"
    pack.write_text(f'policy_id: p\nversion: "1"\nrecompute_open: true\nclocks:\n{EIGHT}')
    with pytest.raises(RulesError, match=r"p.yaml:3: recompute_open: no clock ran before it: say valid_from"):
        rules(policies=(pack,))
    calendar(tmp_path, "1", "08:00-18:00", "recompute_open: true\n")
    with pytest.raises(RulesError, match=r"recompute_open: no clock ran before it: say valid_from"):
        rules(calendars=tmp_path)
