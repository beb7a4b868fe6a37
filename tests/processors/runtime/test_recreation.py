"""A topic that is deleted and made again has other records at the offsets that a group has committed."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from processors.runtime import recreation
from processors.runtime.recreation import TopicIncarnation
from schemas.topics import NO_ID
from tests.processors.durability.fake_log import play

ROWS = "feedback-rows"
FIRST, SECOND = b"1" * 16, b"2" * 16
MINUTE = 60.0


class Broker:
    """Has one topic, or none, and what a group has committed of it."""

    def __init__(self) -> None:
        self.id: bytes | None = FIRST
        self.answers = True
        self.committed: dict[int, OffsetAndMetadata] = {}
        self.connections = 0

    def connect(self, **_: Any) -> "Connection":
        return Connection(self)


class Connection:
    """In place of an admin client: what of it is used."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def start(self) -> None:
        self._broker.connections += 1

    async def close(self) -> None:
        self._broker.connections -= 1

    async def _send_request(self, request: object) -> Any:
        if not self._broker.answers:
            raise KafkaConnectionError
        id_ = self._broker.id
        return SimpleNamespace(topics=[(3, ROWS, NO_ID, False, [])] if id_ is None else [(0, ROWS, id_, False, [0])])

    async def list_consumer_group_offsets(
        self, group: str, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, OffsetAndMetadata]:
        nothing = OffsetAndMetadata(-1, "")
        return {tp: self._broker.committed.get(tp.partition, nothing) for tp in partitions}


Scene = Callable[[TopicIncarnation, Broker, list[str]], Awaitable[None]]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        broker, ended = Broker(), list[str]()
        monkeypatch.setattr(recreation, "AIOKafkaAdminClient", broker.connect)
        play(_played(TopicIncarnation({}, "oidor-warehouse", ROWS, ended.append), scene, broker, ended))

    return run


async def _played(incarnation: TopicIncarnation, scene: Scene, broker: Broker, ended: list[str]) -> None:
    looking = asyncio.create_task(incarnation.run())
    await scene(incarnation, broker, ended)
    await asyncio.sleep(1)
    looking.cancel()
    await asyncio.wait([looking])
    assert broker.connections == 0, "every connection was closed"


def test_a_process_ends_within_a_minute_when_its_topic_is_made_again_and_says_why(
    played: Callable[[Scene], None],
) -> None:
    async def scene(incarnation: TopicIncarnation, broker: Broker, ended: list[str]) -> None:
        await asyncio.sleep(10 * MINUTE)
        assert (incarnation.missing, ended) == (False, [])
        broker.id = SECOND
        await asyncio.sleep(MINUTE)
        assert ended
        assert ended[0].startswith(f"{ROWS} was deleted and made again: this process ends, and reads the new one from")

    played(scene)


def test_a_topic_that_is_gone_is_missing_until_it_is_there_and_another_then(
    played: Callable[[Scene], None],
) -> None:
    async def scene(incarnation: TopicIncarnation, broker: Broker, ended: list[str]) -> None:
        await asyncio.sleep(1)
        broker.id = None
        await asyncio.sleep(MINUTE)
        assert (incarnation.missing, ended) == (True, [])
        broker.id = SECOND
        await asyncio.sleep(MINUTE)
        assert not incarnation.missing
        assert ended

    played(scene)


def test_no_answer_says_nothing_of_the_topic_and_it_is_asked_again(played: Callable[[Scene], None]) -> None:
    async def scene(incarnation: TopicIncarnation, broker: Broker, ended: list[str]) -> None:
        await asyncio.sleep(1)
        broker.answers = False
        await asyncio.sleep(10 * MINUTE)
        assert (incarnation.missing, ended, incarnation.mark) == (False, [], FIRST.hex())
        broker.answers, broker.id = True, SECOND
        await asyncio.sleep(MINUTE)
        assert ended

    played(scene)


def test_what_was_committed_of_an_earlier_topic_of_the_name_is_not_where_reading_goes_on(
    played: Callable[[Scene], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(incarnation: TopicIncarnation, broker: Broker, ended: list[str]) -> None:
        broker.id = SECOND
        broker.committed = {
            0: OffsetAndMetadata(70, FIRST.hex()),
            1: OffsetAndMetadata(5, SECOND.hex()),
            2: OffsetAndMetadata(9, ""),  # as whoever resets the offsets of a group commits them
        }
        committed = await incarnation.committed([TP(ROWS, number) for number in range(4)])
        assert committed == {TP(ROWS, 1): 5, TP(ROWS, 2): 9}
        assert incarnation.mark == SECOND.hex()

    played(scene)
    assert f"{ROWS} was made again: it is read from its first record" in caplog.text


def test_a_broker_that_tells_no_ids_is_believed_and_ends_nothing(played: Callable[[Scene], None]) -> None:
    async def scene(incarnation: TopicIncarnation, broker: Broker, ended: list[str]) -> None:
        broker.id = NO_ID
        broker.committed = {0: OffsetAndMetadata(70, FIRST.hex())}
        assert await incarnation.committed([TP(ROWS, 0)]) == {TP(ROWS, 0): 70}
        await asyncio.sleep(MINUTE)
        assert (incarnation.mark, incarnation.missing, ended) == ("", False, [])

    played(scene)
