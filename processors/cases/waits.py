"""The waits of a contact: from each queueing until somebody answers, the customer leaves, or asks to be called back.

A wait is an instance of the promise `answer`, with the queue that it began in. While nobody has answered, another queue
is the same wait: whoever hands a caller round gains no time by it. A contact that tells of no queue waited from its
opening, which is no wait that a promise is kept in: it was answered straight away. Of a contact that is merged while it
waits, the one that survives goes on with the wait.

What a wait adds to the KPIs, all of it in the minute of its queueing and for the attribution of that moment, is one
sample, which says more with time (`read`):

    for the service level it is decided at its target, answered or not, so that those that are still waiting and those
    that were answered at once have the same weight in a minute that is not over
    for abandonment it is decided at its end
    one that has no end within a day is unknown: somebody did not tell us, and it is in no ratio
"""

from collections.abc import Callable, Mapping
from typing import Final

from processors.cases.events import CaseEvent
from processors.cases.fold import Fold, Said, Wait, WaitEnd
from processors.cases.measures import under_promise
from processors.kpis.samples import Amounts, Sample, counted, duration
from processors.sla import clocks
from processors.sla.clocks import NEVER, Clock
from processors.sla.promises import Promises
from processors.sla.signals import KEPT_WITHIN_MS, Trigger
from schemas.kpis import Count, Histogram, Sum

UNKNOWN_AFTER_MS: Final = 86_400_000
LEGAL_ANSWER_MS: Final = 180_000
"""An answer takes less than 180 s (K06es); exact, where a bucket of the histogram of waits is not."""


def may_begin(fold: Fold) -> bool:
    """Does a queueing begin a wait? Not while one lasts, nor once the case is over, unless the customer only left."""
    return open_wait(fold) is None and (not fold.is_over or fold.state == "abandoned")


def open_wait(fold: Fold) -> Wait | None:
    """The wait that lasts."""
    last = fold.waits[-1] if fold.waits else None
    return last if last is not None and last.end is None else None


def lasting(fold: Fold, now: int) -> Wait | None:
    """The wait that lasts as of `now`, ms; not one that is unknown by then."""
    wait = open_wait(fold)
    return wait if wait is not None and now <= wait.since + UNKNOWN_AFTER_MS else None


def is_leaving_for_callback(fold: Fold) -> bool:
    """Did whoever hangs up now ask to be called back, and so does not wait?"""
    return fold.callback_owed and open_wait(fold) is None


def has_left(fold: Fold) -> bool:
    """Did the customer leave last, so that a request to be called may say why?"""
    return fold.state == "abandoned" or (bool(fold.waits) and fold.waits[-1].end == "abandoned")


def is_put_off(event: CaseEvent) -> bool:
    """Does a wait for the customer mean that another time was agreed with them?"""
    return event.facts.get("reason") == "schedule"


def advance(fold: Fold, event: CaseEvent, trigger: Trigger, promises: Promises) -> None:
    """Begin or end a wait of a contact, as an event asks for; after its clocks, and before its moments are set."""
    move = _MOVES.get(trigger)
    if move is not None:
        move(fold, event, promises)


