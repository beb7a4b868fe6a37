"""`oidor rebuild`: KPI minutes that have left memory, counted anew from the stored events.

What is taken in: corrections of cases that had been counted under other rules, adjustments, definitions that have
changed since. Workers go on meanwhile: what they write later has later versions, and counts once.

Rows go to the database, and not through `feedback-rows`: their versions alone decide which of two rows holds, so that
storing the rows of that topic again changes nothing of them, and the topic is its workers' alone.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from deploy.reading.kept import shown, why_not_all_is_stored, why_nothing_is_stored
from deploy.reading.rebuild.comparison import Changes, Comparison, WrittenMeanwhileError
from deploy.reading.rebuild.recount import Recount
from deploy.reading.stored import (
    Database,
    Position,
    erased_cases,
    erased_minutes,
    events,
    positions,
    refused_events,
)
from processors.kpis.partials import MINUTE_MS, QUARTER_HOUR_MS, quarter_hour_of
from processors.rules import Rules
from schemas.errors import OidorError
from schemas.topics import INPUTS

_DAY_MS: Final = 86_400_000
_ATTEMPTS: Final = 3
_PAUSE_SECONDS: Final = 2.0


class RebuildError(OidorError):
    """Why nothing is rebuilt, or not all; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Span:
    """Whole quarter-hours, in milliseconds: [begin, end)."""

    begin: int
    end: int

    @classmethod
    def around(cls, begin: datetime, end: datetime) -> "Span":
        """Return the quarter-hours that hold a span. Raises RebuildError when it holds no moment."""
        if begin >= end:
            raise RebuildError(f"--from {shown(_ms(begin))} is not before --to {shown(_ms(end))}")
        return cls(quarter_hour_of(_ms(begin)), -(-_ms(end) // QUARTER_HOUR_MS) * QUARTER_HOUR_MS)

    @property
    def days(self) -> Iterator[tuple[int, int]]:
        """It, cut at midnight."""
        begin = self.begin
        while begin < self.end:
            end = min(begin - begin % _DAY_MS + _DAY_MS, self.end)
            yield begin, end
            begin = end

    def __str__(self) -> str:
        return f"{shown(self.begin)} to {shown(self.end)}"


@dataclass(slots=True)
class Rebuilt:
    """What was, or would be, written."""

    span: Span
    partials: int = 0
    minutes: int = 0
    """Of the partitions together."""
    events: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    """By how much each accumulator of dimension `all` is another one."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Reason -> stored events that this release rejects."""
    left_out: int = 0
    """Cases of customers who were erased."""
    kept: int = 0
    """Minutes, of the partitions together, that stay as they are because such a case counted in them."""
    refused: int = 0
    """Accepted events that ClickHouse would not store: what they counted is counted no more."""


def rebuild(
    client: Database,
    database: str,
    rules: Rules,
    span: Span,
    *,
    raw_ttl_days: int,
    now_ms: int,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Rebuilt:
    """Count the minutes of a span anew and write what differs; a dry run only says it. Raises RebuildError.

    `progress` is told how many of how many partitions are done.
    """
    if lacking := why_nothing_is_stored(client, database):
        raise RebuildError(lacking)
    at, retention_ms = positions(client, database), rules.case_retention_ms
    if lacking := why_not_all_is_stored(
        client, database, span.begin, retention_ms=retention_ms, raw_ttl_days=raw_ttl_days, now_ms=now_ms
    ):
        raise RebuildError(lacking)
    _require_anything(client, database, span)
    _require_out_of_memory(client, database, span, rules, at)
    done = Rebuilt(span, refused=refused_events(client, database, span.begin - retention_ms))
    for number, position in enumerate(at, 1):
        try:
            _rebuild_partition(client, database, rules, position, done, None if dry_run else now_ms)
        except WrittenMeanwhileError as error:
            raise RebuildError(
                f"the last checkpoint of partition {position.partition} that is stored has written minutes of this "
                "span itself: run it again after its next one, with `oidor worker` running within a minute"
            ) from error
        progress(number, len(at))
    return done


def _rebuild_partition(
    client: Database, database: str, rules: Rules, position: Position, done: Rebuilt, recorded_at: int | None
) -> None:
    span, number = done.span, position.partition
    comparison = Comparison(client, database, position)
    recount = Recount(number, rules, span.begin, span.end, erased_cases(client, database, number))
    for rows in recount.rows(events(client, database, position), position.read_to_at):
        comparison.add(rows)
    kept = recount.kept | erased_minutes(client, database, number, span.begin, span.end)
    comparison.keep(kept)
    for day in span.days:
        changes = comparison.compare(*day)
        if recorded_at is not None:
            comparison.write(recorded_at)
            comparison.write_quarter_hours(*day, recorded_at)
            comparison.resolve(*day, recorded_at)
        _add(done, changes)
    done.events += recount.events
    done.rejected += recount.rejected
    done.left_out += len(recount.left_out)
    done.kept += len(kept)


def _add(done: Rebuilt, changes: Changes) -> None:
    done.partials += changes.partials
    done.minutes += changes.minutes
    done.totals.update({name: new - was for name, (was, new) in changes.totals.items()})


# What must be so


def _require_anything(client: Database, database: str, span: Span) -> None:
    """Refuse a span of which nothing is stored: another one is meant."""
    within = f"{{0}} >= {_sql(span.begin)} AND {{0}} < {_sql(span.end)}"
    for table, moment in (("kpi_partials", "minute"), ("feedback_events", "occurred_at")):
        ((count,),) = client.execute(f"SELECT count() FROM {database}.{table} WHERE {within.format(moment)}")
        if count:
            return
    ((first, last),) = client.execute(
        "SELECT toUnixTimestamp64Milli(min(occurred_at)), toUnixTimestamp64Milli(max(occurred_at))"
        f" FROM {database}.feedback_events"
    )
    raise RebuildError(f"nothing is stored of {span}: events are, from {shown(first)} to {shown(last)}")


def _require_out_of_memory(client: Database, database: str, span: Span, rules: Rules, at: Sequence[Position]) -> None:
    """Refuse minutes that a partition still has in memory, and would write again."""
    held = [
        (since, topic, position.partition)
        for position in at
        for topic in INPUTS
        if (since := _in_memory_since(position, topic, rules)) < span.end
        and _has_minutes(client, database, position.partition, topic, max(since, span.begin), span.end)
    ]
    if not held:
        return
    since, topic, partition = min(held)
    behind = rules.kpi_memory_ms + rules.longest_grace_ms + 2 * QUARTER_HOUR_MS
    if not since:
        raise RebuildError(
            f"{topic}[{partition}] was not read yet under this application id, whose state may still count there: "
            "wait until `oidor worker` has caught up"
        )
    if since <= span.begin:
        advice = f"all of the span leaves once records of {shown(span.end + behind)} are read"
    else:
        advice = f"give --to {shown(since)} or earlier, or wait for records of {shown(span.end + behind)}"
    raise RebuildError(
        f"{topic}[{partition}] holds its minutes from {shown(since)} on in memory, and writes them itself: {advice}"
    )


def _in_memory_since(position: Position, topic: str, rules: Rules) -> int:
    """The moment, ms, before which minutes have left; one that has only just left may be about to be written."""
    reached = position.inputs.get(topic)
    if reached is None:
        return 0
    closed = reached.record_at - rules.kpi_memory_ms - rules.longest_grace_ms
    return quarter_hour_of(closed - closed % MINUTE_MS) - QUARTER_HOUR_MS


def _has_minutes(client: Database, database: str, partition: int, topic: str, begin: int, end: int) -> bool:
    ((count,),) = client.execute(
        f"SELECT count() FROM {database}.kpi_partials WHERE dimension = 'all' AND topic = '{topic}'"
        f" AND partition = {partition} AND minute >= {_sql(begin)} AND minute < {_sql(end)}"
    )
    return bool(count)


def _sql(ms: int) -> str:
    return f"fromUnixTimestamp64Milli({ms}, 'UTC')"


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
