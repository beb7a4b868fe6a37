"""What a policy file says: is it right, and what would a pack promise for an event? For `oidor policies`."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.reading.why.hours import Hours
from processors.cases.case import advance
from processors.cases.conversion import case_event
from processors.cases.events import CaseEvent
from processors.cases.fold import Fold
from processors.enrichment.categories import category_of, map_category
from processors.patterns import registry
from processors.rules import load_calendars
from processors.sla.business_time import BeyondCalendarError, Calendar
from processors.sla.clocks import Clock
from processors.sla.promises import Promises
from processors.sla.signals import SIGNALS
from schemas.errors import OidorError
from schemas.events.decoding import decode, occurred_ms
from schemas.events.envelope import Event
from schemas.outputs import Rejection
from schemas.policies import calendars, durations, packs, patterns, refusals, yaml_lines
from schemas.policies.abilities import ABILITIES
from schemas.policies.packs import PolicyBook
from schemas.policies.policy import Policy
from schemas.taxonomy import CLOCK_METRICS
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS


class ExplainError(OidorError):
    """A question about a pack that cannot be answered; one line."""


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack that can be used, and what is odd about it."""

    path: Path
    policy: Policy
    warnings: tuple[str, ...]


def _read(paths: Sequence[Path], calendar_folder: Path | None) -> list[Pack]:
    """Read packs as the worker would. Raises `YamlRefusedError`."""
    policies = packs.read_all(paths, load_calendars(calendar_folder).calendar_ids, category_of)
    return [
        Pack(path, policy, tuple(packs.warnings_of(path, policy))) for path, policy in zip(paths, policies, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that can be used: what it is, in words, and what is odd about it."""

    path: Path
    what: str
    warnings: tuple[str, ...] = ()


def check(paths: Sequence[Path], calendar_folder: Path | None) -> list[Checked]:
    """Read packs as the worker would, and calendars and parameters of patterns, told apart by what stands in them.

    Raises `YamlRefusedError`.
    """
    names = {path: yaml_lines.names_in(path) for path in paths}
    others = {path: checked for path in paths if (checked := _other(path, names[path])) is not None}
    read = {one.path: one for one in _read([path for path in paths if path not in others], calendar_folder)}
    return [others[path] if path in others else _pack(read[path]) for path in paths]


def _other(path: Path, names: frozenset[str]) -> Checked | None:
    """What a file says that is no pack; None: it is to be one."""
    if "calendar_id" in names:
        calendar = calendars.load(path)
        return Checked(path, f"calendar {calendar.calendar_id} {calendar.version}")
    if path.stem == "patterns" or names & registry.DECLARED.keys():
        patterns.read(path, registry.DECLARED)
        return Checked(path, f"parameters of failure patterns, {', '.join(sorted(names)) or 'all as declared'}")
    return None


def _pack(pack: Pack) -> Checked:
    rules = sum(map(len, pack.policy.clocks.values()))
    return Checked(pack.path, f"{pack.policy.policy_id} {pack.policy.version}, {rules} rules", pack.warnings)


def explain(paths: Sequence[Path], calendar_folder: Path | None, event: str, *, grace_ms: int) -> list[str]:
    """Say line by line what packs promise when this event is the first of its case.

    Raises `ExplainError` for the event, and `YamlRefusedError` for the packs.
    """
    checked = _read(paths, calendar_folder)
    book = PolicyBook([one.policy for one in checked], grace_ms=grace_ms)
    promises = Promises(book, load_calendars(calendar_folder))
    topic, decoded = _decoded(event)
    first = _case_event(topic, decoded)
    fold = Fold((topic, decoded.source, decoded.entity_id))
    try:
        advance(fold, first, promises, [])
    except BeyondCalendarError as error:
        raise ExplainError(str(error)) from error
    facts = ", ".join(f"{name}={value}" for name, value in sorted(fold.matching().items()) if value)
    lines = [f"{decoded.event_type} at {_moment(first.occurred_at)}: {facts}"]
    for clock in fold.clocks:
        lines += _promised(clock, checked)
    for metric in CLOCK_METRICS:
        if metric not in fold.latest:
            lines.append(f"{metric}: {_why_not(metric, fold, first, promises)}")
    return lines


def _decoded(text: str) -> tuple[str, Event]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ExplainError(f"the event is not JSON: {error}") from error
    kind = str(content.get("event_type", "")).partition(".")[0] if isinstance(content, dict) else ""
    topic = {"contact": CONTACTS, "complaint": COMPLAINTS, "survey": SURVEYS}.get(kind)
    if topic is None:
        raise ExplainError("the event has no event_type that begins with contact., complaint. or survey.")
    decoded = decode(topic, json.dumps(_completed(content)).encode())
    if isinstance(decoded, Rejection):
        raise ExplainError(f"the event is refused: {decoded.reason} {decoded.field}: expected {decoded.expected}")
    return topic, decoded


def _completed(content: dict[str, Any]) -> dict[str, Any]:
    """What identifies an event need not be invented to ask a question."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    made = {"event_id": "asked", "schema_version": "1.0", "occurred_at": now, "source": "asked", "entity_id": "asked"}
    return {**made, **content}


def _case_event(topic: str, event: Event) -> CaseEvent:
    at = occurred_ms(event)
    return case_event(event, at, at, map_category(event.category, event.category_raw)[0])


def _promised(clock: Clock, checked: Sequence[Pack]) -> Iterator[str]:
    target = clock.target
    pack = next(
        one
        for one in checked
        if (one.policy.policy_id, one.policy.version) == (target.policy_id, target.policy_version)
    )
    conditions = pack.policy.clocks[clock.metric][target.rule].when.conditions()
    why = "; ".join(f"{name} is {' or '.join(map(str, values))}" for name, values in conditions) or "it fits every case"
    zone = "UTC" if clock.calendar is None else clock.calendar.zone
    yield f"{clock.metric}: {target.written}{', legal' if target.legal else ''}, due {_moment(clock.due_at, zone)}"
    yield f"    rule {target.rule + 1} of {clock.metric} in {target.policy_id} {target.policy_version}: {why}"
    yield f"    runs from {_moment(clock.started_at, zone)}; {_hours(clock)}"
    if clock.calendar is not None and (skipped := _skipped(clock, clock.calendar)):
        yield f"    not counted until then: {skipped}"
    if clock.warn_at:
        moments = zip(target.warn_at, clock.warn_at, strict=True)
        yield "    warns " + ", ".join(f"at {share:.0%} {_moment(at, zone)}" for share, at in moments)
    if target.per_team:
        yield "    of this team: handed on, the next one has a clock of its own from then on"
    if target.pause_on:
        waits = ", ".join(sorted(f"{what} ({reason})" for what, reason in target.pause_on))
        yield f"    pauses on {waits}; for {durations.written(target.max_pause_ms)} at most"


def _hours(clock: Clock) -> str:
    if clock.calendar is None:
        return "elapsed time"
    calendar = clock.calendar
    return f"hours of {calendar.calendar_id} {calendar.version}, {calendar.zone}"


def _skipped(clock: Clock, calendar: Calendar) -> str:
    """Weekends and holidays between its start and its deadline, holidays by name."""
    closed = [one for one in Hours(calendar.definition).walk(clock.started_at, clock.due_at) if not one.counts]
    weekends = sum("weekend" in one.because for one in closed)
    said = [f"{weekends} weekend{'s' if weekends > 1 else ''}"] if weekends else []
    holidays = (holiday for one in closed for holiday in one.holidays)
    said += [f"{one.date} {one.names.get('en', 'a holiday of the calendar')}" for one in holidays]
    return ", ".join(said)


def _why_not(metric: Any, fold: Fold, event: CaseEvent, promises: Promises) -> str:
    starts = sorted(trigger for trigger, what in SIGNALS[metric].items() if what in ("start", "again"))
    if metric not in promises.metrics:
        return "no pack names it"
    if fold.facts["topic"] not in ABILITIES[metric].topics:
        return f"not for {fold.facts['topic']}: {refusals.why_not(metric, fold.facts['topic'])}"
    start = event.occurred_at if fold.opened_at is None else fold.opened_at
    promise = promises.promise(metric, start, fold.matching())
    if promise is None:
        return "no rule fits, or the one that does promises nothing"
    return (
        f"{promise[0].written} by rule {promise[0].rule + 1} of {promise[0].policy_id}, from {' or '.join(starts)} on"
    )


def _moment(at: int, zone: str = "UTC") -> str:
    from zoneinfo import ZoneInfo

    return datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).isoformat(sep=" ", timespec="seconds")
