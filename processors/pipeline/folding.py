"""Putting an event into its case: folded and evaluated first, written after, so that there is nothing to undo.

An event may end in a merge, and that changes the case that survives, which may have been merged itself: `settle` works
off what emission hands over, one case after the other, until no case is given anything.
"""

from bisect import insort
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from processors.cases import merges, waits
from processors.cases.bound import NOTHING_LEFT, leave_out
from processors.cases.case import Case, Evaluation, apply_event, let_stand, refold, replace_events
from processors.cases.events import CaseEvent, CaseKey
from processors.cases.fold import Fold
from processors.cases.order import is_out_of_order, position
from processors.cases.standing import Standing
from processors.cases.transitions import is_machine, trigger_of
from processors.pipeline import isolation, linking, live, merging
from processors.pipeline.counting import Signed, count
from processors.pipeline.emission import Carried, emit
from processors.pipeline.evaluation import evaluate
from processors.sla import clocks
from processors.sla.signals import Trigger
from processors.state.partition import PartitionState
from schemas.events.envelope import Event
from schemas.observations import Observations
from schemas.topics import SURVEYS

_BY_MACHINES: Final[frozenset[Trigger]] = frozenset({"reopened_by_machine", "answered_by_machine"})

_CARRY_OVER: Final = "carry_over"
"""The part that fails when the case that survives a merge cannot be folded with what that gives it."""

_LINKS: Final = "links"
"""The part that fails when a survey cannot be folded with what the case gives it that it names."""


class Change(msgspec.Struct, frozen=True):
    """A case with an event folded into it, of which nobody else knows yet: only the case itself has changed."""

    case: Case
    events: tuple[CaseEvent, ...]
    """The event, and of a new case what merges had waiting for it."""
    samples: list[Signed]
    """Of the event."""
    carried_samples: list[Signed]
    """Of what was waiting."""
    left: tuple[CaseEvent, ...]
    """What left the case, for it has its fill of events."""
    forward: bool
    """Whether each came after all that were there, and none left."""
    evaluation: Evaluation
    warnings: tuple[str, ...]
    """What is odd about the event in its case."""
    unmatched: bool
    """Whether a case was opened for which no policy promises anything."""
    stood: Standing
    """How the case stood before."""
    others: Mapping[CaseKey, Standing]
    """How the merges of other cases stand with it."""
    is_new: bool
    """Whether the case was not here before."""


def fold_event(state: PartitionState, case: Case, event: CaseEvent) -> Change:
    """Fold an event into a case and evaluate it. Raises what that raises, and the case is then as it was."""
    warnings = _oddities(state, case, event)
    stood, is_new = case.standing, not case.events
    others: Mapping[CaseKey, Standing] = {}
    unmatched, impossible, repeated = case.fold.unmatched, case.fold.impossible, case.fold.repeated
    waiting = () if case.events else _carried_to(state, case.key)
    carried_samples: list[Signed] = []
    linked_samples: list[Signed] = []
    left = NOTHING_LEFT
    try:
        if case.key[0] == SURVEYS:
            standing = linking.standing(state, case, event)
            if standing != stood:
                linked_samples = let_stand(case, standing, state.rules.promises)
        samples, forward = apply_event(case, event, state.rules.promises)
        samples += linked_samples
        forward = forward and case.standing == stood
        for carried in waiting:
            more, onward = apply_event(case, carried, state.rules.promises)
            carried_samples += more
            forward = forward and onward
        left = leave_out(case, event, state.rules.case_events_max, state.rules.promises)
        if merging.may_move(case, event):
            others = merging.standings(state, case)
            if (own := others.pop(case.key, None)) is not None:
                samples += let_stand(case, own, state.rules.promises)
                forward = False
        evaluation = evaluated(state, case)
    except Exception:
        _remove(state, case, (event, *waiting), left.events, stood)
        raise
    if left.incomplete:
        warnings += ("beyond_case_events",)
    if case.fold.impossible and not impossible:
        warnings += ("impossible_transition",)
    if case.fold.repeated > repeated:
        warnings += ("repeated",)
    newly_unmatched = case.fold.unmatched > unmatched
    forward = forward and not left.events
    return Change(
        case, (event, *waiting), [*samples, *left.samples], carried_samples, left.events, forward, evaluation,
        warnings, newly_unmatched, stood, others, is_new,
    )  # fmt: skip


def _carried_to(state: PartitionState, survivor: CaseKey) -> tuple[CaseEvent, ...]:
    """What merges have waiting for a case that is new."""
    merged = state.absorbed.get(survivor, {})
    return tuple(event for key, events in merged.items() if not state.expired(state.cases[key]) for event in events)


def undo(state: PartitionState, change: Change) -> None:
    """Leave the case as it was before a change that was not applied."""
    _remove(state, change.case, change.events, change.left, change.stood)


