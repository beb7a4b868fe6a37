"""The rotation: how long the log of a state gets, and how little of it is written twice."""

from itertools import count

import msgspec
import pytest

from processors.durability import changelog
from processors.durability.changelog import StateError
from processors.kpis.samples import Sample, counted
from processors.state.partition import PartitionState
from schemas.kpis import Count
from schemas.outputs import Checkpoint
from schemas.topics import CONTACTS
from tests.processors.feed import HOUR, T0, Feed, event, recovered, rules

RULES = rules(log_to_state=2)
_numbers = count()


def size_of(state: PartitionState) -> int:
    """Bytes of the state, written whole once."""
    return sum(len(msgspec.msgpack.encode(entry)) for entry in changelog.whole(state))


def bytes_of(log: list[Checkpoint]) -> int:
    return sum(len(message) for checkpoint in log for message in checkpoint.delta)


def commit(feed: Feed, log: list[Checkpoint]) -> None:
    """A checkpoint, and the deletion of what it does not need any more."""
    made = feed.state.checkpoint(T0)
    log[:] = [held for held in log if held.sequence >= made.needed_from] + [made]


def open_cases(feed: Feed, cases: int) -> None:
    feed.feed(
        *(
            event("contact.opened", f"co-{next(_numbers)}", number, channel="email", direction="inbound")
            for number in range(cases)
        )
    )


def count_again(feed: Feed, teams: int = 40) -> None:
    """The same partials change once more."""
    for team in range(teams):
        feed.state.add_sample(CONTACTS, Sample(T0, ("all", "", "", f"team-{team}"), counted(Count.praise)), 1)


def restarted(log: list[Checkpoint]) -> Feed:
    feed = Feed(RULES)
    feed.state = recovered([message for checkpoint in log for message in checkpoint.delta], RULES)
    return feed


def test_a_state_that_only_grows_is_written_once() -> None:
    feed, log = Feed(RULES), list[Checkpoint]()
    for _ in range(100):
        open_cases(feed, 20)
        commit(feed, log)

    assert log[-1].needed_from == 0
    assert bytes_of(log) < 1.5 * size_of(feed.state)


def test_however_often_the_same_changes_the_log_stays_within_three_times_the_state() -> None:
    feed, log = Feed(RULES), list[Checkpoint]()
    for _ in range(50):
        open_cases(feed, 10)
        commit(feed, log)
    longest = 0.0
    for _ in range(500):
        count_again(feed)
        commit(feed, log)
        longest = max(longest, bytes_of(log) / size_of(feed.state))

    assert log[-1].needed_from > 0
    assert 2 < longest < 3
    again = restarted(log).state
    assert again.cases.keys() == feed.state.cases.keys()
    assert again.partials[CONTACTS].minutes == feed.state.partials[CONTACTS].minutes


def test_what_has_left_makes_room() -> None:
    """Given a long log of cases; when most of them leave; then the log gets as short as the few that stay."""
    feed, log = Feed(rules(log_to_state=2, cases_max=20)), list[Checkpoint]()
    for _ in range(200):
        open_cases(feed, 20)
        count_again(feed)
        commit(feed, log)

    assert len(feed.state.cases) == 20
    assert bytes_of(log) < 4 * size_of(feed.state)


def test_a_restart_changes_nothing_of_what_is_written() -> None:
    feed, log = Feed(RULES), list[Checkpoint]()
    for _ in range(40):
        open_cases(feed, 10)
        commit(feed, log)
    for _ in range(200):
        count_again(feed)
        commit(feed, log)
    again, kept = restarted(log), list(log)

    for _ in range(50):
        for one, its_log in ((feed, log), (again, kept)):
            count_again(one)
            commit(one, its_log)

    assert again.state.entries() == feed.state.entries()
    assert 0.9 < bytes_of(kept) / bytes_of(log) < 1.1
    assert kept[-1].needed_from > 0


def test_what_was_known_of_a_customer_leaves_the_log_soon_after_an_erasure() -> None:
    """Given a log far from its limit; when a customer is erased; then a rotation that is not due otherwise drops it."""
    feed, log = Feed(RULES), list[Checkpoint]()
    feed.feed(event("contact.opened", "co-x", 0, customer="c-secret", channel="email", direction="inbound"))
    for _ in range(50):
        open_cases(feed, 10)
        commit(feed, log)
    assert b"c-secret" in b"".join(message for held in log for message in held.delta)

    feed.feed(event("customer.erased", "c-secret", HOUR, customer="c-secret"))
    for _ in range(100):
        open_cases(feed, 10)
        commit(feed, log)

    assert b"c-secret" not in b"".join(message for held in log for message in held.delta)
    needed = log[-1].needed_from
    for _ in range(100):
        open_cases(feed, 10)
        commit(feed, log)
    assert log[-1].needed_from == needed, "one round is enough"


OTHERS = {
    "a newer version's": (msgspec.msgpack.encode((changelog.ENCODING + 1, 7, ["anything"])), "this version reads"),
    "an older version's": (msgspec.msgpack.encode((changelog.ENCODING - 1, 7, [])), "a new OIDOR_APP_ID"),
    "no message of ours": (b"{}", "not readable"),
    "an entry that is none": (msgspec.msgpack.encode((changelog.ENCODING, 7, [1])), "not readable"),
    "nothing": (b"", "not readable"),
}


@pytest.mark.parametrize(("message", "why"), OTHERS.values(), ids=OTHERS.keys())
def test_a_log_of_another_version_is_refused_in_one_line_that_says_what_to_do(message: bytes, why: str) -> None:
    with pytest.raises(StateError, match=why) as refused:
        PartitionState(3, RULES).apply(message)

    assert str(refused.value).startswith("partition 3: ")
    assert "\n" not in str(refused.value)
