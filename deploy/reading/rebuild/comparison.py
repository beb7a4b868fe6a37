"""What was counted anew beside what counts by now, in SQL: in tables of this connection alone, which end with it.

Of each key the newest generation counts, revision 0 and what came after its version: `kpi_views` says it once. What is
written here is such a revision 0, with the version of the checkpoint up to which events were counted. An adjustment of
a later checkpoint is added to it, an earlier one is in it, and however often the rows of the workers are stored again,
they have lower versions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from deploy.clickhouse.kpi_tables import DECLARED
from deploy.clickhouse.kpi_views import rows_that_count
from deploy.reading.stored import Database, Position
from schemas.kpis import ACCUMULATORS, COUNTS, DEFINITION_VERSION, HISTOGRAMS, RETIRED, SUMS, Histogram
from schemas.outputs import PARTIAL_COLUMNS, PartialRow, partials_in_full

_RETIRED: Final = tuple(each.name for each in DECLARED if each in RETIRED)
"""What nobody counts any more stays as it was."""
_MAPS: Final = {*HISTOGRAMS, *(each.name for each in RETIRED if isinstance(each, Histogram))}
_NUMBERS: Final = (*COUNTS, *SUMS)
_KEY: Final = "dimension, dimension_value, topic"


class WrittenMeanwhileError(Exception):
    """Rows that would be replaced have the version of the last checkpoint, or a later one."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A table of partials, and what the beginning of one is called in it."""

    table: str
    moment: str


MINUTES: Final = Bucket("kpi_partials", "minute")
QUARTER_HOURS: Final = Bucket("kpi_quarter_hours", "quarter_hour")


