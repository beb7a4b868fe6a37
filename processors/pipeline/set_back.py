"""Setting time back: what a wrong clock decided before its time is withdrawn. The one case in which `now` goes back.

The worker asks for it when the broker's time says that a partition's lies ahead, at opening and while it runs. It pages
nobody. What the wrong time made leave the state does not come back: KPI minutes that were closed stay so, and what is
still to come of them adjusts them.
"""

from processors.cases import waits
from processors.cases.case import Case
from processors.patterns import registry
from processors.pipeline import linking, merging, missed_pages
from processors.pipeline.emission import emit_subject
from processors.pipeline.folding import evaluated, refolded, settle
from processors.sla import clocks
from processors.sla.clocks import NEVER
from processors.state.partition import PartitionState
from schemas.observations import Observations
from schemas.topics import RECORD_AHEAD_MS


def set_back(state: PartitionState, broker_time: int) -> Observations | None:
    """Where the time of a partition lies over a minute ahead of the broker's, ms, withdraw what was decided since.

    None where it does not.
    """
    observations, watermarks = Observations(), state.watermarks
    if not watermarks.lie_ahead_of(broker_time):
        return None
    fired_to = watermarks.timers_fired_to.copy()
    watermarks.set_back(broker_time, _greatest_timestamps(state, broker_time))
    for case in list(state.cases.values()):
        stands_otherwise = case.fold.renewed_to > watermarks.timers_fired_to[case.key[0]]
        if stands_otherwise:
            case.fold = refolded(state, case)
        if case.standing.elsewhere:
            stands_otherwise |= merging.reconsider(state, case, observations)
        if stands_otherwise or _reads_differently(case, watermarks.timers_fired_to[case.key[0]], fired_to[case.key[0]]):
            settle(state, case, evaluated(state, case), observations)
            state.pending.mark_dirty(case)
    for pattern_id, subject in list(state.subjects):
        history = state.subjects[pattern_id, subject]
        history.next_timer = NEVER  # its timer may have fired
        emit_subject(state, registry.SUBJECT_PATTERNS[pattern_id], subject, history, observations)
    for partials in state.partials.values():
        partials.reopen_from(broker_time + RECORD_AHEAD_MS)  # up to there events were counted rightly
    linking.set_back(state)
    missed_pages.set_back(state, broker_time, observations)
    state.set_back = True
    observations.count("time_set_back")
    return observations


def _greatest_timestamps(state: PartitionState, moment: int) -> dict[str, int]:
    """Input -> the greatest timestamp of a record up to a moment, as far as cases know them."""
    greatest: dict[str, int] = {}
    for case in state.cases.values():
        topic = case.key[0]
        known = max((event.record_at for event in case.events if event.record_at <= moment), default=0)
        greatest[topic] = max(known, greatest.get(topic, 0))
    return greatest


def _reads_differently(case: Case, now: int, before: int) -> bool:
    """Whether a case reads otherwise as of `now` than as of the later moment up to which its timers have fired."""
    if waits.next_threshold(case.fold, now) < before:
        return True
    return any(clock.is_open and clocks.next_threshold(clock, now) < before for clock in case.fold.clocks)
