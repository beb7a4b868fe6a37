"""Whether what is asked about is still stored: each says why it is not, in one line that says what to do, or None."""

from datetime import UTC, datetime
from typing import Final

from deploy.reading.stored import Database, first_recorded, missing_events, positions

_DAY_MS: Final = 86_400_000


def why_nothing_is_stored(client: Database, database: str) -> str | None:
    """No tables, or no events in them."""
    ((tables,),) = client.execute(
        f"SELECT count() FROM system.tables WHERE database = '{database}' AND name = 'watermarks'"
    )
    if not tables:
        return f"there is no database {database} with tables of ours: run `oidor migrate`"
    if not any(position.inputs for position in positions(client, database)):
        return f"database {database} holds no events: there is nothing to count"
    return None


def why_not_all_is_stored(
    client: Database, database: str, begin: int, *, retention_ms: int, raw_ttl_days: int, now_ms: int
) -> str | None:
    """Events are deleted, or not here yet, of cases that count from `begin`, ms, on."""
    kept_from = now_ms - raw_ttl_days * _DAY_MS
    first, sound_from = first_recorded(client, database), kept_from + retention_ms
    if first is not None and first < kept_from and begin < sound_from:
        return (
            f"--from {shown(begin)}: events recorded before {shown(kept_from)} are deleted (OIDOR_RAW_TTL_DAYS = "
            f"{raw_ttl_days}), and cases of theirs count there: begin at {shown(sound_from)} or later"
        )
    if missing := missing_events(client, database, begin - retention_ms):
        one = missing[0]
        return (
            f"of {one.topic}[{one.partition}] {one.accepted} events of {one.day} were accepted and {one.stored} are "
            f"stored ({len(missing)} such days): what they say would be lost; if `oidor warehouse` is behind, wait"
        )
    return None


def shown(ms: int) -> str:
    """Write a moment as the options take it."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
