"""For a cluster every statement is made on each server, and every table that rows are written to replicates.

The engine that is embedded here is one server: it parses the statements, and writes them again as it understood them.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from deploy.clickhouse.cluster import ClusterError, on_cluster, require_cluster
from deploy.clickhouse.kpi_tables import literal
from deploy.clickhouse.migrate import MigrationError, migrate, migrations
from processors.settings import Settings
from schemas.outputs import COLUMNS
from tests.deploy.conftest import Engine

CLUSTER: Final = Settings(clickhouse_cluster="feed-back", clickhouse_database="oidor", _env_file=None)
STATEMENTS: Final = [statement for migration in migrations(CLUSTER) for statement in migration.statements]


class Server:
    """Answers as a server of a cluster does, and keeps what it was told to do."""

    def __init__(self, shards: Mapping[str, int], *alone: str) -> None:
        self._shards, self._alone, self.told = shards, alone, list[str]()

    def execute(self, query: str) -> list[tuple[Any, ...]]:
        if "system.clusters" in query:
            return list(self._shards.items())
        if "engine IN" in query:
            return [(name,) for name in self._alone]
        if not query.startswith("SELECT"):
            self.told.append(query)
        return [(0,)] if query.startswith("SELECT count()") else []


def as_understood(engine: Engine, statement: str) -> str:
    return str(engine.execute(f"SELECT formatQuerySingleLine({literal(statement)})")[0][0])


def test_the_engine_reads_every_statement_as_one_for_the_whole_cluster(engine: Engine) -> None:
    assert len(STATEMENTS) > 40
    for statement in STATEMENTS:
        understood = as_understood(engine, statement)
        assert re.match(r"(CREATE|ALTER) .*? ON CLUSTER `feed-back`", understood), understood


def test_the_engine_would_notice_a_statement_that_is_none(engine: Engine) -> None:
    with pytest.raises(Exception, match="Syntax error"):
        as_understood(engine, STATEMENTS[0].replace("ON CLUSTER", "ON CLUSTERS"))


@pytest.mark.parametrize("table", COLUMNS)
def test_a_table_that_rows_are_written_to_replicates_by_its_name(engine: Engine, table: str) -> None:
    (made,) = [one for one in STATEMENTS if one.startswith(f"CREATE TABLE IF NOT EXISTS oidor.{table} ")]
    understood = as_understood(engine, made)
    engine_of_table = re.search(r"ENGINE = (\w+)\((.*?)\) ", understood)

    assert engine_of_table
    kind = "Aggregating" if table == "policy_texts" else "Replacing"
    assert engine_of_table[1] == f"Replicated{kind}MergeTree"
    path = "'/clickhouse/tables/{database}/{table}', '{replica}'"
    assert engine_of_table[2] == (path if table == "policy_texts" else f"{path}, version")
    assert " replicated_deduplication_window = 1000" in understood
    assert "non_replicated" not in understood


def test_without_a_cluster_nothing_changes() -> None:
    alone = migrations(CLUSTER.model_copy(update={"clickhouse_cluster": ""}))

    assert not [one for migration in alone for one in migration.statements if "CLUSTER" in one or "Replicated" in one]
    assert [migration.checksum for migration in alone] == [migration.checksum for migration in migrations(CLUSTER)]


def test_the_database_and_the_record_of_migrations_are_made_on_every_server_too() -> None:
    server = Server({"feed-back": 1})

    migrate(CLUSTER, client=server)

    changes = [one for one in server.told if not one.startswith("INSERT")]
    assert changes[0] == "CREATE DATABASE IF NOT EXISTS oidor ON CLUSTER `feed-back`"
    assert "schema_migrations ON CLUSTER `feed-back`" in changes[1]
    assert "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{database}/{table}'" in changes[1]
    assert not [one for one in changes if "ON CLUSTER `feed-back`" not in one]


def test_a_statement_that_cannot_be_spread_is_refused() -> None:
    with pytest.raises(ClusterError, match=r"no migration for a cluster: DROP TABLE oidor\.cases"):
        on_cluster("DROP TABLE oidor.cases", "feed-back")


@pytest.mark.parametrize(
    ("server", "line"),
    [
        (Server({"default": 1}), "no such cluster; it has default"),
        (Server({"feed-back": 2}), "has 2 shards: .* name a cluster of one shard"),
        (Server({"feed-back": 1}, "cases"), "oidor.cases was made without a cluster .* `oidor replay`"),
    ],
)
def test_a_cluster_that_cannot_hold_the_tables_is_refused_before_anything_is_made(server: Server, line: str) -> None:
    with pytest.raises(ClusterError, match=line):
        migrate(CLUSTER, client=server)
    assert server.told == []


def test_the_embedded_engine_has_no_cluster_of_that_name(engine: Engine, settings: Settings) -> None:
    require_cluster(engine, "", settings.clickhouse_database)
    with pytest.raises((ClusterError, MigrationError), match="ClickHouse has no such cluster"):
        migrate(settings.model_copy(update={"clickhouse_cluster": "feedback"}), client=engine)
