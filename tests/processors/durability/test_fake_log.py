"""The logs in memory keep the promises of the one on Kafka."""

import random
from collections.abc import Callable

import pytest

from processors.durability.log import Log
from tests.processors.durability import fake_log
from tests.processors.durability.log_contract import LogContract, Play
from tests.simulation.broker import Broker
from tests.simulation.clients import SimulatedLog, Weather


@pytest.fixture
def play() -> Play:
    return fake_log.play


class TestMemoryLog(LogContract):
    @pytest.fixture
    def new_log(self) -> Callable[[], Log]:
        broker = fake_log.Broker()
        return lambda: broker.log(0)


class TestSimulatedLog(LogContract):
    @pytest.fixture
    def new_log(self) -> Callable[[], Log]:
        broker, weather = Broker(), Weather(random.Random(1))
        return lambda: SimulatedLog(broker, weather, 0, lambda: 0)
