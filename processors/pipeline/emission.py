"""What follows from a case as it stands: clock outcomes in the KPIs, incidents, what is open, and when to look again.

All of it is a pure function of the case and of `now`. Judging a case compares with what was last told of it, tells the
difference, and arms the deadline at which it would read differently with no event at all.
"""

from __future__ import annotations

import logging
from heapq import heapify, heappop
from typing import TYPE_CHECKING, Final

from processors.cases.case import Case, apply_event, handed_over, refold, withdraw
from processors.cases.events import CaseEvent, CaseKey
from processors.cases.fold import Fold
from processors.cases.rows import clock_id, clock_row
from processors.cases.transitions import TERMINAL
from processors.kpis.samples import Sample, counted, difference
from processors.patterns import repeat_contact
from processors.patterns.registry import OF_CASE
from processors.patterns.repeat_contact import History, Subject, shown_by, subject_of
from processors.sla import clocks
from processors.sla.clocks import NEVER
from schemas.kpis import Count
from schemas.observations import Observations, Transition
from schemas.outputs import IncidentRow
from schemas.taxonomy import CLOCK_METRICS
from schemas.topics import CONTACTS, SURVEYS

if TYPE_CHECKING:
    from processors.state.partition import Deadline, PartitionState

log = logging.getLogger(__name__)

_OUTCOME: Final = {"met": "met", "breached": "breached", "breached_open": "breached"}
_AMOUNTS: Final = {
    (metric, outcome): counted(Count[f"{metric}_{outcome}"])
    for metric in CLOCK_METRICS
    for outcome in ("met", "breached")
}
_LOOK_AGAIN_MS: Final = 3_600_000


def judge(state: PartitionState, case: Case, outputs: Observations, *, by_deadline: bool = False) -> None:
    """Tell what changed about a case since it was last judged, by a record or `by_deadline`."""
    now = state.timers_fired_to[case.key[0]]
    case.readings = tuple([clocks.outcome(clock, now) for clock in case.fold.clocks])
    outcomes = _outcomes(case)
    if outcomes != case.outcomes:
        tell = state.add_final if by_deadline else state.add_sample
        for sample, sign in difference(case.outcomes, outcomes):
            tell(case.key[0], sample, sign)
        _observe_outcomes(case, outputs)
        case.outcomes = outcomes
    incidents = _incidents_of(case, state, now)
    if incidents or case.incidents:
        _tell(state, case.incidents, incidents, outputs)
        case.incidents = incidents
    _withdraw_clocks(state, case)
    gauges = _gauges(case, now)
    if gauges != case.gauges:
        for gauge in case.gauges:
            state.count(gauge, -1)
        for gauge in gauges:
            state.count(gauge, 1)
        case.gauges = gauges
    _hand_over(state, case, outputs)
    _evaluate_subject(state, case, outputs)
    _arm(state, case)


def _hand_over(state: PartitionState, case: Case, outputs: Observations) -> None:
    """Let the case that survives a merge know since when the customer of this one waits, or that this was an error."""
    told, now = case.handed_over, handed_over(case)
    if told == now:
        return
    case.handed_over = now
    if told is not None:
        del state.absorbed[told[0]][case.key]
        if not state.absorbed[told[0]]:
            del state.absorbed[told[0]]
        _absorb(state, told[0], told[1], outputs, withdrawn=True)
    if now is not None:
        state.absorbed.setdefault(now[0], {})[case.key] = now[1]
        _absorb(state, now[0], now[1], outputs)


def absorb_waiting(state: PartitionState, case: Case, outputs: Observations) -> None:
    """Give a new case what was merged into it before it was heard of."""
    for event in list(state.absorbed.get(case.key, {}).values()):
        _absorb(state, case.key, event, outputs)


def _absorb(
    state: PartitionState, key: CaseKey, event: CaseEvent, outputs: Observations, *, withdrawn: bool = False
) -> None:
    case = state.cases.get(key)
    if case is None:
        return
    if withdrawn:
        samples = withdraw(case, event, state.rules.promises) if event in case.events else []
        state.replace(case)
    else:
        samples, forward = apply_event(case, event, state.rules.promises)
        if forward:
            state.append(case, event)
        else:
            state.replace(case)
    state.mark_dirty(case)
    for sample, sign in samples:
        state.add_sample(key[0], sample, sign)
    judge(state, case, outputs)


def _outcomes(case: Case) -> tuple[Sample, ...]:
    """Met counts at the end of the clock, breached at its deadline: whichever came first (K12)."""
    fold = case.fold
    if not fold.clocks or fold.test:
        return ()
    samples = []
    for clock, reading in zip(fold.clocks, case.readings, strict=True):
        state = _OUTCOME.get(reading)
        if state:
            at = clock.ended_at if state == "met" else clock.due_at
            attribution = clock.attribution or fold.attribution()
            samples.append(Sample(at, attribution, _AMOUNTS[clock.metric, state]))
    return tuple(samples)


