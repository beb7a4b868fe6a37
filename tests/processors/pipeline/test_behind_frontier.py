"""Records that come behind what was decided: counted, named by source, and known after a restart."""

from processors.pipeline.step import step
from processors.state.behind_frontier import FORGOTTEN_MS, BehindFrontier
from schemas.observations import BehindRecords, Observations
from schemas.topics import CONTACTS, SURVEYS
from tests.processors.feed import MINUTE, SECOND, T0, FakeBatch, Feed, event, rules

RULES = rules()
GRACE = 5 * SECOND
"""Of an answer by telephone, the shortest of the shipped pack."""


def arrive(feed: Feed, frontier: int, behind: int, number: int = 0, source: str = "mirror") -> Observations:
    """A reply with a timestamp so far behind what was decided, all in ms."""
    feed.until(frontier)
    happening = event("contact.answered", f"C{number}", frontier - behind, source=source, actor={"kind": "human"})
    return feed.take(CONTACTS, [feed.append(happening)])


def behind(observations: Observations) -> list[tuple[int, tuple[str, ...]]]:
    return [moved for moved in observations.moments if moved[1][0] == "records_behind_frontier"]


def test_a_mirror_that_lags_by_more_than_a_grace_is_counted_and_named() -> None:
    """The promise was kept, and has paged: nothing else tells why."""
    feed = Feed(RULES)
    feed.feed(
        event("contact.opened", "C1", 0, seq=0, direction="inbound", channel="phone"),
        event("contact.queued", "C1", 0, seq=1, queue="q"),
    )
    breached = feed.until(40 * SECOND)
    answered = feed.append(event("contact.answered", "C1", 5 * SECOND, actor={"kind": "human"}))
    observations = feed.take(CONTACTS, [answered])

    assert [(row.pattern, move) for row, move in breached.incidents] == [("P02", "opened")]
    assert [(row.pattern, move) for row, move in observations.incidents] == [("P02", "withdrawn")]
    assert behind(observations) == [(T0 + 5 * SECOND, ("records_behind_frontier", CONTACTS))]
    (found,) = feed.state.behind_frontier.found.items()
    assert found == ((CONTACTS, "crm"), BehindRecords(1, T0 + 5 * SECOND, T0 + 5 * SECOND, 35 * SECOND))


def test_a_record_as_far_behind_as_the_grace_is_in_time_and_one_a_millisecond_further_is_not() -> None:
    feed = Feed(RULES)
    assert behind(arrive(feed, MINUTE, GRACE, 1)) == []
    assert len(behind(arrive(feed, MINUTE, GRACE + 1, 2))) == 1


def test_an_import_is_history_and_not_behind() -> None:
    feed = Feed(RULES)
    assert behind(arrive(feed, 60 * MINUTE, RULES.page_window_ms)) == []
    assert feed.state.behind_frontier.found == {}


def test_neither_a_duplicate_nor_a_rejected_record_counts() -> None:
    feed = Feed(RULES)
    arrive(feed, MINUTE, 30 * SECOND)
    (record,) = feed.logs[CONTACTS]
    assert behind(step(feed.state, FakeBatch(CONTACTS, (record,)), feed.state.now)) == []
    assert behind(feed.raw(SURVEYS, b"no json", record_at=T0 + 30 * SECOND)) == []


def test_it_is_known_after_a_restart() -> None:
    feed = Feed(RULES)
    arrive(feed, MINUTE, 30 * SECOND, 1)
    arrive(feed, MINUTE, 20 * SECOND, 2, "crm")
    known = feed.state.behind_frontier.found
    feed.checkpoint()
    feed.restart()
    assert feed.state.behind_frontier.found == known
    assert {*known} == {(CONTACTS, "mirror"), (CONTACTS, "crm")}


def test_after_some_hours_without_another_count_begins() -> None:
    found = BehindFrontier()
    for at in (T0, T0 + FORGOTTEN_MS):
        found.note(CONTACTS, "mirror", at, at + 40 * SECOND)
    assert found.found[CONTACTS, "mirror"] == BehindRecords(2, T0, T0 + FORGOTTEN_MS, 40 * SECOND)
    again = T0 + 2 * FORGOTTEN_MS + 1
    found.note(CONTACTS, "mirror", again, again + 10 * SECOND)
    assert found.found[CONTACTS, "mirror"] == BehindRecords(1, again, again, 10 * SECOND)


def test_sources_without_number_fill_no_memory() -> None:
    found = BehindFrontier()
    for number in range(1_000):
        found.note(CONTACTS, f"source {number}", T0 + number, T0 + number + 40 * SECOND)
    assert (len(found.found), (CONTACTS, "source 999") in found.found) == (192, True)
