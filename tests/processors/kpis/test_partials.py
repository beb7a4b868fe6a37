"""Partials: what one minute adds up to, merged, taken back, overflowing, closed and evicted."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.durability.changelog import LogLimits
from processors.kpis.partials import NO_LIMIT, QUARTER_HOUR_MS, Partials, place_of, shown_value
from processors.kpis.rows import partial_rows
from processors.kpis.samples import SLOT, Sample, counted
from schemas.kpis import DIMENSIONS, Count
from schemas.outputs import PARTIAL_COLUMNS, partials_in_full
from schemas.topics import CONTACTS
from tests.processors.feed import DAY, MINUTE, T0, Feed, Happening, event, recovered, rules
from tests.processors.kpis.merging import SAMPLES, content, partials_of
from tests.processors.views import Row, Views, quarter_hours_of

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


@given(st.lists(st.lists(SAMPLES)))
def test_no_more_partials_are_held_than_is_known_without_spreading(steps: list[list[Sample]]) -> None:
    held = Partials(CONTACTS, values_max=100)
    for samples in steps:
        for sample in samples:
            held.add(sample)
        at_most = held.count_at_most
        assert held.count <= at_most
        assert held.count_at_most == held.count


def test_a_partial_that_returned_to_nothing_is_written_as_nothing() -> None:
    held = partials_of(Sample(T0, ("all",), counted(Count.praise)))
    held.changed.clear()
    held.add(Sample(T0, ("all",), counted(Count.praise)), -1)
    ((minute, changed),) = held.changed.items()
    ((key, _),) = changed.items()
    assert held.minutes[minute][key] == {}
    (written,) = partials_in_full(partial_rows(minute, {key: {}}, CONTACTS, 0), PARTIAL_COLUMNS)
    assert not any(written[7:])


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


CHANNEL = DIMENSIONS.index("channel")


def of_channel(channel: str, at: int = T0) -> Sample:
    return Sample(at, ("all", channel), counted(Count.praise))


def shown(held: Partials) -> dict[tuple[int, str], int]:
    """How much each channel is praised in each minute, by the name that it is read by."""
    limit, praise = held.limits.get(CHANNEL, NO_LIMIT), SLOT[Count.praise]
    found: Counter[tuple[int, str]] = Counter()
    for buckets in (held.minutes, held.adjustments):
        for minute, partials in buckets.items():
            for (dimension, value), slots in partials.items():
                if dimension == CHANNEL:
                    found[minute - T0, shown_value(value, limit)] += slots.get(praise, 0)
    return {key: amount for key, amount in found.items() if amount}


def test_the_values_of_a_dimension_that_lie_beyond_its_limit_are_other() -> None:
    held = Partials(CONTACTS, values_max=2)
    channels = ("phone", "chat", "email", "sms")
    for channel in (*channels, "phone"):
        held.add(of_channel(channel))
    named = [channel for channel in channels if place_of(channel) < held.limits[CHANNEL]]
    assert len(named) in (1, 2)
    assert sorted(held.admitted_values()) == sorted([(0, "all"), *((CHANNEL, channel) for channel in named)])
    others = sum(1 + (channel == "phone") for channel in channels if channel not in named)
    assert shown(held) == {(0, channel): 1 + (channel == "phone") for channel in named} | {(0, "other"): others}


def test_a_place_is_what_zlib_and_the_warehouse_call_crc32() -> None:
    assert place_of("123456789") == 0xCBF43926


CHANNELS = st.sampled_from([f"c{number}" for number in range(12)])


@given(st.lists(st.tuples(CHANNELS, st.integers(0, 40)), max_size=40), st.integers(1, 6), st.data())
def test_who_has_a_name_follows_from_which_values_there_were_and_not_from_their_order(
    counts: list[tuple[str, int]], values_max: int, data: st.DataObject
) -> None:
    """With minutes that have left, samples that are taken back, and restarts in between."""
    expected = Partials(CONTACTS, values_max=values_max)
    for channel, minute in counts:
        expected.add(of_channel(channel, T0 + minute * MINUTE))
    held = Partials(CONTACTS, values_max=values_max)
    for channel, minute in data.draw(st.permutations(counts)):
        held.add(of_channel(channel, T0 + minute * MINUTE))
        if data.draw(st.booleans()):
            held.add(of_channel(channel, T0))
            held.add(of_channel(channel, T0), -1)
        if data.draw(st.booleans()):
            held = restarted(held, values_max)
    assert shown(held) == shown(expected)
    assert sorted(held.admitted_values()) == sorted(expected.admitted_values())
    assert sum(dimension == CHANNEL for dimension, _ in held.admitted_values()) <= values_max


def restarted(held: Partials, values_max: int) -> Partials:
    again = Partials(CONTACTS, values_max=values_max)
    for dimension, limit in held.limits.items():
        again.restore_limit(dimension, limit)
    for value in held.admitted_values():
        again.restore_value(value)
    for minute, partials in held.minutes.items():
        for key, slots in partials.items():
            again.restore(minute, key, slots)
    return again


def opened_in(area: str, number: int, at: int = 0) -> Happening:
    return event(
        "contact.opened", f"{area}{number}", at, direction="inbound", channel="phone", org_unit=area, customer=area
    )


@pytest.mark.parametrize("order", ["abcd", "dcba", "bdac"])
def test_who_has_a_name_has_it_after_a_restart_and_the_warehouse_is_told_who_has_none(order: str) -> None:
    feed = Feed(rules(dimension_values_max=2))
    feed.feed(*(opened_in(area, 1) for area in order))
    feed.checkpoint()
    feed.restart()
    feed.feed(*(opened_in(area, 2, DAY) for area in reversed(order)))
    (watermark,) = feed.checkpoint().rows["watermarks"]
    limit = watermark[-1]["area"]
    named = {area for area in order if place_of(area) < limit}
    minutes = feed.state.partials[CONTACTS].minutes
    areas = {key[1] for key in minutes[T0 + DAY] if DIMENSIONS[key[0]] == "area"}
    assert areas == named | {"other"}
    assert 1 <= len(named) <= 2


# Leaving

QUARTER = QUARTER_HOUR_MS


def in_minutes(count: int, *, written: bool) -> Partials:
    held = partials_of(*(Sample(T0 + number * MINUTE, ("all",), counted(Count.praise)) for number in range(count)))
    if written:
        write(held)
    return held


def write(held: Partials) -> list[tuple[int, int]]:
    """Make a checkpoint; returns what it writes of quarter-hours: when they begin, and how much was praised."""
    slot = SLOT[Count.praise]
    written = [
        (moment - T0, slots.get(slot, 0))
        for moment, totals in held.drain_quarter_hours(T0 + 400 * QUARTER)
        for slots in totals.values()
    ]
    held.changed.clear()
    return written


def praise(at: int) -> Sample:
    return Sample(T0 + at, ("all",), counted(Count.praise))


def adjusted(held: Partials) -> dict[int, int]:
    """Minutes after T0 -> by how much their praise was adjusted."""
    slot = SLOT[Count.praise]
    found = {at - T0: by_value[0, "all"].get(slot, 0) for at, by_value in held.drain_adjustments().items()}
    return {at // MINUTE: amount for at, amount in found.items()}


def test_minutes_leave_by_the_quarter_hour_and_what_comes_later_adjusts_them() -> None:
    held = in_minutes(40, written=True)
    held.evict_before(T0 + 2 * QUARTER + 14 * MINUTE)
    assert (min(held.minutes), held.count) == (T0 + 2 * QUARTER, 10)

    held.add(praise(4 * MINUTE))
    held.add(praise(29 * MINUTE), -1)
    held.add(praise(30 * MINUTE))

    assert list(held.changed) == [T0 + 30 * MINUTE]
    assert adjusted(held) == {4: 1, 29: -1}
    assert adjusted(held) == {}, "each is written once"
    assert held.count == 10


def test_a_closed_minute_stays_and_is_absolute_until_it_is_written() -> None:
    held = in_minutes(3, written=False)
    held.evict_before(T0 + QUARTER)
    held.add(praise(0))
    assert (held.count, adjusted(held)) == (3, {})
    assert write(held) == [(0, 4)]
    held.evict_before(T0 + QUARTER)
    assert held.count == 0


@pytest.mark.parametrize("written", [True, False])
def test_too_many_partials_close_the_oldest_quarter_hours_early_and_no_more_than_needed(written: bool) -> None:
    held = in_minutes(60, written=written)
    assert held.evict_oldest(35) == 30
    assert held.closing_before_ms == T0 + 2 * QUARTER
    assert held.evict_oldest(35) == 0, "what waits to be written is on its way out"
    write(held)
    held.evict_before(held.closed_before_ms)
    assert held.count == 30


def test_a_quarter_hour_is_written_once_it_is_over_and_again_when_it_changes() -> None:
    held = in_minutes(20, written=False)
    assert [moment - T0 for moment, _ in held.drain_quarter_hours(T0 + QUARTER)] == [0]
    held.changed.clear()
    held.add(praise(16 * MINUTE))
    held.add(praise(4 * MINUTE))
    assert [moment - T0 for moment, _ in held.drain_quarter_hours(T0 + QUARTER)] == [0]
    held.changed.clear()
    assert write(held) == [(QUARTER, 6)]


def test_a_restored_state_knows_which_quarter_hours_it_has_still_to_write() -> None:
    held = in_minutes(20, written=False)
    list(held.drain_quarter_hours(T0 + QUARTER))
    again = Partials(CONTACTS, values_max=10)
    for minute, partials in held.minutes.items():
        for key, slots in partials.items():
            again.restore(minute, key, slots)
    again.recover_unwritten(T0 + QUARTER)
    assert write(again) == [(QUARTER, 5)]


def test_the_state_holds_its_bound_of_partials_and_counts_what_left_early() -> None:
    bound = 300
    feed = Feed(rules(partials_max=bound))
    for number in range(200):
        feed.feed(opened_in("es", number, number * MINUTE))
        feed.checkpoint()
    assert feed.state.entries()["partials"] <= bound
    assert feed.state.dropped["partials"] > 0
    assert T0 + 199 * MINUTE in feed.state.partials[CONTACTS].minutes, "the newest are the last to leave"


@pytest.mark.parametrize("behind", [0, DAY, DAY + 2 * QUARTER_HOUR_MS, 40 * DAY])
def test_however_late_an_event_is_it_counts_in_its_minute_and_its_quarter_hour(behind: int) -> None:
    feed, views = Feed(RULES), Views()
    feed.feed(opened_in("es", 1, 50 * DAY))
    views.insert(feed.checkpoint())
    feed.feed(opened_in("es", 2, 50 * DAY + MINUTE), late_opening(50 * DAY - behind, arrives=50 * DAY + MINUTE))
    views.insert(feed.checkpoint())

    opened = {row["minute"] - T0: row["contacts_opened"] for row in opened_minutes(views)}
    assert opened == {50 * DAY: 1 + (behind == 0), 50 * DAY + MINUTE: 1} | ({50 * DAY - behind: 1} if behind else {})
    assert views.quarter_hours() == quarter_hours_of(views.kpis())
    adjusts = [row for row in views.table("kpi_partials") if row["revision"]]
    assert bool(adjusts) is (behind > DAY + QUARTER_HOUR_MS)
    assert all(row["revision"] == feed.deltas[-1].sequence | 1_700_000_000 << 32 for row in adjusts)


def opened_minutes(views: Views) -> list[Row]:
    return [row for row in views.kpis() if row["dimension"] == "all" and row["contacts_opened"]]


def late_opening(at: int, *, arrives: int) -> Happening:
    return event("contact.opened", "late", at, arrives=arrives, direction="inbound", channel="phone")


def test_each_checkpoint_writes_adjustments_of_its_own() -> None:
    feed, views = Feed(RULES), Views()
    feed.feed(opened_in("es", 1, 50 * DAY))
    for number in range(3):
        feed.feed(event("contact.opened", f"late{number}", 0, arrives=50 * DAY, direction="inbound", channel="phone"))
        views.insert(feed.checkpoint())
    revisions = [
        row
        for row in views.table("kpi_partials")
        if row["revision"] and row["dimension"] == "all" and row["contacts_opened"]
    ]
    assert [row["contacts_opened"] for row in revisions] == [1, 1, 1]
    assert len({row["revision"] for row in revisions}) == 3
    assert {row["contacts_opened"] for row in views.kpis() if row["minute"] == T0} == {3}


def test_what_cancels_out_within_a_checkpoint_adjusts_nothing() -> None:
    feed = Feed(RULES)
    feed.feed(
        opened_in("es", 1, 50 * DAY),
        late_opening(0, arrives=50 * DAY),
        event("contact.voided", "late", 50 * DAY),
    )
    rows: Any = feed.checkpoint().rows
    assert [row for table in ("kpi_partials", "kpi_quarter_hours") for row in rows.get(table, ()) if row.revision] == []
