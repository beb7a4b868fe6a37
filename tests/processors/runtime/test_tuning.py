"""A connection that was lost a moment ago, as uvloop hands it to aiokafka."""

import asyncio
import socket
from collections.abc import Iterator

import pytest
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from processors.runtime.tuning import survive_closed_connections

uvloop = pytest.importorskip("uvloop")


class Connection(AIOKafkaConnection):  # type: ignore[misc]
    """As far as one whose broker need not answer to be connected."""

    async def _do_version_lookup(self) -> None:
        self._versions = {MetadataRequest.API_KEY: (0, 1)}


@pytest.fixture
def broker() -> Iterator[tuple[str, int]]:
    """Somebody who listens, and no more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()


@pytest.fixture
def as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka as it is, here and after the test."""
    send = AIOKafkaConnection.send
    monkeypatch.setattr(AIOKafkaConnection, "send", getattr(send, "__wrapped__", send))


def sent_over_a_lost_connection(broker: tuple[str, int]) -> tuple[AIOKafkaConnection, list[object], Exception]:
    """What a request comes to when its transport has closed and the task that reads has not heard of it yet."""

    async def scene() -> tuple[AIOKafkaConnection, list[object], Exception]:
        told: list[object] = []
        connection = Connection(*broker, on_close=lambda _, reason: told.append(reason))
        await connection.connect()
        connection._read_task.cancel()
        await asyncio.sleep(0)
        connection._writer.transport.abort()
        await asyncio.sleep(0.01)
        with pytest.raises(Exception) as caught:
            await connection.send(MetadataRequest([]))
        return connection, told, caught.value

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(scene())


@pytest.mark.usefixtures("as_it_is")
class TestAConnectionThatWasLostAMomentAgo:
    def test_is_to_aiokafka_an_error_that_it_does_not_expect(self, broker: tuple[str, int]) -> None:
        _, told, error = sent_over_a_lost_connection(broker)

        assert type(error) is RuntimeError
        assert told == [], "whoever owns it goes on using it"

    def test_is_a_lost_connection_that_is_closed_and_told_of_once_we_have_taught_it(
        self, broker: tuple[str, int]
    ) -> None:
        survive_closed_connections()
        survive_closed_connections()

        connection, told, error = sent_over_a_lost_connection(broker)

        assert isinstance(error, KafkaConnectionError)
        assert "lost" in str(error)
        assert not connection.connected()
        assert told == [CloseReason.CONNECTION_BROKEN]
