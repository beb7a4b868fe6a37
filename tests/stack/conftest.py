"""Servers for the tests of this folder: one Kafka broker and one ClickHouse a run, and fresh names for each test.

What a machine lacks skips the tests that need it; where the variable CI is set it fails them.
"""

import itertools
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import pytest

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.jars import JarsError
from deploy.local.kafka.server import LocalKafka
from processors.settings import Settings

_run = uuid.uuid4().hex[:6]
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Fresh:
    """Names that no other test uses: one test cannot see the topics, groups and tables of another."""

    app_id: str
    topic_prefix: str
    database: str

    def settings(self, **others: Any) -> Settings:
        """Settings with these names, and `others`."""
        names = {
            "app_id": self.app_id,
            "input_prefix": self.topic_prefix,
            "topic_prefix": self.topic_prefix,
            "clickhouse_database": self.database,
        }
        return Settings(**(names | others))


@pytest.fixture
def fresh() -> Fresh:
    name = f"t{_run}-{next(_numbers)}"
    return Fresh(name, f"{name}-", name.replace("-", "_"))


@pytest.fixture
def settings(kafka: LocalKafka, clickhouse: LocalClickHouse, fresh: Fresh, request: pytest.FixtureRequest) -> Settings:
    """Of an installation on both servers, whose members are missed soon; `SETTINGS` of a module are on top of that."""
    common = {"input_retention_days": -1, "session_timeout": 6, "heartbeat_interval": 1}
    return fresh.settings(
        brokers=kafka.bootstrap,
        clickhouse_host=clickhouse.host,
        clickhouse_port=clickhouse.port,
        **common | getattr(request.module, "SETTINGS", {}),
    )


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """One broker. A test that kills or pauses it must bring it back."""
    server = LocalKafka(tmp_path_factory.mktemp("kafka"))
    try:
        server.start()
    except JarsError as error:
        server.stop()
        lacking(str(error))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClickHouse]:
    """One server. A test that kills or pauses it must bring it back."""
    if not find_spec("chdb"):
        lacking("chdb is not installed: pip install oidor[local]")
    with LocalClickHouse(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


def lacking(reason: str) -> None:
    """Skip where a machine may lack something, fail in CI, where it may not."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