def _observe_outcomes(case: Case, outputs: Observations) -> None:
    """Live counters move by what is new; a counter cannot go back: a retraction has one of its own."""
    told = {(sample.at_ms, sample.amounts) for sample in case.outcomes}
    for clock, reading in zip(case.fold.clocks, case.readings, strict=True):
        state = _OUTCOME.get(reading)
        if state is None:
            continue
        at = clock.ended_at if state == "met" else clock.due_at
        if (at, _AMOUNTS[clock.metric, state]) in told:
            continue
        policy = clock.target.policy_id
        outputs.moment(at, "sla_outcomes", policy, clock.metric, case.fold.facts["priority"], state)
        if clocks.retracted(clock):
            outputs.moment(clock.due_at, "sla_retractions", policy, clock.metric)


def _incidents_of(case: Case, state: PartitionState, now: int) -> dict[str, IncidentRow]:
    if case.fold.test or not (case.fold.clocks or case.fold.cycles):
        return {}
    return {
        incident.incident_id: incident
        for pattern in OF_CASE
        for incident in pattern(case, state.number, now, state.rules)
    }


def _tell(
    state: PartitionState, before: dict[str, IncidentRow], after: dict[str, IncidentRow], outputs: Observations
) -> None:
    for sign, told in ((-1, before), (1, after)):
        for incident in told.values():
            _count_open(state, incident, sign)
    for key, incident in after.items():
        known = before.get(key)
        if known != incident:
            state.pending.incidents[key] = incident
            changed: Transition = "closed" if incident.state == "closed" else "updated"
            outputs.incident(incident, "opened" if known is None else changed)
    for key, incident in before.items():
        if key not in after:
            withdrawn = incident._replace(state="withdrawn", close_reason="retracted")
            state.pending.incidents[key] = withdrawn
            outputs.incident(withdrawn, "withdrawn")


def _count_open(state: PartitionState, incident: IncidentRow, sign: int) -> None:
    if incident.state == "open":
        state.count(("pattern_incidents_open", incident.pattern, incident.severity, incident.area), sign)


def _withdraw_clocks(state: PartitionState, case: Case) -> None:
    """A clock that the fold no longer knows, because an earlier event came, is void."""
    told, known = case.emitted_clocks, case.fold.clocks
    if len(told) == len(known) and all(one is other for one, other in zip(told.values(), known, strict=True)):
        return
    current = {clock_id(case, clock): clock for clock in known}
    for key, clock in told.items():
        if key not in current:
            row = clock_row(case, clock, state.number, state.timers_fired_to[case.key[0]])
            state.pending.void_clocks[key] = row._replace(void=1)
    case.emitted_clocks = current


def _gauges(case: Case, now: int) -> tuple[tuple[str, ...], ...]:
    fold = case.fold
    if fold.state in TERMINAL or fold.test:
        return ()
    labels = fold.facts.get("kind", ""), fold.area, fold.facts["priority"]
    found: list[tuple[str, ...]] = [] if case.key[0] == SURVEYS else [("backlog_cases", *labels)]
    for clock, reading in zip(fold.clocks, case.readings, strict=True):
        if clock.is_open:
            name = _OPEN_GAUGE.get(reading) or ("sla_at_risk" if clocks.warnings(clock, now) else "sla_open")
            found.append((name, clock.target.policy_id, clock.metric, fold.area))
    return tuple(found)


_OPEN_GAUGE: Final = {"breached_open": "sla_overdue", "paused": "sla_paused"}
"""The gauge of an open clock that does not simply run."""


def _arm(state: PartitionState, case: Case) -> None:
    """Look again when a running clock next reads differently, or when a case that is over may leave."""
    now = state.timers_fired_to[case.key[0]]
    moment = min([clocks.next_threshold(clock, now) for clock in case.fold.clocks if clock.is_open], default=NEVER)
    if moment == NEVER:
        if case.fold.state not in TERMINAL and case.key[0] != SURVEYS:
            return
        expiry = case.last_event_at + state.rules.case_retention_ms
        moment = expiry if expiry >= now else now + _LOOK_AGAIN_MS
    if case.armed is None or moment < case.armed:
        case.armed = moment
        state.arm(case.key[0], moment, "case", case.key)
        _prune(state, case.key[0])


def _prune(state: PartitionState, topic: str) -> None:
    """Deadlines of cases that left early would pile up until they are due."""
    deadlines = state.deadlines[topic]
    if len(deadlines) > 4 * (len(state.cases) + len(state.histories)) + 1_000:
        deadlines[:] = [deadline for deadline in deadlines if _is_awaited(state, deadline)]
        heapify(deadlines)


def _is_awaited(state: PartitionState, deadline: Deadline) -> bool:
    moment, what, key = deadline
    if what == "subject":
        history = state.histories.get((key[0], key[1]))
        return history is not None and history.armed == moment
    case = state.cases.get((key[0], key[1], key[2]))
    return case is not None and case.armed == moment