def _queued(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    if may_begin(fold):
        wait = _begin(fold, event.occurred_at, promises)
        wait.clock = _answer_clock(fold)


def _answer_clock(fold: Fold) -> Clock | None:
    clock = fold.latest.get("answer")
    return clock if clock is not None and clock.is_open else None


def _answered(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    ended = _end(fold, event, "answered") or _kept(fold, event)
    if fold.callback_owed:
        for wait in fold.waits:
            wait.called_back = wait.called_back or wait.end == "callback"
        fold.callback_owed = False
    elif not ended and fold.answered_at is None:
        _straight(fold, event, "answered", promises)


def _replied(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    fold.callback_owed = False


def _abandoned(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    if not _end(fold, event, "abandoned") and not event.facts.get("in_ivr") and not fold.answered_any:
        _straight(fold, event, "abandoned", promises)


def _callback_requested(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    if not _end(fold, event, "callback") and not fold.answered_any and event.occurred_at != fold.opened_at:
        _straight(fold, event, "callback", promises)
    fold.callback_owed = True


def _waiting_customer(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    if is_put_off(event) and _end(fold, event, "callback"):
        fold.callback_owed = True


def _absorbed(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    """Go on with the wait of a case that was merged into this one while it lasted."""
    if "call_asked_at" in event.facts and not fold.is_over:
        fold.callback_owed = True
    since = event.facts.get("queued_at")
    if since is None:
        return
    wait = open_wait(fold)
    if wait is None:
        wait = _begin(fold, since, promises)
        wait.clock = _answer_clock(fold)
        if fold.is_over:
            wait.end, wait.ended_at = "other", event.occurred_at
    wait.since = min(wait.since, since)


def _opened(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    wait = open_wait(fold)
    if wait is not None and wait.clock is None:
        wait.clock = _answer_clock(fold)  # what was absorbed before the opening is promised with it


def _merged(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    """Let the survivor go on with the wait once it is found: it counts there, and once. Until then it lasts here."""
    if fold.standing.found:
        if open_wait(fold) is not None:
            fold.waits = fold.waits[:-1]
        fold.callback_owed = False


def _over(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    _end(fold, event, "other")
    fold.callback_owed = False


def _dismissed(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    """What never was a case was owed no answer: the clocks of its waits are annulled, a wait without one has none."""
    _over(fold, event, promises)
    for wait in fold.waits:
        wait.straight = None


def _begin(fold: Fold, since: int, promises: Promises) -> Wait:
    short_ms = promises.short_abandon_ms(since, fold.matching())
    wait = Wait(since, fold.attribution(), fold.answered_at is not None, short_ms)
    fold.waits += (wait,)
    return wait


def _end(fold: Fold, event: CaseEvent, end: WaitEnd) -> bool:
    wait = open_wait(fold)
    if wait is None:
        return False
    wait.end, wait.ended_at = end, event.occurred_at
    return True


def _kept(fold: Fold, event: CaseEvent) -> bool:
    """Does an answer come so shortly after the resolution that ended the wait that the two were one step?"""
    last = fold.waits[-1] if fold.waits else None
    if last is None or last.end != "other" or event.occurred_at - last.ended_at > KEPT_WITHIN_MS:
        return False
    last.end, last.ended_at = "answered", event.occurred_at
    return True


def _straight(fold: Fold, event: CaseEvent, end: WaitEnd, promises: Promises) -> None:
    """The wait of a contact that tells of no queue: from its opening, if it was the customer's."""
    if fold.waits or fold.opened_at is None or fold.facts.get("kind") == "outbound" or event.is_carried:
        return
    wait = _begin(fold, fold.opened_at, promises)
    promise = promises.promise("answer", wait.since, fold.matching()) if "answer" in promises.metrics else None
    wait.straight = promise[0] if promise is not None else None
    wait.end, wait.ended_at = end, event.occurred_at


_MOVES: Final[Mapping[Trigger, Callable[[Fold, CaseEvent, Promises], None]]] = {
    "queued": _queued,
    "answered_by_person": _answered,
    "replied_by_person": _replied,
    "abandoned": _abandoned,
    "left_queue": _abandoned,
    "absorbed": _absorbed,
    **dict.fromkeys(("opened", "opened_outbound"), _opened),
    "callback_requested": _callback_requested,
    "waiting_customer": _waiting_customer,
    "dismissed": _dismissed,
    "merged": _merged,
    **dict.fromkeys(("resolved", "duplicate", "closed", "merged_elsewhere", "voided"), _over),
}


# Reading


def read(fold: Fold, now: int) -> list[Said]:
    """What the waits of a case add to the KPIs as of `now`, ms, each under its promise: K04, K06, K07."""
    return [_read(fold, wait, now, first=index == 0) for index, wait in enumerate(fold.waits)]


def _read(fold: Fold, wait: Wait, now: int, *, first: bool) -> Said:
    reading = None if wait.clock is None else clocks.read(wait.clock, now)
    by = wait.since, wait.straight, wait.end, wait.ended_at, wait.called_back, _is_last_word(fold), fold.incomplete
    said = wait.said
    if said is None or said.reading is not reading or said.by != by or not said.since <= now <= said.until:
        target, attribution = wait.target, wait.attribution
        if target is not None:
            attribution = under_promise("answer", target, attribution)
        sample = Sample(wait.since, attribution, _amounts(fold, wait, now, first=first))
        until = min([at for at in _thresholds(wait) if at >= now], default=NEVER)
        wait.said = said = Said(sample, reading, by, now, until)
    return said


def _is_last_word(fold: Fold) -> bool:
    """Did the case leave, so that what is not known of its waits never will be?"""
    return fold.erased or fold.state == "evicted"


def _of_wait(wait: Count, contact: Count) -> tuple[Amounts, Amounts]:
    """What a later wait counts as, and what the first one does, which is also its contact's."""
    return counted(wait), counted(wait, contact)


_BEGUN: Final = _of_wait(Count.waits, Count.contacts_offered)
_ENDED: Final = _of_wait(Count.waits_ended, Count.contacts_offered_ended)
_ANSWERED: Final = _of_wait(Count.waits_answered, Count.contacts_answered)
_ABANDONED: Final = _of_wait(Count.waits_abandoned, Count.contacts_abandoned)
_ABANDONED_SHORT: Final = _of_wait(Count.waits_abandoned_short, Count.contacts_abandoned_short)
_PROMISED: Final = counted(Count.waits_promised)
_IN_TARGET: Final = tuple(
    _PROMISED + kept for kept in _of_wait(Count.waits_in_target, Count.contacts_answered_in_target)
)
_UNDECIDED: Final = counted(Count.waits_undecided)
_UNKNOWN: Final = counted(Count.waits_unknown)
_CALLBACK: Final = counted(Count.waits_callback)
_AFTER_ANSWER: Final = counted(Count.waits_after_answer)
_ABANDONED_AFTER_ANSWER: Final = counted(Count.waits_abandoned_after_answer)
_WITHIN_180S: Final = counted(Count.contacts_answered_within_180s)


def _amounts(fold: Fold, wait: Wait, now: int, *, first: bool) -> Amounts:
    amounts = _BEGUN[first]
    is_last_word = _is_last_word(fold)
    ended_at = wait.ended_at if wait.end is not None else NEVER if is_last_word else now
    if ended_at > wait.since + UNKNOWN_AFTER_MS:
        return amounts + _UNKNOWN
    if wait.end is not None:
        amounts += _ended(wait, wait.end, first=first, timed=not fold.incomplete)
    if _is_promised(wait, now):
        if is_last_word or wait.clock is None or now > _target_at(wait, wait.clock):
            amounts += _judged(wait, first=first)
            if wait.end is not None:
                return amounts
        return amounts + _UNDECIDED
    return amounts if wait.end is not None else amounts + _UNDECIDED


def _ended(wait: Wait, end: WaitEnd, *, first: bool, timed: bool) -> Amounts:
    waited_ms = wait.ended_at - wait.since
    amounts = _ENDED[first]
    if wait.follows_answer:
        amounts += _AFTER_ANSWER
    if end == "callback":
        amounts += _CALLBACK
    if end == "abandoned":
        if waited_ms < wait.short_ms:
            return amounts + _ABANDONED_SHORT[first]
        amounts += _ABANDONED[first]
        return amounts + _ABANDONED_AFTER_ANSWER if wait.follows_answer else amounts
    if timed and (end == "answered" or wait.called_back):
        amounts += _ANSWERED[first] + duration(Histogram.wait_histogram, Sum.wait_ms, waited_ms)
        if first and end == "answered" and waited_ms < LEGAL_ANSWER_MS:
            amounts += _WITHIN_180S
    return amounts


def _is_promised(wait: Wait, now: int) -> bool:
    """Is an answer within a time owed to whoever waited, or was it until they were answered or left?"""
    clock = wait.clock
    if clock is None:
        return wait.straight is not None
    if clock.phase == "annulled":
        return False
    if wait.end is None:
        return clock.is_open
    if wait.end == "other":
        return clocks.outcome(clock, now) == "breached"
    return clock.ended_at == wait.ended_at


def _target_at(wait: Wait, clock: Clock) -> int:
    """The moment, ms, after which a wait is decided for the service level: its deadline, or what is known by then."""
    return min(clock.due_at + clock.target.grace_ms, wait.since + UNKNOWN_AFTER_MS)


def _judged(wait: Wait, *, first: bool) -> Amounts:
    kept = wait.end == "answered" or wait.end == "callback"
    if not kept or (wait.clock is not None and wait.ended_at > wait.clock.due_at):
        return _PROMISED
    return _IN_TARGET[first]


def next_threshold(fold: Fold, now: int) -> int:
    """The first moment, `now` or later, after which a wait says more; `NEVER` when there is none."""
    return min([said.until for said in read(fold, now)], default=NEVER)


def settled_at(fold: Fold) -> int:
    """The moment after which the waits of a case that is over say the same for ever; 0 when it has none."""
    return max([at for wait in fold.waits for at in _thresholds(wait)], default=0)


def _thresholds(wait: Wait) -> list[int]:
    target_at = [_target_at(wait, wait.clock)] if wait.clock is not None else []
    return target_at if wait.end is not None else [*target_at, wait.since + UNKNOWN_AFTER_MS]
