"""`oidor rebuild`: connects it with the database, and says what came of it."""

import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from deploy.cli.connected import connected
from deploy.reading.rebuild.rebuild import RebuildError, Rebuilt, Span
from deploy.reading.rebuild.rebuild import rebuild as rebuild_in
from processors.patterns import registry
from processors.rules import Rules
from processors.settings import Settings

_PATIENCE_SECONDS: Final = 600


def rebuild(settings: Settings, begin: datetime, end: datetime, *, dry_run: bool) -> list[str]:
    """Rebuild the span in the database of an installation; returns what to print. Raises RebuildError, RulesError."""
    rules, span = Rules.of(settings, registry.DECLARED), Span.around(begin, end)
    with connected(settings, _PATIENCE_SECONDS, RebuildError, database="") as client:
        done = rebuild_in(
            client,
            settings.clickhouse_database,
            rules,
            span,
            raw_ttl_days=settings.raw_ttl_days,
            now_ms=time.time_ns() // 1_000_000,
            dry_run=dry_run,
            progress=_progress,
        )
    return [*report(done, dry_run=dry_run)]


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} partitions", end="\n" if done == total else "", file=sys.stderr)


def report(done: Rebuilt, *, dry_run: bool) -> Iterator[str]:
    """Say what was, or would be, written, and what was not."""
    yield f"{done.span}: {done.events} stored events counted anew"
    if not done.partials:
        yield "every minute is what its events come to: nothing to write"
    else:
        what = "would be written" if dry_run else "written, with the quarter-hours that they are in"
        yield f"{done.partials} partials of {done.minutes} minutes differ: {what}"
    for name, change in sorted(done.totals.items()):
        if change:
            yield f"  {name} {change:+}"
    if done.left_out:
        yield (
            f"{done.left_out} cases of customers who were erased are left out: nothing can count them again, so "
            f"{done.kept} minutes in which they counted stay as they are"
        )
    if done.rejected:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(done.rejected.items()))
        yield f"warning: stored events that this release rejects, and does not count: {reasons}"
    if done.refused:
        yield f"warning: ClickHouse had refused to store {done.refused} events: what they counted is counted no more"
