"""The log of a partition on a real broker: its promises, and that a broker which goes away cancels nobody."""

import asyncio
from collections.abc import Callable

import pytest

from deploy.cli.topics import create
from deploy.local.kafka.server import LocalKafka
from processors.durability.log import Log
from processors.runtime.timeouts import wall_ms
from processors.settings import Settings
from processors.worker import kafka_log
from tests.processors.durability.log_contract import LogContract, Play
from tests.stack.conftest import Fresh
from tests.stack.tcp_proxy import FaultProxy

pytestmark = pytest.mark.stack


@pytest.fixture
def settings(kafka: LocalKafka, fresh: Fresh) -> Settings:
    found = fresh.settings(brokers=kafka.bootstrap, partitions=1)
    create(found)
    return found


class TestKafkaLog(LogContract):
    @pytest.fixture
    def play(self) -> Play:
        return asyncio.run

    @pytest.fixture
    def new_log(self, settings: Settings) -> Callable[[], Log]:
        return lambda: kafka_log(0, settings)


def test_the_broker_says_what_time_it_is(settings: Settings) -> None:
    async def scene() -> None:
        log = kafka_log(0, settings)
        await log.open()
        before = wall_ms()
        answer = (await log.transaction([], [b"1"])).broker_time
        assert answer is not None
        assert before - 50 <= answer <= wall_ms() + 50
        await log.close()

    asyncio.run(scene())


def test_reading_ends_quietly_while_the_broker_is_away(kafka: LocalKafka, settings: Settings) -> None:
    """Given a reader whose fetches fail; when it stops between two attempts; then nobody is cancelled by that."""

    async def scene() -> None:
        log = kafka_log(0, settings.model_copy(update={"brokers": f"127.0.0.1:{proxy.port}"}))
        await log.open()
        await log.transaction([], [b"1"])
        epoch = log.read()
        async for messages in epoch:
            if messages:
                break

        proxy.refuse()
        await asyncio.sleep(0.5)
        closing = asyncio.ensure_future(epoch.aclose())  # type: ignore[attr-defined]
        await asyncio.wait({closing})

        assert messages == [b"1"]
        assert not closing.cancelled()
        assert closing.exception() is None
        await log.close()

    with FaultProxy(kafka.ports[0], kafka=True) as proxy:
        asyncio.run(scene())
