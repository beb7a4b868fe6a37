"""What follows from a case, or from the cases of one subject: functions of what is known and of `now`.

Nothing is written here and nothing is compared: `emission` does both.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from processors.cases import effects, merges, waits
from processors.cases.case import Case, Evaluation, Failure
from processors.cases.events import CaseKey
from processors.cases.fold import Said
from processors.cases.history import History, Membership, Subject
from processors.cases.measures import under_promise
from processors.cases.standing import links_of
from processors.kpis.samples import Amounts, Sample, counted, duration
from processors.patterns import registry
from processors.patterns.incidents import Incident, incident_row
from processors.patterns.pattern import Pattern, SubjectPattern
from processors.pipeline import backlog
from processors.pipeline.isolation import failure
from processors.rules import Rules
from processors.sla import clocks
from processors.sla.clocks import NEVER, Clock, Reading
from schemas.kpis import Count, Histogram, Sum
from schemas.outputs import IncidentRow
from schemas.taxonomy import CLOCK_METRICS, ClockState
from schemas.topics import SURVEYS

DECIDED: Final[Mapping[ClockState, str]] = {"met": "met", "breached": "breached", "breached_open": "breached"}
"""State of a clock whose promise was kept or broken -> which."""
_AMOUNTS: Final[Mapping[tuple[str, str], Amounts]] = {
    (metric, outcome): counted(Count[f"{metric}_{outcome}"])
    for metric in CLOCK_METRICS
    for outcome in ("met", "breached")
}
_LOOK_AGAIN_MS: Final = 3_600_000
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

_OPEN: Final[frozenset[ClockState]] = frozenset({"running", "paused", "breached_open"})

States = tuple[ClockState, ...]
_NONE: Final = frozenset[str]()


def evaluate(case: Case, partition: int, now: int, rules: Rules) -> Evaluation:
    """Evaluate a case as of `now`, ms: how far the timers of its input topic have fired."""
    fold = case.fold
    if rules.promises.renewals:
        effects.renew(fold, now, rules.promises)
    of_fold = tuple(fold.clocks)
    readings: list[Reading] = []
    still_open: backlog.OpenClocks = []
    for clock in of_fold:
        reading = clocks.read(clock, now)
        readings.append(reading)
        if reading.state in _OPEN:
            still_open.append((clock, reading))
    states = tuple([reading.state for reading in readings])
    failures: list[Failure] = []
    judged = not fold.test and (of_fold or fold.cycles)
    said = waits.read(fold, now) if fold.waits else []
    is_survey, is_over = case.key[0] == SURVEYS, fold.is_over
    settled_at = case.settled_at if is_over or is_survey else None
    incidents, imported = _incidents(case, readings, partition, now, rules, failures) if judged else (_NOTHING, _NONE)
    return Evaluation(
        of_fold,
        states,
        _outcomes(case, states, said) if not fold.test and (of_fold or said) else (),
        incidents,
        _memberships(case, failures),
        () if is_over or fold.test else backlog.gauges(case, still_open, now, rules.page_window_ms),
        merges.carry_over(case.key, fold),
        _next_timer(case, still_open, said, settled_at, now, rules),
        tuple(failures),
        fold.facts.get("customer_id", ""),
        links_of(case.events) if is_survey else (),
        None if is_survey else fold.gives(),
        imported,
        settled_at,
    )


def outcome_of(clock: Clock, state: ClockState) -> tuple[int, str, Amounts]:
    """When a decided clock counts, as met or as breached, and what it adds to the KPIs.

    Met counts at the end of the clock, breached at its deadline: whichever came first (K12).
    """
    outcome = DECIDED[state]
    return clock.ended_at if outcome == "met" else clock.due_at, outcome, _AMOUNTS[clock.metric, outcome]


def _outcomes(case: Case, states: States, said: Sequence[Said]) -> tuple[Sample, ...]:
    fold = case.fold
    samples: list[Sample] = []
    for index, state in enumerate(states):
        if state not in DECIDED:
            continue
        clock = fold.clocks[index]
        if clock.inherited_at is None:
            at, _, amounts = outcome_of(clock, state)
            attribution = clock.attribution or under_promise(clock.metric, clock.target, fold.attribution())
            samples.append(Sample(at, attribution, amounts))
            # What was given up was not done: nothing says how late it would have been.
            late_ms, elapsed_ms = clocks.overdue(clock) if clock.phase == "stopped" else (0, 0)
            if elapsed_ms:
                samples.append(Sample(clock.due_at, attribution, _overdue(late_ms, elapsed_ms)))
    if fold.state != "void":
        samples += [each.sample for each in said]
    return tuple(samples)


def _overdue(late_ms: int, elapsed_ms: int) -> Amounts:
    """What the time between deadline and end of a clock counts as, in its own time and elapsed."""
    return (
        *duration(Histogram.overdue_histogram, Sum.overdue_ms, elapsed_ms),
        *duration(Histogram.overdue_business_histogram, Sum.overdue_business_ms, late_ms),
    )


Found = tuple[Mapping[str, IncidentRow], frozenset[str]]
"""Incidents by id, and which of them nobody could be called for when they opened."""


def _incidents(
    case: Case, readings: Sequence[Reading], partition: int, now: int, rules: Rules, failures: list[Failure]
) -> Found:
    """What the patterns find that a case decides by itself. A test is nobody's trouble."""
    rows: Mapping[str, IncidentRow] = _NOTHING
    imported = _NONE
    for pattern in registry.CASE_PATTERNS:
        try:
            found = pattern.incidents(case, readings, now, rules.patterns[pattern.id])
            if found:
                of_pattern, late = _rows(found, pattern, partition, rules)
                rows, imported = {**rows, **of_pattern}, imported | late
        except Exception as error:
            failures.append(failure(pattern.id, error))
    return rows, imported


