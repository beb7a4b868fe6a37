"""`oidor whatif`: connects it with the database, a process for each core, and says how long it will take."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from clickhouse_driver import Client
from pydantic import TypeAdapter, ValidationError

from deploy.cli.connected import connected
from deploy.cli.moments import moment
from deploy.reading import kept
from deploy.reading.stored import positions
from deploy.reading.whatif.comparison import Span
from deploy.reading.whatif.overtime import Staffing
from deploy.reading.whatif.recorded import recorded
from deploy.reading.whatif.report import Told
from deploy.reading.whatif.tried import InForce, Packs, Tried, in_force, names, promises
from deploy.reading.whatif.whatif import Answer, Question, of_partition
from processors.rules import DAY_MS
from processors.settings import Settings
from processors.sla.business_time import Calendar
from processors.sla.clocks import NEVER
from schemas.errors import OidorError
from schemas.policies.durations import Duration, in_words

HALF_THE_TIME: Final = Path(str(files("deploy") / "samples" / "half_the_time.yaml"))
"""A pack to try: the default one with half of every target."""
_PATIENCE_SECONDS: Final = 600
_SAID_EVERY_SECONDS: Final = 1.0


class WhatIfError(OidorError):
    """Why there is no answer; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, as a process of its own can be told it."""

    settings: Settings
    span: Span
    tried: Tried
    staffed: str = ""
    """A calendar of those configured; '': the one that most of their rules name."""
    handling_ms: int | None = None

    @property
    def packs(self) -> Packs:
        settings = self.settings
        return Packs(settings.policies, settings.calendars, round(settings.grace * 1000))

    def check(self) -> None:
        """Read the files alone. Raises `YamlRefusedError`, `TriedError`, `WhatIfError`."""
        self._staffed(in_force(self.packs))
        promises(self.packs, self.tried, self.span)

    def question(self, client: Client) -> Question:
        """Read the packs, and what was in force. Raises `YamlRefusedError`, `TriedError`, `WhatIfError`."""
        settings, known = self.settings, in_force(self.packs)
        tried = promises(self.packs, self.tried, self.span)
        staffing = Staffing(self._staffed(known), self.handling_ms)
        before = recorded(client, settings.clickhouse_database)
        return Question(
            self.span,
            [known.promises, *(one for one in before if one.content != known.promises.content)],
            tried,
            round(settings.case_retention_days * DAY_MS),
            settings.kpi_memory_ms,
            staffing,
        )

    def _staffed(self, known: InForce) -> Calendar | None:
        calendar_id = self.staffed or known.most_named
        if not calendar_id:
            return None
        if calendar_id not in known.calendars.calendar_ids:
            names = ", ".join(known.calendars.calendar_ids) or "none: see OIDOR_CALENDARS"
            raise WhatIfError(f"--staffed {calendar_id}: unknown calendar; known: {names}")
        return known.calendars.calendar(calendar_id, self.span.begin)


def asked(
    settings: Settings,
    begin: str,
    end: str,
    *,
    packs: Sequence[Path] = (),
    calendars: Path | None = None,
    only: bool = False,
    undated: bool = False,
    staffed: str = "",
    handling: str = "",
) -> Asked:
    """What the options ask. Raises `OidorError`."""
    if not packs and calendars is None:
        raise WhatIfError("give a pack to try, --policy FILE, or calendars, --calendars FOLDER")
    if only and not packs:
        raise WhatIfError("--only: give the packs that are all there are, --policy FILE")
    if calendars is not None and not calendars.is_dir():
        raise WhatIfError(f"--calendars {calendars}: no such folder")
    since, until = _ms("--from", begin), _ms("--to", end) if end else NEVER
    if since >= until:
        raise WhatIfError(f"--from {kept.shown(since)} is not before --to {kept.shown(until)}")
    return Asked(
        settings,
        Span(since, until),
        Tried(tuple(packs), calendars, only, undated),
        staffed,
        _duration("--handling", handling) if handling else None,
    )


def _ms(option: str, text: str) -> int:
    return round(moment(option, text).timestamp() * 1000)


def _duration(option: str, text: str) -> int:
    try:
        return _DURATION.validate_python(text)
    except ValidationError as error:
        raise WhatIfError(f"{option} {text}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


_DURATION: Final[TypeAdapter[int]] = TypeAdapter(Duration)


def answered(asked: Asked) -> Told:
    """Ask the database of an installation. Raises `OidorError`."""
    asked.check()
    database = asked.settings.clickhouse_database
    with connected(asked.settings, _PATIENCE_SECONDS, WhatIfError, database="") as client:
        if lacking := kept.why_nothing_is_stored(client, database) or kept.why_not_all_is_stored(
            client,
            database,
            asked.span.begin,
            retention_ms=round(asked.settings.case_retention_days * DAY_MS),
            raw_ttl_days=asked.settings.raw_ttl_days,
            now_ms=time.time_ns() // 1_000_000,
        ):
            raise WhatIfError(lacking)
        question, at = asked.question(client), positions(client, database)
    answer = Answer()
    for of_one in _of_all(asked, [position.partition for position in at if position.inputs]):
        answer.update(of_one)
    if not answer.compared.cases:
        raise WhatIfError(_nothing(asked, answer))
    return Told(asked.span, names(asked.packs, asked.tried), question.staffing, answer)


def _nothing(asked: Asked, answer: Answer) -> str:
    begin = kept.shown(asked.span.begin)
    if left_out := answer.left_out.total():
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(answer.left_out.items()))
        named = f"; the first: {answer.differing[0]}" if answer.differing else ""
        return f"all {left_out} cases from {begin} on are left out, nothing can be compared: {reasons}{named}"
    return f"no case was open at {begin} or later: give an earlier --from"


# A process for each core


def _of_all(asked: Asked, partitions: Sequence[int]) -> Iterator[Answer]:
    """The answers of partitions, in order."""
    processes = min(len(partitions), os.cpu_count() or 1)
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.Queue[_Told] = context.Queue()
    try:
        with ProcessPoolExecutor(processes, context, _begin, (asked, told)) as pool:
            futures = [pool.submit(_of_one, partition) for partition in partitions]
            _watch(futures, told, len(partitions))
            yield from (future.result() for future in futures)
    except BrokenProcessPool as error:
        raise WhatIfError("a process that folded a partition was ended: was there memory for it? ask again") from error


_Told = tuple[int, int, int]
"""A partition, how many of its events were read, and of how many."""


@dataclass(slots=True)
class _Process:
    """What a process of the pool knows."""

    asked: Asked
    question: Question
    told: Any


_process: _Process


def _begin(asked: Asked, told: Any) -> None:
    global _process
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a word: the command says that it was ended
    with connected(asked.settings, _PATIENCE_SECONDS, WhatIfError, database="") as client:
        _process = _Process(asked, asked.question(client), told)


def _of_one(partition: int) -> Answer:
    database = _process.asked.settings.clickhouse_database

    def progress(done: int, total: int) -> None:
        _process.told.put((partition, done, total))

    with connected(_process.asked.settings, _PATIENCE_SECONDS, WhatIfError, database="") as client:
        # Where it is by now: what was written since the others were asked is no reason to leave a case out.
        (position,) = positions(client, database, partition)
        return of_partition(client, database, position, _process.question, progress)


def _watch(futures: Sequence[Future[Answer]], told: Any, partitions: int) -> None:
    """Say how far it is until all are done."""
    began, reached = time.monotonic(), dict[int, tuple[int, int]]()
    pending = set(futures)
    while pending:
        done, pending = wait(pending, _SAID_EVERY_SECONDS, FIRST_COMPLETED)
        if failed := [future for future in done if future.exception() is not None]:
            for future in pending:
                future.cancel()
            failed[0].result()
        while not told.empty():
            partition, read, total = told.get()
            reached[partition] = read, total
        if sys.stderr.isatty():
            print(f"\r{said(reached, partitions, time.monotonic() - began):<70}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r" + " " * 70 + "\r", end="", file=sys.stderr)


def said(reached: dict[int, tuple[int, int]], partitions: int, seconds: float) -> str:
    """How far it is, and how long it will take; what partitions hold that are still to come is an estimate.

    `reached`: partition -> how many of its events were read, and of how many.
    """
    read, known = (sum(counts) for counts in zip(*reached.values(), strict=True)) if reached else (0, 0)
    if not read:
        return "reading"
    total = known * partitions // len(reached)
    left = seconds * (total - read) / read
    return f"{read:,} of about {total:,} events, about {in_words(max(1000, round(left) * 1000))} left"
