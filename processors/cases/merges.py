"""Merges: what a case that is part of another one gives to the one that survives, and what that makes of it.

At its merge a case hands over since when its customer waits, also in a queue, what it was answered, and what it was
asked and nobody answered: `handed_over`, which reaches the survivor as an `absorbed` event. What is said of it
afterwards is said to the survivor: the conversation, `FORWARDED`, is folded there, and counts there. How a desk files a
case that is merged, whom it gives it to, when it closes it, says nothing of the other one, and counts nowhere.

The survivor's clocks start where the wait began, with its own targets. What it had kept or broken before stays. A clock
whose deadline comes to lie before the merge, or that the merged case had been answered, is *inherited*: the case that
was merged counts for it.

All of it is a function of the two cases' events.
"""

from bisect import insort
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Final

from processors.cases import waits
from processors.cases.events import CaseEvent, CaseKey, Facts, Stated
from processors.cases.fold import Fold
from processors.cases.measures import under_promise
from processors.cases.order import position
from processors.cases.standing import ALONE, Standing
from processors.cases.transitions import trigger_of
from processors.sla import clocks
from processors.sla.clocks import NEVER, Clock, Span
from processors.sla.signals import MERGED_ELSEWHERE_MS, Trigger
from schemas.taxonomy import ClockMetric
from schemas.topics import CONTACTS

CarryOver = tuple[CaseKey, tuple[CaseEvent, ...]]
"""The case that survives a merge, and the events that the other one gives it."""

FORWARDED: Final[frozenset[Trigger]] = frozenset(
    {
        "queued", "abandoned", "customer_replied", "human_requested", "callback_requested", "answered_by_person",
        "answered_by_bot",
        "replied_by_person", "replied", "acknowledged", "progress_sent", "holding_response_sent",
        "reopened", "reopened_by_machine", "absorbed",
    }
)  # fmt: skip
"""Triggers of a merged case that are the survivor's."""
_ANSWERED: Final[frozenset[ClockMetric]] = frozenset({"first_response", "next_response", "human_on_request"})
"""Metrics of which an answer in the merged case is one."""


def handed_over(fold: Fold, at: int) -> Facts:
    """What a case gives to the one that survives, as it stands before its merge at `at`, ms."""
    facts: Facts = {}
    since = waits_since(fold)
    if since is not None:
        facts["opened_at"] = since
    if fold.over_since is not None:
        facts["over_at"] = fold.over_since
    asked = _asked(fold)
    if asked:
        facts["asked"] = asked
    if fold.answers:
        facts["answers"] = [*fold.answers]
    if fold.acknowledged_at is not None:
        facts["acknowledged_at"] = fold.acknowledged_at
    person_asked = fold.latest.get("human_on_request")
    if person_asked is not None and person_asked.is_open:
        facts["person_asked_at"] = person_asked.started_at
    call = fold.latest.get("callback")
    if call is not None and call.is_open:
        facts["call_asked_at"] = call.started_at
        if call.target.is_told:
            facts["promised_at"] = call.due_at
    waiting = waits.open_wait(fold)
    if waiting is not None:
        facts["queued_at"], facts["queue"] = waiting.since, fold.facts.get("queue", "")
    ran: dict[str, list[list[int]]] = {
        clock.metric: clocks.spans(clock, at) for clock in fold.latest.values() if clock.is_open
    }
    if ran:
        facts["ran"] = ran
    return facts


def is_conversation(event: CaseEvent) -> bool:
    """Is an event of a merged case the survivor's?"""
    return trigger_of(event) in FORWARDED


def counting(events: Sequence[CaseEvent], standing: Standing) -> Sequence[CaseEvent]:
    """The events of a case, in order, without merges that count for nothing, and with what ends a vain one."""
    if standing is ALONE:
        return events
    counted = [event for event in events if event.type != "merged" or event.event_id not in standing.ignored]
    merged = [event for event in counted if event.type == "merged"]
    if merged and standing.elsewhere:
        # Told again, it waits no longer.
        told = takewhile(lambda event: event.facts.get("into") == merged[-1].facts.get("into"), reversed(merged))
        *_, first = told
        vain = first._replace(occurred_at=lapses_at(first.occurred_at), seq=-1, type="merged_elsewhere", facts={})
        insort(counted, vain, key=position)
    return counted


def lapses_at(merged_at: int) -> int:
    """When a merge has waited for its survivor for long enough, ms."""
    return merged_at + MERGED_ELSEWHERE_MS


def survivor_of(fold: Fold) -> str:
    """The entity that a case is merged into; '' when it is not merged."""
    return fold.merged.facts.get("into", "") if fold.merged is not None and fold.state == "merged" else ""


def is_found(fold: Fold) -> bool:
    """Is the case here that a merged one is part of?"""
    return fold.merged is not None and bool(fold.standing.found)


def awaits_until(fold: Fold) -> int:
    """Until when a merged case waits for its survivor to be found, ms; `NEVER`: it does not."""
    if fold.merged is None or not survivor_of(fold) or fold.standing.elsewhere or is_found(fold):
        return NEVER
    return lapses_at(fold.merged.occurred_at)


