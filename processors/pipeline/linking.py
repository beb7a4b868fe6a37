"""Whose a survey is, given all cases of a partition: it takes team, area, channel and product of the one that it names.

A survey tool knows the case that it asks about, and not who dealt with it. The case is looked for by its id alone,
since the desk is another source; of several that bear it the customer's own counts, then that of the survey's source.
Whichever of the two comes first, and whatever becomes of the case later, the survey is attributed as the case is now.
What names a case that is somewhere else, or nowhere, is warned.
"""

from collections.abc import Iterator
from typing import Final

from processors.cases.case import Case, Evaluation
from processors.cases.events import CaseEvent, CaseKey
from processors.cases.order import position
from processors.cases.standing import ALONE, Linked, Standing, Target, links_of
from processors.state import departed
from processors.state.dangling import DANGLING_AFTER_MS
from processors.state.partition import PartitionState
from schemas.observations import Observations
from schemas.outputs import EventRow
from schemas.taxonomy import Warning_
from schemas.topics import SURVEYS

_WARNING: Final[Warning_] = "dangling_reference"

SURVEYS_MAX: Final = 200
"""Surveys that may name one case. What more of them name is no case of a customer, and gives them nothing."""


def standing(state: PartitionState, survey: Case, event: CaseEvent) -> Standing:
    """How a survey stands with an event that it is about to be given."""
    events = sorted([*survey.events, event], key=position) if survey.events else (event,)
    links = links_of(events)
    if not links:
        return ALONE
    customer_id = survey.fold.facts.get("customer_id") or event.facts.get("customer_id", "")
    found = _found(state, survey.key, links, customer_id)
    if found is None:
        return survey.standing if links == survey.evaluation.links else ALONE
    return _standing(found)


def standings(state: PartitionState, case: Case, before: Evaluation) -> Iterator[tuple[Case, Standing]]:
    """The surveys that stand otherwise, and how, since something became of a case: of one that they name, or one of
    them.

    That time passes is nothing: when it is noticed to, and what has left by then, is not for a survey to show.
    """
    after = case.evaluation
    if (after.gives, after.customer_id, after.links) == (before.gives, before.customer_id, before.links):
        return
    if case.key[0] == SURVEYS:
        crowded = (each for each in case.evaluation.links if len(state.links.surveys_of(each)) == SURVEYS_MAX + 1)
        targets = tuple(crowded)
    else:
        targets = ((case.key[0], case.key[2]),)
    for target in targets:
        for key in state.links.surveys_of(target)[: SURVEYS_MAX + 1]:
            survey = state.cases[key]
            found = _found(state, key, survey.evaluation.links, survey.evaluation.customer_id, case)
            if found is not None and _standing(found) != survey.standing and not state.expired(survey):
                yield survey, _standing(found)


def note_names(state: PartitionState, row: EventRow, event: CaseEvent) -> None:
    """Let a survey event, just accepted, wait when it names cases and nothing was read of any."""
    named = links_of((event,))
    if named and not any(_arrived(state, each, row.record_at + DANGLING_AFTER_MS) for each in named):
        state.dangling.add(row, named)


def note_arrival(state: PartitionState, topic: str, entity_id: str, record_at: int) -> None:
    """Let the survey events wait no longer that name the case of an event that arrived at a moment, ms."""
    if len(state.dangling):
        early = state.dangling.arrived((topic, entity_id), record_at)
        if early:
            state.pending.replace_events(early)


def warn_dangling(state: PartitionState, observations: Observations) -> None:
    """Write the survey events again, with a warning, that name a case of which nothing came in time.

    All that arrived up to `now` was read, of every input: so the warning is a function of the records.
    """
    warned = [_warned(row) for row in state.dangling.pop_due(state.now)]
    for row in warned:
        observations.count("event_warnings", SURVEYS, row.source, _WARNING)
    if warned:
        state.pending.replace_events(warned)


def _warned(row: EventRow) -> EventRow:
    return row._replace(warnings=(*row.warnings, _WARNING), warning_fields=(*row.warning_fields, "links"))


def set_back(state: PartitionState) -> None:
    """Write those again without their warning that are not due any more, since time was set back."""
    state.pending.replace_events(state.dangling.set_back(state.now))


def _arrived(state: PartitionState, named: Target, by: int) -> bool:
    """Had anything of a case that a survey names arrived by a moment, ms?"""
    topic, entity_id = named
    for source in state.sources.names():
        case = state.cases.get((topic, source, entity_id))
        if case is not None and any(event.record_at <= by for event in case.events):
            return True
        if case is None and departed.key_hash((topic, source, entity_id)) in state.departed[topic]:
            return True
    return False


def _standing(linked: Linked) -> Standing:
    return Standing(linked=linked) if any(linked) else ALONE


def _found(
    state: PartitionState, survey: CaseKey, links: tuple[Target, ...], customer_id: str, moved: Case | None = None
) -> Linked | None:
    """What the first case gives that a survey names and that is here; None: none is."""
    for target in links:
        case = _case(state, survey, target, customer_id, moved)
        if case is not None:
            others = state.links.surveys_of(target)
            if len(others) + (survey not in others) > SURVEYS_MAX:
                return Linked()
            return case.fold.gives()
    return None


def _case(state: PartitionState, survey: CaseKey, target: Target, customer_id: str, moved: Case | None) -> Case | None:
    topic, entity_id = target
    sources = state.sources.names() if moved is None else {*state.sources.names(), moved.key[1]}
    named = (state.cases.get((topic, source, entity_id)) for source in sources)
    here = [case for case in named if case is not None and not state.expired(case)]

    def rank(case: Case) -> tuple[bool, bool, str]:
        source = case.key[1]
        return case.fold.facts.get("customer_id", "") != customer_id, source != survey[1], source

    return min(here, key=rank, default=None)
