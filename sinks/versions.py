"""Versions of stored rows: of two rows about the same, the one with the greater version is what views show."""

from clickhouse_driver import Client


def stored_versions(client: Client, database: str) -> dict[int, int]:
    """Ask, blocking, for the greatest version that is stored of each partition's rows.

    Only checkpoints that took records are asked for: a row that came of time alone may have a greater one.
    """
    rows = client.execute(f"SELECT partition, max(version) FROM {database}.ingest_progress GROUP BY partition")
    return dict(rows)
