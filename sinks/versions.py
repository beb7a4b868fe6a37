"""What stored rows say of those who wrote them: versions, and incarnations of the inputs.

Of two rows about the same, the one with the greater version is what views show.
"""

from clickhouse_driver import Client


def stored_versions(client: Client, database: str) -> dict[int, int]:
    """Ask, blocking, for the greatest version that is stored of each partition's rows.

    Only checkpoints that took records are asked for: a row that came of time alone may have a greater one.
    """
    rows = client.execute(f"SELECT partition, max(version) FROM {database}.ingest_progress GROUP BY partition")
    return dict(rows)


def stored_incarnations(client: Client, database: str) -> dict[tuple[str, int], int]:
    """Ask, blocking, for the greatest incarnation of each input, by logical name, and partition that is stored."""
    rows = client.execute(
        f"SELECT topic, partition, max(incarnation) FROM {database}.ingest_progress GROUP BY topic, partition"
    )
    return {(topic, partition): incarnation for topic, partition, incarnation in rows}
