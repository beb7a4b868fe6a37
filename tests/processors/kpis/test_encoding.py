"""What is written of partials is read right by a release that declares other accumulators and dimensions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.kpis.encoding import OURS, Names
from processors.kpis.samples import Sample
from processors.kpis.sums import Slots, alike
from schemas.kpis import ACCUMULATORS, DIMENSIONS
from tests.processors.feed import Feed, event, recovered, rules
from tests.processors.kpis.merging import SAMPLES, partials_of
from tests.processors.kpis.other_release import RELEASES, Content, Written, content, written_by


@pytest.fixture(params=RELEASES, scope="module")
def written(request: pytest.FixtureRequest) -> Written:
    return written_by(RELEASES[request.param])


def as_known_here(held: Content) -> Content:
    """What this release knows of what another one held."""
    known = {
        place: {name: amount for name, amount in amounts.items() if name in ACCUMULATORS}
        for place, amounts in held.items()
        if place.split()[2] in DIMENSIONS
    }
    return {place: amounts for place, amounts in known.items() if amounts}


def test_the_state_of_another_release_is_read_by_name(written: Written) -> None:
    assert (written.accumulators, written.dimensions) != (list(ACCUMULATORS), list(DIMENSIONS)), "else nothing is shown"

    assert content(recovered(written.delta, rules())) == as_known_here(written.content)


def test_what_is_added_after_reading_goes_to_the_same_accumulators(written: Written) -> None:
    feed = Feed()
    feed.restart(written.delta)
    before = content(feed.state)

    feed.feed(event("complaint.opened", "k-1", 60_000, kind="claim", channel="post"),
              event("complaint.acknowledged", "k-1", 61_000))  # fmt: skip
    feed.feed(event("contact.opened", "c-2", 0, direction="inbound", channel="phone"))

    changed = {
        (place, name): amount - before.get(place, {}).get(name, 0)
        for place, amounts in content(feed.state).items()
        for name, amount in amounts.items()
        if place.split()[2] == "all" and amount != before.get(place, {}).get(name, 0)
    }
    # Where a wait of before is decided, what was undecided is taken back: from what other rules counted nothing is.
    decided = {("contact-events", "waits_promised"): 1} if feed.state.periods.number == 0 else {}
    assert {(place.split()[0], name): by for (place, name), by in changed.items()} == decided | {
        ("contact-events", "contacts_opened"): 1,
        ("complaint-events", "complaints_opened"): 1,
        ("complaint-events", "complaints_acknowledged"): 1,
        ("complaint-events", "acknowledge_met"): 1,
    }


def test_who_came_first_in_a_dimension_is_read_by_name(written: Written) -> None:
    admitted = recovered(written.delta, rules()).partials["contact-events"].admitted_values()

    values = {(DIMENSIONS[dimension], value) for dimension, value in admitted}
    assert values >= {("channel", "phone"), ("area", "es"), ("team", "n1"), ("area_channel", "es|phone")}
    assert {dimension for dimension, _ in values} <= set(DIMENSIONS)


# One release


@given(st.lists(SAMPLES, max_size=20))
def test_what_is_written_is_what_is_read_within_one_release(samples: list[Sample]) -> None:
    for partials in partials_of(*samples).minutes.values():
        assert dict(OURS.partials(alike(partials))) == partials


def test_a_partial_that_holds_nothing_stays_and_one_of_which_nothing_is_known_leaves() -> None:
    names = Names(["contacts_escalated", "praise"], ["all", "channel", "area", "shift"])
    nothing: Slots = {}
    written = [({0: 1}, [(0, "all")]), (nothing, [(1, "phone")]), ({0: 1, 1: 2}, [(2, "es"), (3, "north")])]

    read = dict(names.partials(written))

    praise = ACCUMULATORS.index("praise")
    assert {(DIMENSIONS[dimension], value): slots for (dimension, value), slots in read.items()} == {
        ("channel", "phone"): {},
        ("area", "es"): {praise: 2},
    }