def _rows(incidents: Iterable[Incident], pattern: Pattern[Any], partition: int, rules: Rules) -> Found:
    rows: dict[str, IncidentRow] = {}
    imported: list[str] = []
    for incident in incidents:
        row = incident_row(incident, pattern.id, pattern.version, partition)
        rows[row.incident_id] = row
        if backlog.was_told_late(incident.opened_at, incident.known_at, rules.page_window_ms):
            imported.append(row.incident_id)
    return rows, frozenset(imported)


def _memberships(case: Case, failures: list[Failure]) -> Mapping[str, Membership]:
    memberships: dict[str, Membership] = {}
    for pattern_id, pattern in registry.SUBJECT_PATTERNS.items():
        try:
            membership = pattern.membership(case)
        except Exception as error:
            failures.append(failure(pattern_id, error))
        else:
            if membership is not None:
                memberships[pattern_id] = membership
    return memberships


def _next_timer(
    case: Case, still_open: backlog.OpenClocks, said: Sequence[Said], settled_at: int | None, now: int, rules: Rules
) -> int:
    """When an open clock or a wait next reads differently; of a case that is over, when it may leave the state."""
    moment = NEVER
    for _, reading in still_open:
        if reading.until < moment:
            moment = reading.until
    for each in said:
        if each.until < moment:
            moment = each.until
    if still_open and rules.promises.renewals:
        renewal = rules.promises.renewal_after(case.fold.renewed_to)
        moment = moment if renewal is None else min(moment, renewal)
    if case.fold.merged is not None:
        moment = min(moment, merges.awaits_until(case.fold))
    if moment == NEVER and settled_at is not None:
        expiry = settled_at + rules.case_retention_ms
        return expiry if expiry >= now else now + _LOOK_AGAIN_MS
    return moment


class SubjectEvaluation(NamedTuple):
    """What follows from the cases of one subject, in the eyes of one pattern."""

    incidents: Mapping[str, IncidentRow]
    """By incident id."""
    next_timer: int
    """The moment, ms, at which they may change though nothing arrives; `NEVER`: none."""
    imported: frozenset[str] = _NONE
    """Ids of those that nobody could be called for when they opened."""


NO_PATTERN: Final = SubjectEvaluation(_NOTHING, NEVER)


def evaluate_subject(
    pattern: SubjectPattern[Any],
    subject: Subject,
    history: History,
    case_of: Callable[[CaseKey], Case],
    partition: int,
    now: int,
    rules: Rules,
) -> SubjectEvaluation | Failure:
    """Evaluate the cases of one subject as of `now`, ms; a `Failure` when the pattern raises."""
    parameters = rules.patterns[pattern.id]
    try:
        if not history.cases or (not history.incidents and len(history.cases) < pattern.least(parameters)):
            return NO_PATTERN
        found = pattern.incidents(subject, history, case_of, now, parameters)
        incidents, imported = _rows(found, pattern, partition, rules)
        return SubjectEvaluation(incidents, pattern.quiet_at(history, parameters) if incidents else NEVER, imported)
    except Exception as error:
        return failure(pattern.id, error)