def apply(state: PartitionState, change: Change, observations: Observations) -> None:
    """Let the state have a change, and emit what follows from it."""
    case, topic = change.case, change.case.key[0]
    _note_events(state, case, change.events, forward=change.forward)
    state.dropped["case_events"] += len(change.left)
    count(state, case, change.samples)
    for sample, sign in change.samples:
        if sign > 0:
            live.observe_durations(observations, sample)
            if topic == SURVEYS:
                live.observe_rating(observations, case, sample)
    if change.carried_samples:
        count(state, case, change.carried_samples)
    if change.unmatched:
        opened_at = case.fold.opened_at
        observations.moment(case.last_event_at if opened_at is None else opened_at, "sla_unmatched", topic)
    stands_otherwise = _move_merges(state, change, observations) if change.others or change.is_new else ()
    settle(state, case, change.evaluation, observations)
    for other in stands_otherwise:
        _settle_other(state, other, observations)


def _move_merges(state: PartitionState, change: Change, observations: Observations) -> list[Case]:
    """Let the merges of other cases stand as they do since a change; returns those of which it is to be emitted."""
    for key, standing in change.others.items():
        merging.adopt(state, state.cases[key], standing, observations)
    waiting = [state.cases[key] for key in state.absorbed.get(change.case.key, ())] if change.is_new else []
    found = [case for case in waiting if merging.reconsider(state, case, observations)]
    return [*map(state.cases.__getitem__, change.others), *found]


def _settle_other(state: PartitionState, case: Case, observations: Observations) -> None:
    """Emit what follows for a case from the merge of another one, which is accepted also when that fails."""
    try:
        settle(state, case, evaluated(state, case), observations)
    except Exception as error:
        at = state.watermarks.max_timestamp.get(case.key[0], 0)
        isolation.report(state, [isolation.failure(_CARRY_OVER, error)], at, observations)


def settle(state: PartitionState, case: Case, evaluation: Evaluation, observations: Observations) -> None:
    """Emit the evaluation of a case, and then of every case that it was merged into, directly or not."""
    before = case.evaluation
    waiting = emit(state, case, evaluation, observations)
    if state.links.of_case:
        _attribute_surveys(state, case, before, observations)
    while waiting:
        carried = waiting.pop(0)
        survivor = state.cases.get(carried.survivor)
        if survivor is not None and not state.expired(survivor):
            before = survivor.evaluation
            waiting += _carry_over(state, survivor, carried, observations)
            if state.links.of_case:
                _attribute_surveys(state, survivor, before, observations)


def _attribute_surveys(state: PartitionState, case: Case, before: Evaluation, observations: Observations) -> None:
    """Let the surveys that name a case be attributed as it is now, and emit what that changes."""
    for survey, standing in linking.standings(state, case, before):
        try:
            merging.adopt(state, survey, standing, observations)
            emit(state, survey, evaluated(state, survey), observations)
        except Exception as error:
            # What became of the case is accepted all the same.
            at = state.watermarks.max_timestamp.get(case.key[0], 0)
            isolation.report(state, [isolation.failure(_LINKS, error)], at, observations)


def settle_for_good(state: PartitionState, case: Case, at: int, observations: Observations, why: str) -> None:
    """Cancel what runs of a case that ends at `at`, ms, and emit its last evaluation.

    Nobody watches it any more: that keeps no promise, and breaks none. How its incidents end is for the caller to say,
    who lets the case go even when it cannot be evaluated; `why` names the part that fails then.
    """
    for clock in case.fold.clocks:
        # What nobody could have announced by then was not broken.
        announced = at > clock.due_at + clock.target.grace_ms
        clocks.apply_signal(clock, "cancel", at if announced else min(at, clock.due_at), at)
    now = state.watermarks.timers_fired_to[case.key[0]]
    if case.fold.is_over and case.fold.waits:
        now = max(now, waits.settled_at(case.fold) + 1)  # how they ended is known, and nobody waits for their target
    own = Observations()
    try:
        settle(state, case, evaluate(case, state.number, now, state.rules), own)
        observations.moments += own.moments
        for key, number in own.counts.items():
            observations.counts[key] = observations.counts.get(key, 0) + number
    except Exception as error:
        isolation.report(state, [isolation.failure(why, error)], at, observations)


