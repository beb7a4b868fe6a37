"""Laws of `step`: what any order, any repetition, any batching and any crash must leave as it is."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.durability.changelog import LogLimits
from processors.pipeline.step import EMPTY, step
from tests.laws.disturbances import END, EVERY_CLOCK, RULES, in_any_batches, law, undisturbed, with_crashes
from tests.laws.journeys import logs, of_seed
from tests.processors.feed import DAY, MINUTE, FakeBatch, Feed, Happening, opened, recovered, rules
from tests.processors.views import Views, differences, quarter_hours_of

SHORT_MEMORY = rules(policies=(EVERY_CLOCK,), case_retention_days=150)
ENDLESS_MEMORY = rules(policies=(EVERY_CLOCK,), case_retention_days=150, kpi_memory=200 * DAY)
ANY_ORDER = rules(policies=(EVERY_CLOCK,), disorder=60 * 86_400, kpi_memory=90 * 86_400)


@law
@given(logs(), st.data())
def test_any_batching_with_time_passing_in_between_gives_the_same_views(
    log: list[Happening], data: st.DataObject
) -> None:
    assert differences(in_any_batches(log, RULES, data), undisturbed(log, RULES)) == []


@law
@given(logs(), st.data())
def test_any_order_within_the_disorder_and_any_duplication_gives_the_same_views(
    log: list[Happening], data: st.DataObject
) -> None:
    # Each record keeps its timestamp; it is read up to a minute later than others that arrived after it.
    delays = [data.draw(st.integers(0, MINUTE)) for _ in log]
    shuffled = [h for _, h in sorted(zip(delays, log, strict=True), key=lambda pair: pair[0] + pair[1].record_at)]
    repeated = [h for happening in shuffled for h in [happening] * data.draw(st.sampled_from([1, 1, 1, 2]))]
    feed, views = Feed(RULES), Views()
    for happening in repeated:
        feed.feed(happening)
        if data.draw(st.booleans()):
            views.insert(feed.checkpoint())
    feed.until(END)
    views.insert(feed.checkpoint())
    assert differences(views, undisturbed(log, RULES)) == []


@settings(law, max_examples=50)
@given(logs(), st.data())
def test_any_lateness_counts_as_if_it_had_come_in_time(log: list[Happening], data: st.DataObject) -> None:
    """Minutes and quarter-hours with their adjustments are those of a memory that never ends."""
    late = st.sampled_from([0, 0, MINUTE, 2 * DAY, 100 * DAY])
    arrivals = [replace(h, record_at=h.record_at + data.draw(late)) for h in log]
    delayed = sorted(arrivals, key=lambda happening: happening.record_at)
    found, expected = in_any_batches(delayed, SHORT_MEMORY, data), undisturbed(delayed, ENDLESS_MEMORY)
    assert differences(found, expected) == []
    for views in (found, expected):
        assert sorted(views.quarter_hours(), key=str) == sorted(quarter_hours_of(views.kpis()), key=str)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.stack) for seed in range(1, 20))])
def test_fifty_journeys_in_twenty_orders_with_duplicates_give_the_same_clocks(seed: int) -> None:
    log, random = of_seed(seed, 50), Random(seed)
    expected = undisturbed(log, ANY_ORDER)
    assert any(row["paused_ms"] for row in expected.clocks())
    for _ in range(20):
        shuffled = [*log, *random.sample(log, len(log) // 5)]
        random.shuffle(shuffled)
        found = undisturbed(shuffled, ANY_ORDER)
        assert found.shown() == expected.shown(), differences(found, expected)


@law
@given(logs(), st.data())
def test_a_crash_at_any_point_gives_the_same_views(log: list[Happening], data: st.DataObject) -> None:
    views = with_crashes(log, RULES, data)
    assert differences(views, undisturbed(log, RULES)) == []
    assert views.table("feedback_events") == undisturbed(log, RULES).table("feedback_events")
    assert views.table("ingest_progress") == undisturbed(log, RULES).table("ingest_progress")


@law
@given(logs())
def test_a_recovered_state_equals_the_one_that_was_written(log: list[Happening]) -> None:
    feed = Feed(RULES)
    feed.feed(*log)
    state = feed.state
    feed.checkpoint()
    again = recovered(feed.messages, RULES)
    for each in (state, again):
        step(each, EMPTY, each.now)
    assert again.gauges == state.gauges
    assert {key: case.evaluation.incidents for key, case in again.cases.items()} == {
        key: case.evaluation.incidents for key, case in state.cases.items()
    }
    assert again.entries() == state.entries()
    assert not again.changed


@law
@given(logs(), st.integers(1, 5), st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_a_log_cut_where_the_rotation_allows_it_gives_the_same_state(
    log: list[Happening], batch: int, ratio: float
) -> None:
    feed = Feed(RULES, LogLimits(900_000, ratio))
    for start in range(0, len(log), batch):
        feed.feed(*log[start : start + batch])
        feed.checkpoint()
    while not (feed.deltas and (feed.deltas[-1].needed_from or ratio)):
        feed.checkpoint()
    (again, log_of_cut), (complete, log_of_all) = (
        opened(messages, RULES)
        for messages in (feed.messages, [message for delta in feed.deltas for message in delta.messages])
    )
    assert {key: case.events for key, case in again.cases.items()} == {
        key: case.events for key, case in complete.cases.items()
    }
    assert again.entries() == complete.entries()
    assert {topic: partials.minutes for topic, partials in again.partials.items()} == {
        topic: partials.minutes for topic, partials in complete.partials.items()
    }
    assert (again.progress, again.gauges) == (complete.progress, complete.gauges)
    assert log_of_cut.offsets == log_of_all.offsets


@given(st.binary(max_size=300), st.sampled_from(["contact-events", "complaint-events", "survey-events"]))
def test_no_bytes_raise_and_every_record_is_accounted_for(value: bytes, topic: str) -> None:
    feed = Feed(RULES)
    feed.raw(topic, value)
    assert [progress.read for progress in feed.state.progress.values()] == [1]
    (progress,) = feed.state.progress.values()
    assert progress.read == progress.accepted + progress.duplicate + progress.rejected == 1
    assert progress.next_offset == 1


def test_an_empty_batch_changes_nothing() -> None:
    feed = Feed(RULES)
    feed.checkpoint()
    step(feed.state, FakeBatch("contact-events", ()), 0)
    assert not feed.state.changed