def carry_over(key: CaseKey, fold: Fold) -> CarryOver | None:
    """What a merged case gives to the one that survives; None of any other case."""
    topic, source, entity_id = key
    merge = fold.merged
    if merge is None or fold.test or not (survivor := survivor_of(fold)):
        return None
    absorbed = merge._replace(seq=-1, event_id=f"{entity_id}/absorbed", type="absorbed", facts=fold.handed_over)
    forwarded = [
        event._replace(seq=-1, event_id=f"{entity_id}/{event.event_id}", facts=_of_the_conversation(event.facts))
        for event in fold.forwarded
    ]
    return (topic, source, survivor), (absorbed, *forwarded)


def _of_the_conversation(facts: Facts) -> Facts:
    """The facts of an event without what it states of its own case; where the customer waits now is the survivor's."""
    kept: Facts = {}
    for name, value in facts.items():
        if name not in _STATED or name == "queue":
            kept[name] = value  # type: ignore[literal-required]
    return kept


_STATED: Final = frozenset(Stated.__annotations__)


def waits_since(fold: Fold) -> int | None:
    """Since when the customer of a case waits: the earliest opening of it and of all that were merged into it."""
    openings = [facts["opened_at"] for facts in _continued(fold) if "opened_at" in facts]
    if fold.opened_at is not None and fold.facts.get("kind") != "outbound":
        openings.append(fold.opened_at)
    return min(openings, default=None)


def _continued(fold: Fold) -> list[Facts]:
    return [event.facts for event in fold.absorbed if _continues(fold, event.facts)]


def _continues(fold: Fold, absorbed: Facts) -> bool:
    """Does a case go on with the wait of one merged into it? Not with one that was over before it was opened."""
    over_at = absorbed.get("over_at")
    return over_at is None or fold.opened_at is None or over_at > fold.opened_at


def _asked(fold: Fold) -> list[int]:
    """What a case was asked and nobody answered: its opening, too."""
    opening_asks = fold.facts["topic"] == CONTACTS and fold.facts.get("kind") != "outbound"
    if opening_asks and fold.opened_at is not None and fold.over_since is None and not fold.answered_by_anyone:
        return sorted({fold.opened_at, *fold.unanswered})
    return [*fold.unanswered]


# The survivor


def inherit(fold: Fold, clock: Clock, absorbed: CaseEvent, *, from_opening: bool) -> None:
    """Let a clock of the survivor begin where the wait began, and end where the merged case was answered."""
    facts, at = absorbed.facts, absorbed.occurred_at
    if not clock.is_open or at > clock.due_at or not _continues(fold, facts):
        return
    of_one_stint = clock.metric == "update_every" or clock.target.per_team
    if from_opening and (not of_one_stint or clock.instance == 1):
        clocks.inherit(clock, _waited(clock, facts), at)
    ended_at = _ended(clock, facts)
    if ended_at is not None:
        clocks.end_as_inherited(clock, ended_at, at, absorbed.record_at)
        if clock.attribution is None:
            clock.attribution = under_promise(clock.metric, clock.target, fold.attribution())


def _waited(clock: Clock, facts: Facts) -> list[Span]:
    """When the customer of the merged case waited before the clock began; a pause of that case is none."""
    ran: Mapping[str, Sequence[Sequence[int]]] = facts.get("ran", {})
    spans = [(start, min(end, clock.origin)) for start, end in ran.get(clock.metric, ()) if start < clock.origin]
    if spans or "opened_at" not in facts or clock.metric in ran:
        return spans
    since = facts["opened_at"]
    if clock.metric == "update_every":
        since = max([since, *facts.get("answers", ())])
    return [(since, clock.origin)] if since < clock.origin else []


def _ended(clock: Clock, facts: Facts) -> int | None:
    """When the merged case had been given what the clock of the survivor promises."""
    if clock.metric == "acknowledge":
        return facts.get("acknowledged_at")
    if clock.metric in _ANSWERED:
        return next((at for at in facts.get("answers", ()) if at >= clock.started_at), None)
    return None


def take_over(fold: Fold, absorbed: CaseEvent) -> int | None:
    """Let the survivor know what the merged case was answered and asked.

    Returns since when the customer waits for an answer that the survivor owes beside its first response, or None.
    """
    facts, own = absorbed.facts, _asked(fold)
    answers = facts.get("answers", []) if _continues(fold, facts) else []
    if answers:
        fold.answers = tuple(sorted({*fold.answers, *answers}))
        fold.answered_by_anyone = True
        if fold.first_response_at is None:
            # Of an opening that came after it, it is no response.
            fold.first_response_at = next((at for at in answers if at >= (fold.opened_at or 0)), None)
        own = [at for at in own if at > answers[-1]]
    fold.unanswered = tuple(sorted({*own, *facts.get("asked", ())}))
    if fold.acknowledged_at is None and "acknowledged_at" in facts:
        fold.acknowledged_at = facts["acknowledged_at"]
    over_since = fold.over_since
    if over_since is None:
        return next(iter(fold.unanswered), None)
    # What it was told itself when it was over asks for nothing: see `effects`.
    return next((at for at in sorted(facts.get("asked", ())) if at > over_since), None)