@dataclass(frozen=True, slots=True)
class Changes:
    """Partials that are to be written: how many, of how many minutes, and what of dimension `all` was and will be."""

    partials: int = 0
    minutes: int = 0
    totals: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Comparison:
    """The comparison of one partition, day by day.

    Moments are called `at`: an alias that is also a column's name would hide that in the condition on what counts.
    """

    def __init__(self, client: Database, database: str, position: Position) -> None:
        self._client, self._database, self._position = client, database, position
        counted = ", ".join(f"{name} {_type(name)}" for name in ACCUMULATORS)
        self._create("recounted", f"topic String, at Int64, dimension String, dimension_value String, {counted}")
        self._create("kept", "topic String, at Int64")

    def _create(self, table: str, columns: str) -> None:
        self._client.execute(f"DROP TEMPORARY TABLE IF EXISTS {table}")
        self._client.execute(f"CREATE TEMPORARY TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY (at, topic)")

    # What was counted anew

    def add(self, rows: Sequence[PartialRow]) -> None:
        """Take in amounts, to be added to those of the same key."""
        place = {name: index for index, name in enumerate(PARTIAL_COLUMNS)}
        order = [place[name] for name in ("topic", "minute", "dimension", "dimension_value", *ACCUMULATORS)]
        values = [[row[index] for index in order] for row in partials_in_full(rows, PARTIAL_COLUMNS)]
        if values:
            columns = ", ".join(("topic", "at", "dimension", "dimension_value", *ACCUMULATORS))
            self._client.execute(f"INSERT INTO recounted ({columns}) VALUES", values)

    def keep(self, minutes: Iterable[tuple[str, int]]) -> None:
        """Leave (topic, minute) as they are, whatever was counted in them."""
        if rows := [list(one) for one in sorted(minutes)]:
            self._client.execute("INSERT INTO kept (topic, at) VALUES", rows)

    # How it differs

    def compare(self, begin: int, end: int) -> Changes:
        """Find the minutes from `begin` to `end`, ms, that are to be written, and remember what as."""
        amounts = ", ".join((*ACCUMULATORS, *(f"CAST({_zero(name)} AS {_type(name)}) AS {name}" for name in _RETIRED)))
        within = f"at >= {begin} AND at < {end}"
        version = f"toUInt32({DEFINITION_VERSION}) AS definition_version"
        anew = f"SELECT 1 AS anew, at, {_KEY}, {version}, {amounts} FROM recounted WHERE {within}"
        self._find(MINUTES, anew, begin, end)
        return self._changes()

    def write(self, recorded_at: int) -> None:
        """Write what `compare` found last."""
        self._write(MINUTES, recorded_at)

    def write_quarter_hours(self, begin: int, end: int, recorded_at: int) -> Changes:
        """Let quarter-hours be what the minutes in them add up to by now."""
        anew = (
            f"SELECT 1 AS anew, intDiv(toUnixTimestamp64Milli(p.minute), 900000) * 900000 AS at, {_KEY},"
            f" {_OF_ROWS} FROM {self._counting(MINUTES, begin, end)}"
        )
        self._find(QUARTER_HOURS, anew, begin, end)
        changes = self._changes()
        self._write(QUARTER_HOURS, recorded_at)
        return changes

    def resolve(self, begin: int, end: int, recorded_at: int) -> None:
        """Say of marked minutes that they were counted anew, until they are marked again.

        Also of those that are kept: there is nothing left to do about them.
        """
        table, version = f"{self._database}.kpi_stale_minutes", self._position.version
        self._client.execute(
            f"INSERT INTO {table} (minute, topic, partition, reason, resolved, version, last_recorded_at)"
            f" SELECT minute, topic, partition, reason, 1, {version}, {_moment(recorded_at)} FROM {table} FINAL"
            f" WHERE resolved = 0 AND partition = {self._position.partition} AND version <= {version}"
            f" AND minute >= {_moment(begin)} AND minute < {_moment(end)}"
        )

    def _counting(self, bucket: Bucket, begin: int, end: int) -> str:
        """The stored rows of the partition that count: a FROM clause, `AS p`."""
        rows = rows_that_count(bucket.table, bucket.moment).format(database=self._database)
        return (
            f"{rows} AND p.partition = {self._position.partition}"
            f" AND p.{bucket.moment} >= {_moment(begin)} AND p.{bucket.moment} < {_moment(end)}"
        )

    def _find(self, bucket: Bucket, anew: str, begin: int, end: int) -> None:
        """Into `differing`: keys whose amounts are not what counts, with both."""
        stored = (
            f"SELECT 0 AS anew, toUnixTimestamp64Milli(p.{bucket.moment}) AS at, {_KEY},"
            f" {_OF_ROWS} FROM {self._counting(bucket, begin, end)}"
        )
        kept = "" if bucket is QUARTER_HOURS else "WHERE (topic, at) NOT IN (SELECT topic, at FROM kept)"
        others = "countIf(anew = 0) > 0 AND minIf(definition_version, anew = 0) < counted_by"
        sums = [f"{_sum(name, 1)} AS new_{name}, {_sum(name, 0)} AS was_{name}" for name in _ALL]
        new, was = (", ".join(f"{side}_{name}" for name in ACCUMULATORS) for side in ("new", "was"))
        columns = [f"{side}_{name} {_type(name)}" for name in _ALL for side in ("new", "was")]
        version = f"if(countIf(anew = 1) = 0, {DEFINITION_VERSION}, minIf(definition_version, anew = 1))"
        self._create("differing", f"at Int64, {_typed_key()}, counted_by UInt32, {', '.join(columns)}")
        self._client.execute(
            f"INSERT INTO differing SELECT at, {_KEY}, {version} AS counted_by, {', '.join(sums)}"
            f" FROM ({anew} UNION ALL {stored}) {kept} GROUP BY at, {_KEY}"
            f" HAVING ({new}) != ({was}) OR ({others})"
        )

    def _changes(self) -> Changes:
        sides = ", ".join(f"sumIf({side}_{name}, dimension = 'all')" for name in _NUMBERS for side in ("was", "new"))
        ((partials,),) = self._client.execute("SELECT count() FROM differing")
        if not partials:
            return Changes()
        ((minutes, *totals),) = self._client.execute(f"SELECT uniqExact(at), {sides} FROM differing")
        pairs = zip(_NUMBERS, zip(totals[::2], totals[1::2], strict=True), strict=True)
        return Changes(partials, minutes, {name: (was, new) for name, (was, new) in pairs if was != new})

    def _write(self, bucket: Bucket, recorded_at: int) -> None:
        moment, position = bucket.moment, self._position
        key = f"toUnixTimestamp64Milli({moment}), {_KEY}"
        table = f"{self._database}.{bucket.table}"
        ((newer,),) = self._client.execute(
            f"SELECT count() FROM {table} WHERE partition = {position.partition} AND revision = 0"
            f" AND version >= {position.version} AND ({key}) IN (SELECT at, {_KEY} FROM differing)"
        )
        if newer:
            raise WrittenMeanwhileError
        columns = f"{moment}, {_KEY}, partition, revision, definition_version, {', '.join(_ALL)}, version"
        self._client.execute(
            f"INSERT INTO {table} ({columns}, last_recorded_at)"
            f" SELECT {_moment('at')}, {_KEY}, {position.partition}, 0, counted_by,"
            f" {', '.join(f'new_{name}' if name in ACCUMULATORS else f'was_{name}' for name in _ALL)},"
            f" {position.version}, {_moment(recorded_at)} FROM differing"
        )


_ALL: Final = (*ACCUMULATORS, *_RETIRED)
_OF_ROWS: Final = ", ".join(f"p.{name}" for name in ("definition_version", *_ALL))


def _type(name: str) -> str:
    return "Map(Int16, Int64)" if name in _MAPS else "Int64"


def _zero(name: str) -> str:
    return "map()" if name in _MAPS else "0"


def _typed_key() -> str:
    return ", ".join(f"{name.strip()} String" for name in _KEY.split(","))


def _sum(name: str, anew: int) -> str:
    """What one side adds up to; a bucket that comes to nothing is none."""
    if name in _MAPS:
        return f"mapFilter((bucket, amount) -> amount != 0, sumMapIf({name}, anew = {anew}))"
    return f"sumIf({name}, anew = {anew})"


def _moment(ms: int | str) -> str:
    return f"fromUnixTimestamp64Milli({ms}, 'UTC')"
