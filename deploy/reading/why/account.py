"""The account of a case: its clocks as they were moved, reckoned and compared, each by the rules it was kept under."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.reading.why.comparison import Difference, differences
from deploy.reading.why.marks import Change, changes
from deploy.reading.why.reckoning import Held, Now, Reckoning, Time, reckon
from deploy.reading.why.records import Heard, Records, Row
from deploy.reading.why.refold import ClockKey, Refolded, let_go, refold
from deploy.reading.why.texts import Book
from processors.sla.clocks import Clock


@dataclass(frozen=True, slots=True)
class ClockAccount:
    """One clock: how it was moved, and what that comes to."""

    clock: Clock
    time: Time
    changes: tuple[Change, ...]
    reckoned: Reckoning
    book: Book
    """The rules by which it was kept."""

    def time_of(self, clock: Clock) -> Time:
        """The own time of the clock as it was at some moment: its calendar may have been another one."""
        return Time(None if clock.calendar is None else self.book.hours(clock.calendar))


@dataclass(frozen=True, slots=True)
class Account:
    """One case as of a moment. Its steps are those under the rules that hold for most of its clocks."""

    refolded: Refolded | None
    clocks: Mapping[ClockKey, ClockAccount]
    differences: tuple[Difference, ...]
    now: Now


def account(records: Records, books: Sequence[Book], chosen: Mapping[ClockKey, Book], at: int | None) -> Account:
    """Reckon a case by its books of rules, the first of which holds where a clock has none of its own.

    `at`, ms: as it read then, beside which nothing is stored any more.
    """
    heard = [one for one in records.events if at is None or one.event.timestamp <= at]
    now = _now(records, heard, books[0], at)
    rows = {(row["metric"], row["instance"]): row for row in records.clocks} if at is None else None
    found: dict[ClockKey, ClockAccount] = {}
    first: Refolded | None = None
    for number, book in enumerate(books):
        refolded = _refolded(records, heard, book, now, rows)
        first = refolded if number == 0 else first
        if refolded is not None:
            found |= {
                key: one for key, one in _clocks(refolded, book, now).items() if chosen.get(key, books[0]) is book
            }
    told = sorted(found.items(), key=lambda held: (held[1].clock.started_at, held[0]))
    return Account(first, dict(told), tuple(_differences(dict(told), rows, now)), now)


def _now(records: Records, heard: Sequence[Heard], book: Book, at: int | None) -> Now:
    if at is not None:
        return Now(at, at)
    read_to = records.read_to_at or max((one.event.timestamp for one in heard), default=0)
    return Now(read_to, max(read_to, records.greatest_at - book.rules.kpi_memory_ms))


def _refolded(
    records: Records, heard: Sequence[Heard], book: Book, now: Now, rows: Mapping[ClockKey, Row] | None
) -> Refolded | None:
    refolded = refold(records.key, heard, book.rules, now.read_to)
    if refolded is not None and rows and records.case is not None and records.case["state"] == "evicted":
        let_go(refolded, [(one, row["stopped_at"]) for one, row in rows.items() if row["stopped_at"] is not None])
        refolded.fold.state = "evicted"
    return refolded


def _clocks(refolded: Refolded, book: Book, now: Now) -> dict[ClockKey, ClockAccount]:
    moved: dict[ClockKey, list[Change]] = {}
    for step in refolded.steps:
        for change in changes(step):
            moved.setdefault(change.clock, []).append(change)
    found: dict[ClockKey, ClockAccount] = {}
    for clock in refolded.fold.clocks:
        key = clock.metric, clock.instance
        own = tuple(moved.get(key, ()))
        time = Time(None if clock.calendar is None else book.hours(clock.calendar))
        earlier = found.get((clock.metric, clock.instance - 1))
        before = None if earlier is None else earlier.reckoned
        reckoned = reckon(clock, time, own, refolded.steps, before, _held(refolded), now)
        found[key] = ClockAccount(clock, time, own, reckoned, book)
    return found


def _held(refolded: Refolded) -> list[Held]:
    """Which team had the case when."""
    fold, since = refolded.fold, 0
    held = list[Held]()
    for stint in fold.stints:
        held.append(Held(stint.team, since, stint.until))
        since = stint.until
    return [*held, Held(fold.place.team, since, None)]


def _differences(
    told: Mapping[ClockKey, ClockAccount], rows: Mapping[ClockKey, Row] | None, now: Now
) -> list[Difference]:
    found = list[Difference]()
    for key, one in told.items():
        row = None if rows is None else rows.get(key)
        if rows is not None and row is None:
            found.append(Difference(*key, "clock", one.reckoned.state, one.reckoned.state, "none"))
        found += differences(one.clock, one.reckoned, row, now)
    for key, row in (rows or {}).items():
        if key not in told:
            found.append(Difference(*key, "clock", "none", "none", row["state"]))
    return found