def _evaluate_subject(state: PartitionState, case: Case, outputs: Observations) -> None:
    """Move the case to the history it belongs to, and judge that for repeat contact."""
    subject = subject_of(case)
    opened_at = case.fold.opened_at or 0
    if case.subject is not None and (case.subject != subject or case.subject_at != opened_at):
        left = state.histories[case.subject]
        left.remove(case.subject_at, case.key)
        judge_history(state, case.subject, left, outputs)
        case.subject = None
    if subject is None:
        return
    history = state.histories.get(subject)
    if history is None:
        history = state.histories[subject] = History()
    if case.subject is None:
        history.add(opened_at, case.key)
        case.subject, case.subject_at, case.shown = subject, opened_at, ()
    shown = shown_by(case)
    if shown != case.shown:
        case.shown = shown
        if history.incidents or len(history.contacts) >= state.rules.repeat_warning:
            judge_history(state, subject, history, outputs)


def judge_history(state: PartitionState, subject: Subject, history: History, outputs: Observations) -> None:
    found = repeat_incidents(state, subject, history)
    _tell(state, history.incidents, found, outputs)
    history.incidents = found
    if not history.contacts:
        del state.histories[subject]
        return
    quiet = repeat_contact.quiet_at(history, state.rules)
    if quiet is not None and quiet >= state.timers_fired_to[CONTACTS] and history.armed != quiet:
        history.armed = quiet
        state.arm(CONTACTS, quiet, "subject", subject)


def repeat_incidents(state: PartitionState, subject: Subject, history: History) -> dict[str, IncidentRow]:
    return {
        incident.incident_id: incident
        for incident in repeat_contact.incidents(
            subject, history, state.cases.__getitem__, state.number, state.timers_fired_to[CONTACTS], state.rules
        )
    }


def fire(state: PartitionState, topic: str, now: int, outputs: Observations) -> None:
    """Let time pass for the cases of a topic: decide every deadline that lies before `now`. Needs no event."""
    if now <= state.timers_fired_to[topic]:
        return
    state.timers_fired_to[topic] = now
    deadlines = state.deadlines[topic]
    while deadlines and deadlines[0][0] < now:
        deadline = heappop(deadlines)
        try:
            _decide(state, deadline, outputs)
        except Exception as error:
            # Time goes on for all others: a case that cannot be judged must not hold up its partition.
            log.exception("%s[%d]: our own error at the deadline of %s", topic, state.number, ":".join(deadline[2]))
            outputs.count("processing_errors", type(error).__name__)


def _decide(state: PartitionState, deadline: Deadline, outputs: Observations) -> None:
    moment, what, key = deadline
    if what == "subject":
        subject = key[0], key[1]
        history = state.histories.get(subject)
        if history is not None:
            judge_history(state, subject, history, outputs)
        return
    case = state.cases.get((key[0], key[1], key[2]))
    if case is None or case.armed != moment:
        return
    case.armed = None
    before = case.outcomes, case.incidents, case.readings
    judge(state, case, outputs, by_deadline=True)
    if (case.outcomes, case.incidents, case.readings) != before:
        state.mark_dirty(case)
    if _is_past(state, case):
        evict(state, case)


def _is_past(state: PartitionState, case: Case) -> bool:
    """A case that is over leaves once its own topic, not only time, is past its retention."""
    if not expired(state, case):
        return False
    watched = state.histories[case.subject] if case.subject is not None else None
    return watched is None or all(incident.state != "open" for incident in watched.incidents.values())


def evict(state: PartitionState, case: Case) -> None:
    """Drop a case from the state. What was told of it stays told."""
    state.remove(case)
    if case.handed_over is not None:
        state.absorbed[case.handed_over[0]].pop(case.key, None)
        if not state.absorbed[case.handed_over[0]]:
            del state.absorbed[case.handed_over[0]]
    for incident in case.incidents.values():
        _count_open(state, incident, -1)
    if case.subject is None:
        return
    history = state.histories[case.subject]
    history.remove(case.subject_at, case.key)
    for incident in history.incidents.values():
        _count_open(state, incident, -1)
    if history.contacts:
        history.incidents = repeat_incidents(state, case.subject, history)
        for incident in history.incidents.values():
            _count_open(state, incident, 1)
    else:
        del state.histories[case.subject]


def folded(state: PartitionState, case: Case) -> Fold:
    return refold(case.key, case.events, state.rules.promises, [])


def rebuild(state: PartitionState) -> None:
    """After recovery: fold every case and judge it silently, as of the last checkpoint."""
    unheard = Observations()
    for case in state.cases.values():
        case.fold = folded(state, case)
        now = state.timers_fired_to[case.key[0]]
        case.readings = tuple([clocks.outcome(clock, now) for clock in case.fold.clocks])
        case.outcomes = _outcomes(case)
        case.handed_over = handed_over(case)
        if case.handed_over is not None:
            survivor, event = case.handed_over
            state.absorbed.setdefault(survivor, {})[case.key] = event
    for case in list(state.cases.values()):
        try:
            judge(state, case, unheard)
        except Exception:
            log.exception("partition %d: our own error, %s is not judged", state.number, ":".join(case.key))
    state.forget_pending()


def expired(state: PartitionState, case: Case) -> bool:
    """Is a case so long over, by its own topic's time, that a new event begins another?"""
    over = case.fold.state in TERMINAL or case.key[0] == SURVEYS
    return over and state.max_timestamp.get(case.key[0], 0) > case.last_event_at + state.rules.case_retention_ms
