"""Laws of a state that goes on under other rules: another pack, another KPI."""

from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.rules import Rules
from schemas.kpis import ACCUMULATORS, HISTOGRAMS
from tests.laws.disturbances import END, EVERY_CLOCK, RULES, law, undisturbed
from tests.laws.journeys import logs
from tests.processors.feed import T0, Feed, Happening, rules
from tests.processors.views import QUARTER_HOUR, Row, Views

COUNTS_THE_SAME: Final = rules(policies=(EVERY_CLOCK,), dimension_values_max=RULES.dimension_values_max + 1)
"""Other rules, as far as anybody can tell beforehand."""
MEMORIES: Final = (60, 86_400, 90 * 86_400)
PROMISES_OTHERWISE: Final = {
    memory: (rules(policies=(EVERY_CLOCK,), kpi_memory=memory), rules(kpi_memory=memory)) for memory in MEMORIES
}


def with_changes(log: list[Happening], first: Rules, then: Rules, data: st.DataObject) -> Views:
    """The views of a run that is started anew after any of the events, by one of two rules."""
    feed, views = Feed(first), Views()
    for happening in log:
        feed.feed(happening)
        if data.draw(st.booleans()):
            feed.until(happening.record_at - T0)
        if data.draw(st.integers(0, 2)) == 0:
            views.insert(feed.checkpoint())
            feed.rules = data.draw(st.sampled_from([first, then]))
            feed.restart()
    feed.until(END)
    views.insert(feed.checkpoint())
    return views


def negative(views: Views) -> list[Row]:
    found = []
    for row in (*views.kpis(), *views.quarter_hours()):
        for name in ACCUMULATORS:
            amounts = row[name].values() if name in HISTOGRAMS else (row[name],)
            if min(amounts, default=0) < 0:
                found.append({name: row[name]} | dict(list(row.items())[:6]))
    return found


@settings(law, max_examples=25)
@given(logs(), st.sampled_from(MEMORIES), st.data())
def test_no_amount_is_less_than_nothing_whatever_was_promised_before(
    log: list[Happening], memory: int, data: st.DataObject
) -> None:
    first, then = PROMISES_OTHERWISE[memory]
    assert negative(with_changes(log, first, then, data)) == []


@settings(law, max_examples=25)
@given(logs(), st.data())
def test_where_rules_that_changed_count_the_same_no_minute_that_is_not_marked_is_another(
    log: list[Happening], data: st.DataObject
) -> None:
    found, expected = with_changes(log, RULES, COUNTS_THE_SAME, data), undisturbed(log, RULES)
    marked = {(row["topic"], row["minute"]) for row in found.table("kpi_stale_minutes")}

    quarter_hours = {(topic, minute - minute % QUARTER_HOUR) for topic, minute in marked}

    def kept(views: Views) -> list[list[Row]]:
        return [
            [row for row in views.kpis() if (row["topic"], row["minute"]) not in marked],
            [row for row in views.quarter_hours() if (row["topic"], row["quarter_hour"]) not in quarter_hours],
        ]

    assert kept(found) == kept(expected)
