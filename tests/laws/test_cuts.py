"""Laws of a `step` that is cut short: where it is cut, and what comes in between, changes nothing of what comes out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from processors.pipeline import deadlines
from processors.pipeline.step import EMPTY, never, step
from schemas.observations import Observations
from schemas.topics import INPUTS
from tests.laws.disturbances import END, RULES, law, undisturbed
from tests.laws.journeys import logs
from tests.processors.feed import T0, FakeBatch, FakeRecord, Feed, Happening
from tests.processors.views import Views, differences

PHASES = st.sampled_from([1, 2, 256])


@contextmanager
def phases_of(timers: int) -> Iterator[None]:
    with patch.object(deadlines, "PHASE", timers):
        yield


def sum_of(parts: list[Observations]) -> Observations:
    total = Observations(finished=True)
    for part in parts:
        total.processed += part.processed
        for key, count in part.counts.items():
            total.counts[key] = total.counts.get(key, 0) + count
        total.moments += part.moments
        total.durations += part.durations
        total.incidents += part.incidents
    return total


def steps(feed: Feed, topic: str, records: list[FakeRecord], spent: Callable[[], bool]) -> Observations:
    """What the steps of one batch observe together; all of them hear the same time."""
    for record in records:
        feed.changelog.offsets[topic] = record.offset + 1
        feed.state.advance_watermark(topic, record.timestamp)
    parts: list[Observations] = []
    while not (parts and parts[-1].finished):
        batch = FakeBatch(topic, tuple(records[sum(part.processed for part in parts) :])) if records else EMPTY
        parts.append(step(feed.state, batch, feed.state.now, spent))
    return sum_of(parts)


@law
@given(logs(), PHASES, st.data())
def test_any_cut_gives_the_same_rows_observations_and_state(
    log: list[Happening], phase: int, data: st.DataObject
) -> None:
    whole, cut = Feed(RULES), Feed(RULES)

    def spent() -> bool:
        return data.draw(st.booleans())

    with phases_of(phase):
        for topic, run in groupby(log, lambda happening: happening.topic):
            happenings = list(run)
            expected, found = (
                steps(feed, topic, [feed.append(happening) for happening in happenings], when)
                for feed, when in ((whole, never), (cut, spent))
            )
            assert found == expected
            assert cut.checkpoint() == whole.checkpoint()
            assert cut.deltas[-1] == whole.deltas[-1]
        for topic in INPUTS:
            for feed in (whole, cut):
                feed.state.advance_watermark(topic, T0 + END)
        assert steps(cut, "", [], spent) == steps(whole, "", [], never)
        assert cut.checkpoint() == whole.checkpoint()
        assert cut.deltas[-1] == whole.deltas[-1]


@law
@given(logs(), PHASES, st.data())
def test_a_checkpoint_a_crash_or_time_that_passes_between_two_cuts_gives_the_same_views(
    log: list[Happening], phase: int, data: st.DataObject
) -> None:
    feed, views = Feed(RULES), Views()

    def between() -> None:
        what = data.draw(st.sampled_from(["go on", "go on", "checkpoint", "crash", "tick"]))
        if what == "checkpoint" and feed.state.consistent:
            views.insert(feed.checkpoint())
        elif what == "crash":
            feed.restart()
        elif what == "tick":
            step(feed.state, EMPTY, feed.state.now, lambda: data.draw(st.booleans()))

    with phases_of(phase):
        for topic, run in groupby(log, lambda happening: happening.topic):
            records = [feed.append(happening) for happening in run]
            feed.take_in_parts(topic, records, lambda: data.draw(st.booleans()), between)
        feed.until(END)
    views.insert(feed.checkpoint())
    assert differences(views, undisturbed(log, RULES)) == []
    assert views.table("feedback_events") == undisturbed(log, RULES).table("feedback_events")
    assert views.table("ingest_progress") == undisturbed(log, RULES).table("ingest_progress")