def _carry_over(state: PartitionState, survivor: Case, carried: Carried, observations: Observations) -> list[Carried]:
    """Give a case what a merge carries over to it, or take it back; returns what that case carries over itself."""
    promises, before, left_out = state.rules.promises, survivor.events.copy(), survivor.left_out
    withdrawn = [event for event in carried.withdrawn if event in before]
    samples: list[Signed] = []
    forward = not withdrawn
    try:
        if withdrawn:
            samples += replace_events(survivor, [event for event in before if event not in withdrawn], promises)
        for event in carried.given:
            more, onward = apply_event(survivor, event, promises)
            left = leave_out(survivor, event, state.rules.case_events_max, promises)
            samples += (*more, *left.samples)
            forward = forward and onward and not left.events
        evaluation = evaluated(state, survivor)
    except Exception as error:
        # The record that merged the two is accepted all the same: the other case goes on without it.
        survivor.events, survivor.left_out = before, left_out
        survivor.fold = refolded(state, survivor)
        failures = [isolation.failure(_CARRY_OVER, error)]
        at = max(event.record_at for event in (*carried.given, *withdrawn))
        isolation.report(state, failures, at, observations)
        return []
    _note_events(state, survivor, carried.given, forward=forward)
    state.dropped["case_events"] += survivor.left_out - left_out
    count(state, survivor, samples)
    return emit(state, survivor, evaluation, observations)


def arrived_earlier(
    state: PartitionState, key: CaseKey, told: Event, occurred_at: int, record_at: int, observations: Observations
) -> None:
    """Of an event that came twice the earlier arrival counts, in whatever order the two were read."""
    case = state.cases.get(key)
    if case is None or state.expired(case):
        return
    identity = told.event_id, told.event_type.partition(".")[2], occurred_at
    for index, event in enumerate(case.events):
        if record_at < event.record_at and (event.event_id, event.type, event.occurred_at) == identity:
            case.events[index] = event._replace(record_at=record_at)
            try:
                case.fold = refolded(state, case)
                evaluation = evaluated(state, case)
            except Exception:
                case.events[index] = event
                case.fold = refolded(state, case)
                raise
            _note_events(state, case, [], forward=False)
            settle(state, case, evaluation, observations)
            return


def evaluated(state: PartitionState, case: Case) -> Evaluation:
    """The evaluation of a case as of now."""
    return evaluate(case, state.number, state.watermarks.timers_fired_to[case.key[0]], state.rules)


def refolded(state: PartitionState, case: Case) -> Fold:
    """The fold of the events of a case, from the first on."""
    return refold(case.key, case.events, state.rules.promises, [], case.standing)


def _note_events(state: PartitionState, case: Case, events: Sequence[CaseEvent], *, forward: bool) -> None:
    """What the log of the state gets: the new events of a case, or all of them."""
    if forward:
        for event in events:
            state.cases.append(case, event)
    else:
        state.cases.replace(case)
    state.pending.mark_dirty(case)


def _remove(
    state: PartitionState, case: Case, events: Sequence[CaseEvent], left: Sequence[CaseEvent], stood: Standing
) -> None:
    """Remove the events that a case was given, and put back what left for them."""
    case.standing = stood
    case.left_out -= len(left)
    for event in left:
        insort(case.events, event, key=position)
    for event in events:
        if event in case.events:
            case.events.remove(event)
    case.fold = refolded(state, case)


def _oddities(state: PartitionState, case: Case, event: CaseEvent) -> tuple[str, ...]:
    warnings: tuple[str, ...] = ()
    if event.type == "merged" and not _leads_to_another(state, case.key, event):
        warnings += ("dangling_reference",)
    if "revises" in event.facts and not case.left_out and not case.events_of(event.facts["revises"]):
        warnings += ("dangling_reference",)
    merge = case.fold.merged
    if merge is not None and _is_merged_elsewhere(state, case, merge) and merges.is_conversation(event):
        warnings += ("merged_elsewhere",)
    if case.events:
        last = case.events[-1]
        if is_out_of_order(event, last):
            warnings += ("out_of_order",)
        elif event.seq > last.seq + 1 > 0:
            warnings += ("seq_gap",)
    if event.type not in ("opened", "invited") and case.fold.opened_at is None and case.key[0] != SURVEYS:
        warnings += ("missing_open",)
    if is_machine(event.facts) and (event.type == "customer_replied" or trigger_of(event) in _BY_MACHINES):
        warnings += ("machine_for_customer",)
    if event.type == "answered" and "wait_ms" in event.facts:
        lasting = waits.open_wait(case.fold)
        since = lasting.since if lasting is not None else None if case.fold.waits else case.fold.opened_at
        if since is not None and abs(event.occurred_at - since - event.facts["wait_ms"]) > 5_000:
            warnings += ("self_reported_duration_differs",)
    return warnings


def _is_merged_elsewhere(state: PartitionState, case: Case, merge: CaseEvent) -> bool:
    """Must the survivor of the merge of a case be somewhere else, by the records of its topic alone?"""
    if case.fold.state != "merged" or merges.is_found(case.fold):
        return False
    return state.watermarks.max_timestamp[case.key[0]] > merges.lapses_at(merge.occurred_at)


def _leads_to_another(state: PartitionState, key: CaseKey, merge: CaseEvent) -> bool:
    """Does a merge name another case that is here, or was?"""
    topic, source, entity_id = key
    into = merge.facts.get("into", "")
    return into != entity_id and merging.is_known(state, (topic, source, into))
