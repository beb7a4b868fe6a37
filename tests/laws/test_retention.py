"""Laws of a state that is too small: what leaves it is a function of what was read, and so is all that is written."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.pipeline.step import EMPTY, step
from schemas.taxonomy import OwnIncident
from tests.laws.disturbances import EVERY_CLOCK, in_any_batches, law, undisturbed, with_crashes
from tests.laws.journeys import logs
from tests.processors.feed import HOUR, MINUTE, SECOND, Feed, Happening, event, recovered, rules
from tests.processors.views import Views

SMALL = rules(policies=(EVERY_CLOCK,), cases_max=2, case_retention_days=0.5, case_events_max=5)
TINY_MEMORY = rules(cases_max=1, departed_max_keys=2, dedup_max_ids=4)


def shown(views: Views) -> dict[str, list[dict[str, Any]]]:
    """All but incidents of ours: how much there is room for is no promise to anybody."""
    found = views.shown()
    found["incidents"] = [row for row in found["incidents"] if row["pattern"] not in get_args(OwnIncident)]
    found["warnings"] = [{"of": row["event_id"], "warnings": row["warnings"]} for row in views.table("feedback_events")]
    return found


def different(one: Views, other: Views) -> list[str]:
    """Where two runs say something else."""
    ours, theirs = shown(one), shown(other)
    return [
        f"{table}: {row} in {'the first' if row in ours[table] else 'the second'} alone"
        for table in ours
        for row in (*ours[table], *theirs[table])
        if (row in ours[table]) is not (row in theirs[table])
    ]


@law
@given(logs(), st.data())
def test_any_batching_with_time_passing_in_between_gives_the_same(log: list[Happening], data: st.DataObject) -> None:
    views = in_any_batches(log, SMALL, data)
    assert different(views, undisturbed(log, SMALL)) == []


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "unnoticed"])
def test_a_merge_that_closed_a_circle_counts_for_nothing_also_once_the_other_case_has_left(noticed: bool) -> None:
    feed, views, later = Feed(SMALL), Views(), 12 * HOUR + 10 * MINUTE + 35 * SECOND
    feed.feed(event("contact.merged", "C0", 26 * SECOND, into="C1"), event("contact.merged", "C1", later, into="C0"))
    if noticed:
        feed.until(later)
    feed.feed(event("contact.voided", "C1", later, voids_event_id="unknown"))
    feed.until(later + HOUR)
    views.insert(feed.checkpoint())
    assert views.case("C1")["state"] == "open"


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "unnoticed"])
@pytest.mark.parametrize("earlier", [0, 1, 2])
def test_it_does_also_in_a_longer_circle_whichever_case_has_left(earlier: int, noticed: bool) -> None:
    feed, views, later = Feed(SMALL), Views(), 12 * HOUR + 10 * MINUTE
    said = [event("contact.merged", f"C{n}", MINUTE, into=f"C{(n + 1) % 3}", event_id=f"m{n}") for n in range(3)]
    last = (earlier + 2) % 3
    said[last] = event("contact.merged", f"C{last}", later, into=f"C{earlier}", event_id="last")
    kept = event("contact.agent_replied", f"C{earlier}", 2 * HOUR, actor={"kind": "human"})
    feed.feed(*sorted([*said, kept], key=lambda happening: happening.record_at))
    if noticed:
        feed.until(later)
    feed.feed(event("contact.voided", f"C{last}", later, voids_event_id="unknown"))
    feed.until(later + HOUR)
    views.insert(feed.checkpoint())
    assert views.case(f"C{last}")["state"] != "merged"


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "unnoticed"])
def test_a_survey_stays_with_the_case_that_it_named_first_once_that_has_left(noticed: bool) -> None:
    links = {"contact_id": "C2", "complaint_id": "R0"}
    feed, views = Feed(SMALL), Views()
    feed.feed(
        event("contact.opened", "C0", 0, direction="inbound", channel="chat"),
        event("contact.merged", "C2", 0, into="C0"),
        event("complaint.opened", "R0", 0, kind="claim", channel="email"),
        event("survey.invited", "S0", 0, kind="csat", mode="email", links=links),
        event("contact.agent_replied", "C1", 6 * HOUR, actor={"kind": "human"}),
    )
    if noticed:
        feed.until(6 * HOUR)
    feed.feed(event("survey.answered", "S0", 30 * HOUR, kind="csat", mode="email", text="in words", links=links))
    feed.until(31 * HOUR)
    views.insert(feed.checkpoint())
    invited = [row for row in views.kpis() if row.get("surveys_invited")]
    assert "email" not in {row["dimension_value"] for row in invited if row["dimension"] == "channel"}


def without_links(log: list[Happening]) -> list[Happening]:
    """A log whose surveys name no case: a survey that is read once that case has left does not find it.

    Topics interleave otherwise after a crash, so in a state this small it may find what it did not before.
    """
    return [replace(each, event={name: value for name, value in each.event.items() if name != "links"}) for each in log]


@law
@given(logs().map(without_links), st.data())
def test_a_crash_at_any_point_gives_the_same(log: list[Happening], data: st.DataObject) -> None:
    views = with_crashes(log, SMALL, data)
    assert different(views, undisturbed(log, SMALL)) == []


@law
@given(logs())
def test_a_recovered_state_equals_the_one_that_was_written(log: list[Happening]) -> None:
    feed = Feed(SMALL)
    feed.feed(*log)
    state = feed.state
    feed.checkpoint()
    again = recovered(feed.messages, SMALL)
    for each in (state, again):
        step(each, EMPTY, each.now)
    assert (again.gauges, again.entries(), again.dropped) == (state.gauges, state.entries(), state.dropped)
    assert {key: (case.events, case.left_out) for key, case in again.cases.items()} == {
        key: (case.events, case.left_out) for key, case in state.cases.items()
    }
    assert [held.moments for held in again.departed.values()] == [held.moments for held in state.departed.values()]
    assert vars(again.retention) == vars(state.retention)
    assert again.meta() == state.meta()


@law
@given(logs(), logs())
def test_no_sequence_of_keys_makes_a_state_larger_than_its_bounds(log: list[Happening], more: list[Happening]) -> None:
    feed = Feed(TINY_MEMORY)
    for happening in (*log, *more):
        feed.feed(happening)
        entries = feed.state.entries()
        assert all(entries[kind] <= TINY_MEMORY.bounds[kind] + 1 for kind in ("cases", "departed_keys", "dedup_ids"))
        assert entries["cases"] <= TINY_MEMORY.cases_max
