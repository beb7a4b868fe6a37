"""How the merges of cases stand, given all cases of a partition: `cases.standing` says what that is.

Of the merges that form a circle the last one, by moment, entity and event id, counts for nothing; of a case that has
another merge, that one counts instead. What is left is a forest, the same in whatever order the merges were read: a
circle lasts until one of its own merges goes, so it does not matter which of several is broken first.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from processors.cases.case import Case, let_stand
from processors.cases.corrections import REVISING, effective_events
from processors.cases.events import CaseEvent, CaseKey
from processors.cases.merges import awaits_until, lapses_at
from processors.cases.standing import ALONE, Standing
from processors.pipeline.counting import count
from processors.sla.clocks import NEVER
from processors.state.departed import key_hash
from processors.state.partition import PartitionState
from schemas.observations import Observations


class Merge(NamedTuple):
    """That a case is part of another one. Compares by which is the last of a circle."""

    occurred_at: int
    entity_id: str
    event_id: str
    into: str


def may_move(case: Case, event: CaseEvent) -> bool:
    """Can an event that a case was just given change how merges stand?"""
    if event.type == "merged":
        return True
    return event.type in REVISING and any(each.type == "merged" for each in case.events)


def standings(state: PartitionState, case: Case) -> dict[CaseKey, Standing]:
    """How the merges stand of a case whose own may have changed, and of those to which they lead: what is new."""
    reached = _reached_from(state, case)
    closed = {key: _closed_before(state, each) for key, each in reached.items()}
    counting = {
        key: [merge for merge in merges_of(each) if merge.event_id not in closed[key]] for key, each in reached.items()
    }
    ignored = closing_circles(counting)
    for key, before in closed.items():
        if before:
            ignored[key] = tuple(sorted((*ignored.get(key, ()), *before)))
    found = {key: _standing(state, each, ignored.get(key, ())) for key, each in reached.items()}
    return {key: standing for key, standing in found.items() if standing != reached[key].standing}


def _closed_before(state: PartitionState, case: Case) -> list[str]:
    """The merges that closed a circle with a case that has left since: they go on counting for nothing."""
    if not case.standing.ignored:
        return []
    topic, source, _ = case.key
    return [
        merge.event_id
        for merge in merges_of(case)
        if merge.event_id in case.standing.ignored and _leads_to_one_that_left(state, (topic, source, merge.into))
    ]


def _leads_to_one_that_left(state: PartitionState, key: CaseKey) -> bool:
    passed = set[CaseKey]()
    while key in state.cases and key not in passed:
        passed.add(key)
        own = merges_of(state.cases[key])
        if not own:
            return False
        key = key[0], key[1], own[-1].into
    return has_left(state, key)


def _reached_from(state: PartitionState, case: Case) -> dict[CaseKey, Case]:
    """A case, and those to which any merge leads from it, counting or not."""
    reached: dict[CaseKey, Case] = {}
    ahead = [case]
    while ahead:
        each = ahead.pop()
        if each.key not in reached:
            reached[each.key] = each
            ahead += [state.cases[key] for key in _targets(each) if key in state.cases]
    return reached


def _targets(case: Case) -> Iterable[CaseKey]:
    """Where any merge leads from a case, also one that does not count any more."""
    topic, source, _ = case.key
    for event in case.events:
        into = event.facts.get("into") or event.facts.get("values", {}).get("into")
        if into:
            yield topic, source, into
    if case.evaluation.carry_over is not None:
        yield case.evaluation.carry_over[0]


def merges_of(case: Case) -> list[Merge]:
    """The merges of a case after corrections, in order; a case that is withdrawn has none."""
    if case.fold.state == "void":
        return []
    entity_id = case.key[2]
    return [
        Merge(event.occurred_at, entity_id, event.event_id, event.facts.get("into", ""))
        for event in effective_events(case.events)
        if event.type == "merged"
    ]


def closing_circles(merges: Mapping[CaseKey, list[Merge]]) -> dict[CaseKey, tuple[str, ...]]:
    """Case -> ids of its merges that would close a circle."""
    left = {key: [*own] for key, own in merges.items()}
    ignored: dict[CaseKey, tuple[str, ...]] = {}
    for start in left:
        while circle := _circle(left, start):
            key = max(circle, key=lambda each: left[each][-1])
            ignored[key] = tuple(sorted((*ignored.get(key, ()), left[key].pop().event_id)))
    return ignored


def _circle(merges: Mapping[CaseKey, list[Merge]], start: CaseKey) -> list[CaseKey]:
    """The cases of the circle that the last merges lead into from one; none when they lead to an end."""
    way: dict[CaseKey, None] = {}
    key = start
    while key not in way:
        own = merges.get(key)
        if not own:
            return []
        way[key] = None
        key = key[0], key[1], own[-1].into
    passed = list(way)
    return passed[passed.index(key) :]


def _standing(state: PartitionState, case: Case, ignored: tuple[str, ...]) -> Standing:
    counting = [merge for merge in merges_of(case) if merge.event_id not in ignored]
    if not counting:
        return Standing(ignored=ignored) if ignored else ALONE
    topic, source, _ = case.key
    last = counting[-1]
    is_found = last.into == case.standing.found or is_known(state, (topic, source, last.into))
    elsewhere = not is_found and state.watermarks.timers_fired_to[topic] > lapses_at(last.occurred_at)
    standing = Standing(last.into if is_found else "", elsewhere, ignored)
    return ALONE if standing == ALONE else standing


def is_known(state: PartitionState, key: CaseKey) -> bool:
    """Is a case in this partition, or was it?"""
    return key in state.cases or has_left(state, key)


def has_left(state: PartitionState, key: CaseKey) -> bool:
    """Was a case in this partition that is no more?"""
    return key not in state.cases and key_hash(key) in state.departed[key[0]]


def reconsider(state: PartitionState, case: Case, observations: Observations) -> bool:
    """Let the merges of a case stand as they do by now; returns whether that is otherwise than before."""
    standing = _standing(state, case, case.standing.ignored)
    if standing == case.standing:
        return False
    adopt(state, case, standing, observations)
    return True


def give_up(state: PartitionState, case: Case, observations: Observations) -> bool:
    """Let the merge of a case that leaves be one to elsewhere if its survivor was not found so far; returns whether.

    It is, also where its time has not come yet: nobody is left to notice that it does.
    """
    waits = awaits_until(case.fold) != NEVER
    if waits:
        adopt(state, case, case.standing._replace(elsewhere=True), observations)
    return waits


def adopt(state: PartitionState, case: Case, standing: Standing, observations: Observations) -> None:
    """Let a case stand otherwise. Its evaluation is still to be emitted."""
    if standing.elsewhere and not case.standing.elsewhere:
        observations.count("event_warnings", *case.key[:2], "merged_elsewhere")
    count(state, case, let_stand(case, standing, state.rules.promises))
    state.cases.replace(case)
    state.pending.mark_dirty(case)
