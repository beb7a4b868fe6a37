"""Partials: what one minute adds up to, merged, taken back, overflowing, closed and evicted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.durability.changelog import LogLimits
from processors.kpis.partials import Partials, partial_row
from processors.kpis.samples import SLOT, Sample, counted
from schemas.kpis import DIMENSIONS, Count
from schemas.outputs import PARTIAL_COLUMNS, partials_in_full
from schemas.topics import CONTACTS
from tests.processors.feed import DAY, MINUTE, T0, Feed, Happening, event, recovered, rules
from tests.processors.kpis.merging import SAMPLES, content, partials_of
from tests.processors.views import Views

RULES = rules()


@given(st.lists(SAMPLES), st.lists(SAMPLES), st.lists(SAMPLES))
def test_partials_add_up_the_same_in_any_grouping_and_order(
    one: list[Sample], two: list[Sample], three: list[Sample]
) -> None:
    whole = content(partials_of(*one, *two, *three))
    assert whole == content(partials_of(*three, *one), partials_of(*two))
    assert whole == content(partials_of(*two), partials_of(*one), partials_of(*three))


@given(st.lists(SAMPLES), st.lists(SAMPLES), st.data())
def test_what_is_taken_back_was_never_there(stays: list[Sample], goes: list[Sample], data: st.DataObject) -> None:
    held = partials_of(*data.draw(st.permutations([*stays, *goes])))
    for sample in data.draw(st.permutations(goes)):
        held.add(sample, -1)
    assert content(held) == content(partials_of(*stays))


def test_a_partial_that_returned_to_nothing_is_written_as_nothing() -> None:
    held = partials_of(Sample(T0, ("all",), counted(Count.praise)))
    held.changed.clear()
    held.add(Sample(T0, ("all",), counted(Count.praise)), -1)
    ((minute, changed),) = held.changed.items()
    ((key, _),) = changed.items()
    assert held.minutes[minute][key] == {}
    (written,) = partials_in_full([partial_row(minute, key, CONTACTS, 0, {})], PARTIAL_COLUMNS)
    assert not any(written[6:])


def test_a_minute_of_thousands_of_values_fits_into_messages_and_is_read_back_from_the_last_of_them() -> None:
    bounded, limits = rules(dimension_values_max=5_000), LogLimits(message_bytes=20_000, log_to_state=0)
    feed = Feed(bounded, limits)
    state = feed.state
    for number in range(3_000):
        state.add_sample(CONTACTS, Sample(T0, ("all", f"{number:04}" + 40 * "x"), counted(Count.praise)), 1)

    feed.checkpoint()
    while feed.deltas[-1].needed_from < 2:
        state.add_sample(CONTACTS, Sample(T0 + MINUTE, ("all",), counted(Count.praise)), 1)
        feed.checkpoint()

    again = recovered(feed.messages, bounded)
    assert max(len(message) for delta in feed.deltas for message in delta.messages) <= limits.message_bytes
    assert again.partials[CONTACTS].minutes == state.partials[CONTACTS].minutes
    assert sorted(again.partials[CONTACTS].admitted_values()) == sorted(state.partials[CONTACTS].admitted_values())


# Dimensions


def test_a_dimension_that_was_not_said_gets_no_partial() -> None:
    held = partials_of(Sample(T0, ("all", "", "es"), counted(Count.praise)))
    assert set(held.minutes[T0]) == {(0, "all"), (2, "es")}


def test_the_values_of_a_dimension_beyond_its_bound_are_other() -> None:
    held = Partials(CONTACTS, values_max=2)
    for channel in ("phone", "chat", "email", "sms", "phone"):
        held.add(Sample(T0, ("all", channel), counted(Count.praise)))
    held.add(Sample(T0, ("all", "email"), counted(Count.praise)), -1)
    praise = SLOT[Count.praise]
    assert {key[1]: slots[praise] for key, slots in held.minutes[T0].items() if key[0] == 1} == {
        "phone": 2, "chat": 1, "other": 1,
    }  # fmt: skip
    assert held.overflowed_values == 3


def opened_in(area: str, number: int, at: int = 0) -> Happening:
    return event(
        "contact.opened", f"{area}{number}", at, direction="inbound", channel="phone", org_unit=area, customer=area
    )


def test_who_came_first_still_has_a_name_after_a_restart() -> None:
    bounded = rules(dimension_values_max=2)
    feed = Feed(bounded)
    feed.feed(*(opened_in(area, 1) for area in ("a", "b", "c")))
    feed.checkpoint()
    feed.restart()
    again = feed.state
    feed.feed(*(opened_in(area, 2, DAY) for area in ("c", "b", "a")))
    (minute,) = [minute for minute in again.partials[CONTACTS].minutes if minute == T0 + DAY]
    areas = {key[1] for key in again.partials[CONTACTS].minutes[minute] if DIMENSIONS[key[0]] == "area"}
    assert areas == {"a", "b", "other"}


# Leaving


def in_minutes(count: int, *, written: bool) -> Partials:
    held = partials_of(*(Sample(T0 + number * MINUTE, ("all",), counted(Count.praise)) for number in range(count)))
    if written:
        held.changed.clear()
    return held


def test_a_closed_minute_is_evicted_and_takes_no_sample_any_more() -> None:
    held = in_minutes(3, written=True)
    held.evict_before(T0 + 2 * MINUTE + 59_999)
    assert (list(held.minutes), held.count) == ([T0 + 2 * MINUTE], 1)
    assert held.add(Sample(T0 + MINUTE, ("all",), counted(Count.praise))) is False
    assert held.add(Sample(T0 + 2 * MINUTE, ("all",), counted(Count.praise))) is True


def test_a_closed_minute_stays_until_it_is_written() -> None:
    held = in_minutes(3, written=False)
    held.evict_before(T0 + 2 * MINUTE)
    assert held.count == 3
    assert held.add(Sample(T0, ("all",), counted(Count.praise))) is False
    held.changed.clear()
    held.evict_before(T0 + 2 * MINUTE)
    assert held.count == 1


@pytest.mark.parametrize("written", [True, False])
def test_too_many_partials_close_the_oldest_minutes_early_and_no_more_than_needed(written: bool) -> None:
    held = in_minutes(10, written=written)
    assert held.evict_oldest(7) == 3
    assert held.closed_before_ms == T0 + 3 * MINUTE
    assert held.evict_oldest(7) == 0, "what waits to be written is on its way out"
    held.changed.clear()
    held.evict_before(held.closed_before_ms)
    assert held.count == 7


def test_the_state_holds_its_bound_of_partials_and_counts_what_left_early() -> None:
    bound = 60
    feed = Feed(rules(partials_max=bound))
    for number in range(100):
        feed.feed(opened_in("es", number, number * MINUTE))
        feed.checkpoint()
    assert feed.state.entries()["partials"] <= bound
    assert feed.state.dropped["partials"] > 0
    assert T0 + 99 * MINUTE in feed.state.partials[CONTACTS].minutes, "the newest are the last to leave"


def test_an_event_within_the_kpi_memory_still_counts_in_its_minute_and_one_beyond_it_does_not() -> None:
    for behind, counts in ((DAY, True), (DAY + MINUTE, False)):
        feed, views = Feed(RULES), Views()
        feed.feed(opened_in("es", 1, DAY + MINUTE))
        late = event("contact.opened", "late", MINUTE + DAY - behind, arrives=DAY + MINUTE, direction="inbound",
                     channel="phone")  # fmt: skip
        feed.feed(late)
        views.insert(feed.checkpoint())
        minutes = {line["minute"] for line in views.kpis() if line["contacts_opened"]}
        assert (T0 + DAY + MINUTE - behind in minutes) is counts
