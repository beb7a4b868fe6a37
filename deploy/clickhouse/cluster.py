"""Migrations for a cluster: what they make is made on each of its servers, and what rows are written to replicates.

Every server holds every row, because views read their own server's tables: a cluster of one shard, with as many
replicas as wanted. Replicas find each other by the names of database and table, so that a server which joins later
takes all rows once `oidor migrate` has run again. `kpi_definitions` does not replicate: each server makes it from
the same statement.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, Protocol

from schemas.errors import OidorError

_OBJECT: Final = re.compile(
    r"(CREATE DATABASE IF NOT EXISTS|CREATE TABLE IF NOT EXISTS|CREATE OR REPLACE TABLE|CREATE OR REPLACE VIEW"
    r"|ALTER TABLE) ([\w.]+)"
)
_ENGINE: Final = re.compile(r"^ENGINE = ((?:Replacing|Aggregating)MergeTree)(?:\((.*)\))?", re.MULTILINE)
_PATH: Final = "'/clickhouse/tables/{database}/{table}', '{replica}'"
"""In Keeper; what is in braces is filled in by each server."""
_WINDOW: Final = ("non_replicated_deduplication_window", "replicated_deduplication_window")


class Database(Protocol):
    def execute(self, query: str) -> Sequence[Sequence[Any]]: ...


class ClusterError(OidorError):
    """A cluster that cannot hold the tables; one line, with what to do."""


def on_cluster(statement: str, cluster: str) -> str:
    """A statement of a migration as the cluster needs it; as it is when no cluster is named."""
    if not cluster:
        return statement
    spread, found = _OBJECT.subn(rf"\1 \2 ON CLUSTER `{cluster}`", statement, count=1)
    if not found or not statement.startswith(("CREATE", "ALTER")):
        raise ClusterError(f"no migration for a cluster: {' '.join(statement.split())[:80]}")
    return _ENGINE.sub(_replicated, spread).replace(*_WINDOW)


def _replicated(engine: re.Match[str]) -> str:
    arguments = ", ".join(filter(None, (_PATH, engine[2])))
    return f"ENGINE = Replicated{engine[1]}({arguments})"


def require_cluster(connection: Database, cluster: str, database: str) -> None:
    """Raise `ClusterError` when a cluster is named that is not there, or cannot hold every row on every server."""
    if not cluster:
        return
    rows = connection.execute("SELECT cluster, uniqExact(shard_num) FROM system.clusters GROUP BY cluster")
    shards: dict[str, int] = {name: int(count) for name, count in rows}
    if cluster not in shards:
        known = ", ".join(sorted(shards)) or "none"
        raise ClusterError(f"OIDOR_CLICKHOUSE_CLUSTER={cluster}: ClickHouse has no such cluster; it has {known}")
    if shards[cluster] > 1:
        raise ClusterError(
            f"OIDOR_CLICKHOUSE_CLUSTER={cluster} has {shards[cluster]} shards: views read the tables of their own "
            "server, so every server has to hold every row; name a cluster of one shard with replicas"
        )
    alone = connection.execute(
        f"SELECT name FROM system.tables WHERE database = '{database}'"
        " AND engine IN ('ReplacingMergeTree', 'AggregatingMergeTree') ORDER BY name LIMIT 1"
    )
    if alone:
        raise ClusterError(
            f"{database}.{alone[0][0]} was made without a cluster and does not replicate: set "
            "OIDOR_CLICKHOUSE_DATABASE to a new database and fill that by `oidor replay`, or leave "
            "OIDOR_CLICKHOUSE_CLUSTER empty"
        )
