"""Logs of states that are read whole: what lacks in between is found, and what another release wrote is told apart."""

import pytest

from deploy.cli.logs import Reading, read
from processors.durability.changelog import ENCODING, Changelog, ForeignError, LogLimits, LostError
from processors.durability.provenance import Position
from tests.processors.durability.counting import Counting
from tests.processors.durability.fake_cluster import of_release, standing_at
from tests.processors.durability.fake_log import Broker, play

Messages = list[bytes]
NEVER_COMPACTED = LogLimits(message_bytes=900_000, log_to_state=1_000)


def empty() -> Changelog:
    return Changelog(Counting(0), ["in"], NEVER_COMPACTED)


def checkpoints(count: int) -> Messages:
    """A log of so many checkpoints, a message each."""
    state = Counting(0)
    state.count("since the first")
    changelog = Changelog(state, ["in"], NEVER_COMPACTED)
    changelog.initialise(7, 12)
    messages = []
    for _ in range(count):
        changelog.begin()
        messages += changelog.write().messages
    return messages


def reading(messages: Messages) -> Reading:
    found: list[Reading] = []

    async def scene() -> None:
        found.append(await read(Broker(state={0: messages}).log(0), empty))

    play(scene())
    return found[0]


A, B, C, D = checkpoints(4)
PART = standing_at(Position(5, 0))
NEWER, OLDER = of_release(ENCODING + 1), of_release(ENCODING - 1)
WHOLE = {"nothing": ([], None), "one checkpoint": ([A], A), "several": ([A, B, C], C)}
LOST: dict[str, tuple[Messages, bytes, str]] = {
    "its beginning": ([B, C], C, "begins with checkpoint 2, and is needed from 1"),
    "a checkpoint": ([A, B, D], D, "has a gap after checkpoint 2"),
    "several in between": ([A, C, B, D], D, "has a gap after checkpoint 1"),
    "order": ([A, B, B, C], C, "has a gap after checkpoint 2"),
    "the rest of its last": ([A, B, C, D, PART], D, "ends within checkpoint 5"),
}
FOREIGN: dict[str, tuple[Messages, str]] = {
    "all of it": ([NEWER, NEWER], "by a newer release"),
    "its end": ([A, B, NEWER], "by a newer release"),
    "its beginning": ([OLDER, A], "by another release"),
    "what lies behind a gap": ([A, C, NEWER], "by a newer release"),
    "what lies before a gap": ([NEWER, A, C], "by a newer release"),
    "what nobody wrote": ([A, b""], "is not readable"),
}


@pytest.mark.parametrize(("messages", "last"), WHOLE.values(), ids=WHOLE.keys())
def test_nothing_lacks_in_a_whole_log(messages: Messages, last: bytes | None) -> None:
    assert reading(messages) == Reading(last, None)


@pytest.mark.parametrize(("messages", "last", "lost"), LOST.values(), ids=LOST.keys())
def test_what_lacks_is_told_and_the_last_checkpoint_is_found_nevertheless(
    messages: Messages, last: bytes, lost: str
) -> None:
    assert reading(messages) == Reading(last, lost)


@pytest.mark.parametrize(("messages", "why"), FOREIGN.values(), ids=FOREIGN.keys())
def test_what_another_release_wrote_is_never_taken_for_lost(messages: Messages, why: str) -> None:
    with pytest.raises(ForeignError, match=why):
        reading(messages)


@pytest.mark.parametrize(("messages", "lost"), [(one[0], one[2]) for one in LOST.values()], ids=LOST.keys())
def test_a_worker_refuses_what_lacks_something(messages: Messages, lost: str) -> None:
    def opened(changelog: Changelog) -> None:
        for message in messages:
            changelog.apply(message)
        changelog.check_whole()

    with pytest.raises(LostError, match=lost):
        opened(empty())
