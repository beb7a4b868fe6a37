"""What a case adds to the KPIs and takes back, where the rules that it was counted by have changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

import processors.cases.case as case_module
import processors.rules as rules_module
from processors.cases.events import CaseEvent
from processors.cases.fold import Fold
from processors.cases.measures import contact_amounts
from processors.kpis.samples import SLOT, Amounts
from processors.sla.signals import Trigger
from schemas.kpis import DEFINITION_VERSION, Count
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, Happening, event, rules
from tests.processors.views import Row, Views

PACK: Final = """\
policy_id: desk
version: "1"
clocks:
  resolve: [{{target: {resolve}, grace: {grace}}}]
  answer: [{{target: 20s, grace: 5s}}]
short_abandon: [{{below: {short}}}]
"""
RESTART: Final = HOUR
"""Before it a case was opened, handed on, and resolved, all of it counted; a second one is open."""
HANDED_ON: Final[dict[str, Any]] = {"from": "n1", "to": "n2"}
BEFORE: Final = (
    event("contact.opened", "c-1", 0, channel="phone", org_unit="es/care/n1", direction="inbound", event_id="opened"),
    event("contact.transferred", "c-1", 5 * MINUTE, event_id="transferred", **HANDED_ON),
    event("contact.opened", "c-2", 58 * MINUTE, channel="phone", org_unit="es/care/n1", direction="inbound"),
    event("contact.resolved", "c-1", 59 * MINUTE, resolution="solved", event_id="resolved"),
)


class Desk:
    """A partition that reads the same under one pack, and then under another."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self._folder, self._settings = folder, settings
        self.feed, self.views = Feed(self._rules()), Views()
        self.read(*BEFORE)

    def _rules(self, resolve: str = "30min", grace: str = "60s", short: str = "5s") -> Any:
        pack = self._folder / "desk.yaml"
        pack.write_text(PACK.format(resolve=resolve, grace=grace, short=short))
        return rules(policies=(pack,), **self._settings)

    def promise(self, **targets: str) -> None:
        """Restart by another pack, with all that was read in a checkpoint."""
        self.feed.rules = self._rules(**targets)
        self.feed.restart()

    def read(self, *happenings: Happening) -> None:
        self.feed.feed(*happenings)
        self.views.insert(self.feed.checkpoint())

    def until(self, at: int) -> None:
        self.feed.until(at)
        self.views.insert(self.feed.checkpoint())

    def amount(self, count: Count, value: str = "all", dimension: str = "all") -> dict[int, int]:
        """Minute since T0 -> how many."""
        rows = [row for row in self.views.kpis() if (row["dimension"], row["dimension_value"]) == (dimension, value)]
        return {(row["minute"] - T0) // MINUTE: row[count.name] for row in rows if row[count.name]}

    def stale(self) -> set[tuple[int, str]]:
        rows = self.views.table("kpi_stale_minutes")
        assert all(row["partition"] == 0 and row["resolved"] == 0 for row in rows)
        return {((row["minute"] - T0) // MINUTE, row["reason"]) for row in rows}

    def least(self) -> int:
        """The smallest amount there is."""
        return min(value for row in self.views.kpis() for value in _numbers(row))


def _numbers(row: Row) -> list[int]:
    from schemas.kpis import ACCUMULATORS

    return [
        amount
        for name in ACCUMULATORS
        for amount in (row[name].values() if isinstance(row[name], dict) else (row[name],))
    ]


@pytest.fixture(params=[30 * DAY // SECOND, 60], ids=["in memory", "out of memory"])
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Desk:
    return Desk(tmp_path, kpi_memory=request.param)


WRONG_TEAM = event(
    "contact.corrected", "c-1", RESTART + MINUTE, corrects_event_id="opened", values={"org_unit": "es/care/n9"}
)


def test_by_the_same_rules_what_is_taken_back_is_what_was_added(desk: Desk) -> None:
    desk.promise()
    desk.read(WRONG_TEAM)

    assert desk.amount(Count.contacts_opened, "n9", "team") == {0: 1}
    assert desk.amount(Count.contacts_opened, "n1", "team") == {58: 1}
    assert (desk.stale(), desk.least()) == (set(), 0)


@pytest.mark.parametrize(
    "promise",
    [{"resolve": "45min"}, {"resolve": "10min"}, {"resolve": "3h"}, {"grace": "90s"}, {"short": "9s"}],
    ids=str,
)
def test_a_correction_after_the_promise_changed_takes_nothing_back_and_marks_its_minutes(
    desk: Desk, promise: dict[str, str]
) -> None:
    desk.promise(**promise)
    before = desk.views.kpis()
    desk.read(WRONG_TEAM)

    assert [row for row in desk.views.kpis() if row["minute"] < T0 + RESTART] == before
    assert (0, "not_taken_back") in desk.stale()
    assert desk.least() == 0


def test_what_a_case_adds_after_the_promise_changed_counts_and_is_taken_back_as_ever(desk: Desk) -> None:
    desk.promise(resolve="45min")
    desk.read(event("contact.reopened", "c-1", RESTART + 2 * MINUTE, reason="not_fixed", event_id="again"))
    assert desk.amount(Count.contacts_reopened) == {62: 1}
    assert desk.stale() == set()

    desk.read(event("contact.voided", "c-1", RESTART + 3 * MINUTE, voids_event_id="again"))
    assert desk.amount(Count.contacts_reopened) == {}
    assert desk.least() == 0


def test_a_late_event_that_only_adds_counts_also_in_a_minute_from_before(desk: Desk) -> None:
    desk.promise(resolve="45min")
    desk.read(event("contact.answered", "c-1", 10 * MINUTE, arrives=RESTART + MINUTE, actor={"kind": "bot"}))

    assert desk.amount(Count.contacts_answered_any) == {10: 1}
    assert (desk.least(), desk.stale()) == (0, set())


def test_a_case_that_begins_after_the_promise_changed_is_corrected_also_before_it(desk: Desk) -> None:
    desk.promise(resolve="45min")
    opened = {"channel": "phone", "org_unit": "es/care/n5", "direction": "inbound", "event_id": "late"}
    desk.read(event("contact.opened", "c-3", 20 * MINUTE, arrives=RESTART + MINUTE, **opened))
    right = {"org_unit": "es/care/n6"}
    desk.read(event("contact.corrected", "c-3", RESTART + 2 * MINUTE, corrects_event_id="late", values=right))

    assert desk.amount(Count.contacts_opened, "n5", "team") == {}
    assert desk.amount(Count.contacts_opened, "n6", "team") == {20: 1}
    assert desk.least() == 0


def test_a_wait_that_lasts_over_a_change_stays_undecided_until_its_minute_is_counted_anew(desk: Desk) -> None:
    desk.read(event("contact.queued", "c-2", 59 * MINUTE + 50 * SECOND, queue="q"))
    desk.promise(resolve="45min")
    desk.read(event("contact.answered", "c-2", RESTART + MINUTE, actor={"kind": "human"}))

    desk.until(3 * HOUR)

    assert (desk.amount(Count.waits_undecided), desk.amount(Count.waits_answered)) == ({59: 1}, {59: 1})
    assert (59, "not_taken_back") in desk.stale()
    assert desk.least() == 0


def test_a_deadline_that_another_promise_moved_counts_when_it_is_due_now(desk: Desk) -> None:
    desk.promise(resolve="45min")
    desk.until(3 * HOUR)

    assert desk.amount(Count.resolve_breached) == {30: 1, 58 + 45: 1}
    assert (30, "maybe_counted_twice") not in desk.stale()
    assert desk.least() == 0


def test_a_breach_of_before_that_is_noticed_only_now_counts_and_may_count_twice(desk: Desk) -> None:
    desk.promise(resolve="90s", grace="30min")
    desk.until(3 * HOUR)

    assert desk.amount(Count.resolve_breached) == {30: 1, 59: 1}
    assert (59, "maybe_counted_twice") in desk.stale()


def test_rules_that_come_back_are_others_than_those_between_them(desk: Desk) -> None:
    desk.promise(resolve="45min")
    desk.read(event("contact.reopened", "c-1", RESTART + 2 * MINUTE, reason="not_fixed", event_id="again"))
    desk.promise()
    desk.read(event("contact.voided", "c-1", RESTART + 9 * MINUTE, voids_event_id="again"))

    assert desk.amount(Count.contacts_reopened) == {62: 1}
    assert (62, "not_taken_back") in desk.stale()
    assert desk.least() == 0


def test_a_mark_is_written_once_and_again_when_it_holds_again(desk: Desk) -> None:
    desk.promise(resolve="45min")
    desk.feed.feed(WRONG_TEAM)
    assert desk.feed.checkpoint().rows["kpi_stale_minutes"]
    assert "kpi_stale_minutes" not in desk.feed.checkpoint().rows
    more = event(
        "contact.corrected", "c-1", RESTART + 2 * MINUTE, corrects_event_id="opened", values={"channel": "chat"}
    )
    desk.feed.feed(more)
    assert desk.feed.checkpoint().rows["kpi_stale_minutes"]


# A KPI is added


def without(count: Count, of: Callable[[Fold, CaseEvent, Trigger], Amounts]) -> Callable[..., Amounts]:
    """What a release counts that does not know a count yet."""

    def amounts(fold: Fold, event: CaseEvent, trigger: Trigger) -> Amounts:
        return tuple((slot, amount) for slot, amount in of(fold, event, trigger) if slot != SLOT[count])

    return amounts


def test_a_correction_after_a_kpi_was_added_takes_back_nothing_that_was_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(rules_module, "DEFINITION_VERSION", 0)
        before.setattr("processors.state.periods.DEFINITION_VERSION", 0)
        before.setattr(case_module, "contact_amounts", without(Count.contacts_transferred, contact_amounts))
        desk = Desk(tmp_path)
        assert desk.amount(Count.contacts_transferred) == {}
    desk.feed.restart()
    desk.read(event("contact.voided", "c-1", RESTART + MINUTE, voids_event_id="transferred"))
    assert desk.amount(Count.contacts_transferred) == {}
    assert (desk.least(), desk.stale()) == (0, {(5, "not_taken_back"), (59, "not_taken_back"), (30, "not_taken_back")})

    desk.read(event("contact.transferred", "c-1", RESTART + 5 * MINUTE, **HANDED_ON))
    of_minute = {row["minute"] - T0: row["definition_version"] for row in desk.views.kpis()}
    assert {at // MINUTE: by for at, by in of_minute.items()} == {0: 0, 30: 0, 58: 0, 59: 0, 65: DEFINITION_VERSION}
