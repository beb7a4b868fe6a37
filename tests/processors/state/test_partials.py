"""The names by which KPI minutes are written: read in any order, kept as long as anything is numbered by them."""

import pytest

from processors.durability.changelog import LogLimits
from processors.kpis.partials import Partials
from processors.kpis.samples import Sample, counted
from processors.state.partials import NameTable, PartialTable
from schemas.kpis import ACCUMULATORS, DIMENSIONS, Count
from schemas.outputs import Change
from schemas.topics import CONTACTS
from tests.processors.feed import HOUR, T0, Feed, event, recovered, rules
from tests.processors.kpis.other_release import Written, content, written_by

PRAISE, OPENED = (ACCUMULATORS.index(name) for name in ("praise", "contacts_opened"))
OTHER = Change((1,), (["praise", "contacts_escalated"], ["all"]), whole=True)
OURS = Change((2,), (ACCUMULATORS, DIMENSIONS), whole=True)


def minute(number: int, slot: int, amount: int) -> Change:
    """What one partial of a minute is, numbered by a list."""
    return Change((CONTACTS, T0), (number, [({slot: amount}, [(0, "all")])]))


def read(*changes: Change) -> dict[int, int]:
    """The partial after these changes."""
    partials = {CONTACTS: Partials(CONTACTS, values_max=10)}
    names = NameTable()
    table = PartialTable(partials, names)
    for change in changes:
        (names if len(change.key) == 1 else table).apply(change, 1)
    return partials[CONTACTS].minutes.get(T0, {}).get((0, "all"), {})


def test_what_comes_before_its_list_is_read_when_the_list_has_come() -> None:
    assert read(minute(1, 0, 5)) == {}
    assert read(minute(1, 0, 5), OTHER) == {PRAISE: 5}


@pytest.mark.parametrize("others", [[OTHER, OURS], [OURS, OTHER]])
def test_whatever_order_the_lists_come_in_what_was_written_last_counts(others: list[Change]) -> None:
    earlier, later = minute(1, 0, 5), minute(2, OPENED, 7)
    assert read(*others, earlier, later) == {OPENED: 7}
    assert read(earlier, *others[:1], later, *others[1:]) == {OPENED: 7}
    assert read(earlier, later, *others) == {OPENED: 7}
    assert read(later, earlier, *others) == {PRAISE: 5}


@pytest.fixture(scope="module")
def written() -> Written:
    """What another release wrote, with a count that this one does not know."""
    return written_by([(
        '    complaints_acknowledged = "complaints acknowledged"\n',
        '    complaints_acknowledged = "complaints acknowledged"\n    contacts_escalated = "contacts escalated"\n',
    )])  # fmt: skip


def test_the_list_of_another_release_leaves_once_all_that_it_numbers_is_written_anew(written: Written) -> None:
    feed = Feed(rules())
    feed.restart(written.delta)
    before = content(feed.state)
    assert b"contacts_escalated" in b"".join(written.delta)
    for _ in range(100):
        feed.checkpoint()
        assert content(recovered(feed.messages, rules())) == before

    assert b"contacts_escalated" not in b"".join(feed.messages)


def test_a_release_that_knows_its_list_does_not_write_it_again() -> None:
    feed = Feed(rules(), LogLimits(900_000, log_to_state=9))
    feed.feed(event("contact.opened", "C1", 0, direction="inbound", channel="phone"))
    feed.checkpoint()
    feed.restart()
    feed.feed(event("contact.opened", "C2", HOUR, direction="inbound", channel="phone"))
    feed.checkpoint()

    assert b"".join(feed.messages).count(b"complaints_acknowledged") == 1


def test_a_partial_of_a_minute_that_has_left_is_not_written() -> None:
    partials = {CONTACTS: Partials(CONTACTS, values_max=10)}
    names = NameTable()
    table = PartialTable(partials, names)
    partials[CONTACTS].add(Sample(T0, ("all",), counted(Count.praise)))
    assert [*names.changes(), *table.changes()]
    whole = table.whole((CONTACTS, T0))
    assert whole is not None
    partials[CONTACTS].evict_before(T0 + HOUR)

    assert [change.content for change in whole] == []
    assert table.whole((CONTACTS, T0)) is None
