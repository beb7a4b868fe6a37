"""Setting time back: what a wrong clock decided is withdrawn, pages nobody, and in the end shows nowhere."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.kpis.partials import QUARTER_HOUR_MS
from processors.pipeline.set_back import set_back
from schemas.topics import CONTACTS
from sinks.messages import incident_json
from tests.laws.journeys import logs
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, Happening, event, rules
from tests.processors.views import Views, differences

RULES = rules()
CALL: dict[str, Any] = {"direction": "inbound", "channel": "phone", "priority": "urgent"}
HUMAN = {"kind": "human"}


def waiting_caller(entity_id: str = "C1", at: int = 0) -> list[Happening]:
    return [
        event("contact.opened", entity_id, at, seq=0, **CALL),
        event("contact.queued", entity_id, at, seq=1, queue="q"),
    ]


def a_day_ahead() -> Feed:
    """A call at T0 and a clock that jumps a day ten seconds later, before anyone has waited too long."""
    feed = Feed(RULES)
    feed.feed(*waiting_caller())
    feed.until(10 * SECOND)
    feed.until(DAY)
    return feed


def state_of(feed: Feed, entity_id: str = "C1") -> str:
    views = Views()
    views.insert(feed.checkpoint())
    return str(views.clock(entity_id, "answer")["state"])


def test_what_was_decided_before_its_time_is_withdrawn_and_pages_nobody() -> None:
    feed = a_day_ahead()
    decided = feed.checkpoint()
    assert "P02" in {row.pattern for row in decided.incidents}

    observed = set_back(feed.state, T0 + 12 * SECOND)

    assert observed is not None
    assert observed.counts == {("time_set_back",): 1}
    assert feed.state.now == T0 + 10 * SECOND
    withdrawn = feed.checkpoint()
    assert {row.incident_id for row in withdrawn.incidents} == {row.incident_id for row in decided.incidents}
    assert {row.state for row in withdrawn.incidents} == {"withdrawn"}
    sent = [json.loads(incident_json(row, 0, T0 + 12 * SECOND, 10 * MINUTE)) for row in withdrawn.incidents]
    assert not any(one["page"] for one in sent)


def test_the_promise_can_still_be_kept() -> None:
    feed = a_day_ahead()
    set_back(feed.state, T0 + 12 * SECOND)
    assert state_of(feed) == "running"
    feed.feed(event("contact.answered", "C1", 15 * SECOND, actor=HUMAN))
    feed.until(HOUR)
    assert state_of(feed) == "met"


def test_a_deadline_fires_again_at_its_time_and_pages_then() -> None:
    feed = a_day_ahead()
    set_back(feed.state, T0 + 12 * SECOND)
    feed.checkpoint()
    observed = feed.until(MINUTE)
    assert ("P02", "opened") in {(row.pattern, transition) for row, transition in observed.incidents}


def test_a_time_that_is_right_is_left_alone() -> None:
    feed = a_day_ahead()
    feed.checkpoint()
    assert set_back(feed.state, T0 + DAY - MINUTE) is None
    assert not feed.state.changed


def test_records_from_the_future_that_nobody_could_judge_make_nothing_late_any_more() -> None:
    feed = Feed(RULES)
    feed.feed(*waiting_caller())
    feed.feed(event("contact.opened", "C2", 0, arrives=400 * DAY, **CALL))
    feed.feed(event("contact.opened", "C3", SECOND, **CALL))
    assert feed.state.pending.events[-1].late == 1

    set_back(feed.state, T0 + 2 * SECOND)
    feed.feed(event("contact.opened", "C4", 2 * SECOND, **CALL))

    assert feed.state.watermarks.max_timestamp[CONTACTS] == T0 + 2 * SECOND
    assert feed.state.pending.events[-1].late == 0
    assert (CONTACTS, "crm", "C4") in feed.state.cases


def test_minutes_of_the_past_that_were_closed_stay_so_and_those_to_come_take_samples() -> None:
    feed = Feed(RULES)
    feed.feed(event("contact.opened", "C1", 0, **CALL))
    feed.checkpoint()
    feed.feed(event("contact.opened", "C2", 0, arrives=30 * DAY, **CALL))
    feed.checkpoint()
    partials = feed.state.partials[CONTACTS]
    assert partials.closing_before_ms > T0 + 28 * DAY

    set_back(feed.state, T0 + 90 * SECOND)

    assert partials.closing_before_ms == T0 + QUARTER_HOUR_MS
    feed.checkpoint()
    feed.restart()
    assert feed.state.partials[CONTACTS].closed_before_ms == T0 + QUARTER_HOUR_MS


@pytest.mark.parametrize("again", [False, True], ids=["read back", "set back again, for the first was not committed"])
def test_a_crash_changes_nothing_of_it(again: bool) -> None:
    feed, crashed = a_day_ahead(), a_day_ahead()
    shown = []
    for each in (feed, crashed):
        views = Views()
        views.insert(each.checkpoint())
        set_back(each.state, T0 + 12 * SECOND)
        if each is crashed:
            if not again:
                views.insert(each.checkpoint())
            each.restart()
            set_back(each.state, T0 + 13 * SECOND)
        each.feed(event("contact.answered", "C1", 50 * SECOND, actor=HUMAN))
        each.until(HOUR)
        views.insert(each.checkpoint())
        shown.append(views)
        assert each.state.watermarks.meta() == feed.state.watermarks.meta()
    assert differences(*shown) == []


@settings(max_examples=80)
@given(logs(), st.data())
def test_a_clock_that_was_wrong_for_a_while_shows_nowhere_once_time_is_set_back(
    log: list[Happening], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(log)), label="records before the jump")
    lasting = data.draw(st.integers(0, 5), label="records while it is wrong")
    days = data.draw(st.integers(1, 30), label="days ahead")
    restarted = data.draw(st.booleans(), label="the process is started again before time is set back")
    shown = []
    for wrong in (False, True):
        feed, views, now = Feed(RULES), Views(), 0
        for number, happening in enumerate(log):
            if wrong and number == at + lasting:
                if restarted:
                    views.insert(feed.checkpoint())
                    feed.restart()
                set_back(feed.state, T0 + now)
            feed.feed(happening)
            now = max(now, happening.record_at - T0)
            feed.until(now + days * DAY if wrong and at <= number < at + lasting else now)
            views.insert(feed.checkpoint())
        set_back(feed.state, T0 + now)
        for day in range(40):
            feed.until(now + day * DAY)
        views.insert(feed.checkpoint())
        shown.append(views)
    assert differences(*shown) == []
