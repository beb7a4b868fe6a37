"""What a case event does to the clocks of its case: `signals.SIGNALS`, walked for one trigger.

The table says which metrics a trigger concerns, and how. Here is what the table does not say: its list stands under it.
"""

from typing import Final

from processors.cases import merges, waits
from processors.cases.events import CaseEvent
from processors.cases.fold import Fold, Hold
from processors.cases.measures import under_promise
from processors.cases.transitions import WAITS
from processors.sla import clocks
from processors.sla.clocks import Clock
from processors.sla.promises import Promise, Promises
from processors.sla.signals import KEPT_WITHIN_MS, SIGNALS, SIGNALS_OF, TRANSITIONS, Signal, Trigger
from schemas.taxonomy import ClockMetric

_ANSWERS: Final[frozenset[Trigger]] = frozenset({"answered_by_person", "replied_by_person"})
_SOLVED: Final[frozenset[Trigger]] = frozenset({"resolved", "closed"})
_OPENED: Final[frozenset[Trigger]] = frozenset({"opened", "opened_outbound"})
_REOPENED: Final[frozenset[Trigger]] = frozenset({"reopened", "reopened_unanswered", "reopened_by_message"})
_UNANSWERED_FOR_GOOD: Final[frozenset[Trigger]] = frozenset(
    {"reopened", "customer_replied", "merged", "duplicate", "dismissed", "voided"}
)
"""Triggers after which a reply is one to something else than what the resolution cancelled."""
_KEEPS: Final[frozenset[Signal | None]] = frozenset({"stop", "lap"})
_FROM_OPENING: Final = frozenset(metric for metric, table in SIGNALS.items() if table.get("opened") == "start")


def apply_trigger(fold: Fold, event: CaseEvent, trigger: Trigger, promises: Promises) -> None:
    """Start, stop, change and annul the clocks of a case, as an event asks for."""
    if fold.state == "void":
        return
    if fold.has_changed and trigger not in _OPENED:
        follow_change(fold, event, promises)
    if trigger == "absorbed":
        if fold.opened_at is not None:
            _absorb(fold, event, promises)
        return
    if trigger == "merged" and not fold.handed_over:
        fold.handed_over = merges.handed_over(fold, event.occurred_at)
    if trigger == "merged" and not merges.is_found(fold):
        _end_broken(fold, event)
        return
    owed = _owed_by_reopening(fold, event) if trigger == "reopened" else None
    if owed is not None:
        _walk(fold, event, owed, promises)
    _walk(fold, event, trigger, promises)
    if trigger in _ANSWERS:
        for clock in fold.latest.values():
            clocks.record_answer(clock, event.occurred_at)
        if fold.cancelled_by_resolution:
            _keep(fold, event, trigger)
    elif trigger in _UNANSWERED_FOR_GOOD:
        fold.cancelled_by_resolution = ()
    if trigger == "opened" and not fold.clocks and not fold.is_over:
        fold.unmatched += 1
    if trigger in _OPENED and fold.absorbed:
        for absorbed in fold.absorbed:
            _absorb(fold, absorbed._replace(occurred_at=max(absorbed.occurred_at, event.occurred_at)), promises)


def _end_broken(fold: Fold, event: CaseEvent) -> None:
    """End what was broken before a merge whose survivor was not found yet; what is not yet due waits for that."""
    for clock in fold.latest.values():
        if clock.is_open and clock.due_at < event.occurred_at:
            _send(fold, event, "cancel", clock)


def _absorb(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    """Go on with the wait of a case that was merged into this one (SLA rule 12)."""
    _walk(fold, event, "absorbed", promises)
    since = merges.take_over(fold, event)
    if since is not None and _first_response_given(fold):
        _owe_since(fold, event, "next_response", since, promises)
    queued_at = event.facts.get("queued_at")
    if queued_at is not None and not fold.is_over:
        _owe_since(fold, event, "answer", queued_at, promises)
    person_asked_at = event.facts.get("person_asked_at")
    if person_asked_at is not None and not fold.is_over:
        _owe_since(fold, event, "human_on_request", person_asked_at, promises)
    call_asked_at = event.facts.get("call_asked_at")
    call = fold.latest.get("callback")
    if call_asked_at is not None and not fold.is_over and (call is None or not call.is_open):
        _owe_since(fold, event, "callback", call_asked_at, promises)


def _owe_since(fold: Fold, event: CaseEvent, metric: ClockMetric, since: int, promises: Promises) -> None:
    """Let a clock run that began in a case merged into this one."""
    if metric not in promises.metrics:
        return
    last, at = fold.latest.get(metric), event.occurred_at
    if last is None or not last.is_open:
        if metric == "callback":
            promise = _call_promised(fold, event, since, promises)
        else:
            promise = promises.promise(metric, since, fold.matching(), at)
        if promise is None:
            return
        instance = 1 if last is None else last.instance + 1
        last = clocks.start(metric, *promise, at, event.record_at, instance=instance)
        _add(fold, event, last)
    if since < last.origin:
        clocks.inherit(last, [(since, last.origin)], at)


def _first_response_given(fold: Fold) -> bool:
    first = fold.latest.get("first_response")
    return first is None or not first.is_open


def follow_hold(fold: Fold, event: CaseEvent, trigger: Trigger, *, another: bool) -> None:
    """Let the clocks of a case resume and pause, whose wait is `another` one, or none, since an event.

    The same wait, told again, pauses once more what had been paused for as long as its policy lets it be.
    """
    if another or trigger in WAITS:
        for clock in fold.latest.values():
            if clock.is_open:
                if another:
                    clocks.apply_signal(clock, "resume", event.occurred_at, event.record_at)
                _hold(fold, event, clock)


def _hold(fold: Fold, event: CaseEvent, clock: Clock) -> None:
    """Pause a clock for what its case waits for, if its target does."""
    wait = fold.hold
    if wait is not None:
        unanswered = fold.unanswered_since is not None
        at, reason = event.occurred_at, (wait.state, wait.reason)
        clocks.apply_signal(clock, "pause", at, event.record_at, reason=reason, unanswered=unanswered)


def _add(fold: Fold, event: CaseEvent, clock: Clock) -> None:
    fold.add_clock(clock)
    _hold(fold, event, clock)


def _owed_by_reopening(fold: Fold, event: CaseEvent) -> Trigger | None:
    """What a reopening asks for besides a solution; None: nothing."""
    if not fold.answered_by_anyone:
        return "reopened_unanswered"
    by_message = fold.unanswered_since is not None or event.facts.get("reason") == "customer_reply"
    return "reopened_by_message" if by_message else None


def _keep(fold: Fold, event: CaseEvent, trigger: Trigger) -> None:
    """Let a person's answer keep what a resolution cancelled just before (SLA rule 9)."""
    for clock in fold.cancelled_by_resolution:
        if event.occurred_at - clock.ended_at <= KEPT_WITHIN_MS and SIGNALS[clock.metric].get(trigger) in _KEEPS:
            clocks.keep(clock, event.occurred_at, event.record_at)
    fold.cancelled_by_resolution = ()


def _walk(fold: Fold, event: CaseEvent, trigger: Trigger, promises: Promises) -> None:
    for metric, signal in SIGNALS_OF.get(trigger, ()):
        if metric not in promises.metrics:
            continue
        last = fold.latest.get(metric)
        match signal:
            case "again" if metric == "callback":
                _promise_callback(fold, event, trigger, last, promises)
            case "start" | "again":
                if _may_begin(last, signal) and _owes(fold, trigger, metric):
                    opened_at = fold.opened_at if trigger == "opened" else None
                    _start(fold, event, metric, event.occurred_at if opened_at is None else opened_at, promises)
            case "reopen" if trigger != "reopened" and fold.state != "abandoned":
                pass
            case "reopen" if last is None and fold.impossible and fold.opened_at is not None:
                # It was over before it was opened, and nothing was promised then.
                _start(fold, event, metric, event.occurred_at, promises)
            case _ if last is None:
                pass
            case "reopen":
                if _may_begin(last, signal):
                    _reopen(fold, event, last, promises)
            case "inherit":
                merges.inherit(fold, last, event, from_opening=metric in _FROM_OPENING)
            case "annul":
                for clock in _all(fold, metric):
                    _send(fold, event, signal, clock)
            case "stop" if metric == "answer" and trigger == "waiting_customer" and not waits.is_put_off(event):
                pass
            case _ if last.is_open:
                _send(fold, event, signal, last)
                if signal == "cancel" and trigger in _SOLVED:
                    fold.cancelled_by_resolution += (last,)
                if signal == "lap":
                    _start(fold, event, metric, event.occurred_at, promises)


def _all(fold: Fold, metric: ClockMetric) -> list[Clock]:
    return [clock for clock in fold.clocks if clock.metric == metric]


def _may_begin(last: Clock | None, signal: Signal) -> bool:
    return (None if last is None else last.phase, signal) in TRANSITIONS


def _owes(fold: Fold, trigger: Trigger, metric: ClockMetric) -> bool:
    """Is there anybody to whom a promise could begin? A case that is over owes nothing, but by being reopened."""
    if metric == "answer":
        return waits.may_begin(fold)
    if fold.is_over and trigger not in _REOPENED:
        return False
    if metric == "own" and (fold.owned or fold.facts.get("kind") == "outbound"):
        return False
    if metric == "next_response":
        # While the first response is owed a message asks for none of its own (SLA rule 9).
        return _first_response_given(fold)
    return trigger != "opened" or _is_still_owed(fold, metric)


def _start(
    fold: Fold, event: CaseEvent, metric: ClockMetric, at: int, promises: Promises, *, as_of: int | None = None
) -> None:
    """Start the next instance, where a rule promises anything (SLA rule 14), in the version in force `as_of` then."""
    promise = promises.promise(metric, at if as_of is None else as_of, fold.matching(), at)
    if promise is not None:
        last = fold.latest.get(metric)
        instance = 1 if last is None else last.instance + 1
        _add(fold, event, clocks.start(metric, *promise, at, event.record_at, instance=instance))


def _promise_callback(fold: Fold, event: CaseEvent, trigger: Trigger, last: Clock | None, promises: Promises) -> None:
    """Promise a call at the moment that the customer was told, or as the policy has it; a later request replaces it."""
    promise = _call_promised(fold, event, event.occurred_at, promises)
    if promise is None:
        return
    instance = 1 if last is None else last.instance + 1
    clock = clocks.start("callback", *promise, event.occurred_at, event.record_at, instance=instance)
    if last is not None and last.is_open:
        if "promised_at" not in event.facts or clock.due_at == last.due_at:
            return
        _send(fold, event, "cancel", last)
    _add(fold, event, clock)


def _call_promised(fold: Fold, event: CaseEvent, asked_at: int, promises: Promises) -> Promise | None:
    """What is promised to whoever asked then to be called: the moment they were told, or as the policy has it."""
    promise = promises.promise("callback", asked_at, fold.matching())
    told_at = event.facts.get("promised_at")
    if promise is None or told_at is None:
        return promise
    return promise[0].told(max(0, told_at - asked_at)), None


def _reopen(fold: Fold, event: CaseEvent, last: Clock, promises: Promises) -> None:
    """Give what the target has on reopening: all of it, what is left unless it was broken, or nothing (SLA rule 11)."""
    on_reopen = last.target.on_reopen
    handed_on = last.target.per_team and fold.team_at(last.ended_at) != fold.place.team
    if on_reopen == "restart" or last.phase == "annulled" or (handed_on and on_reopen == "continue"):
        _start(fold, event, last.metric, event.occurred_at, promises)
    elif on_reopen == "continue" and last.ended_at <= last.due_at:
        clock = clocks.start(
            last.metric,
            last.target,
            last.calendar,
            event.occurred_at,
            event.record_at,
            instance=last.instance + 1,
            continues=last,
        )
        _add(fold, event, clock)


def follow_change(fold: Fold, event: CaseEvent, promises: Promises) -> None:
    """Let clocks follow what has become another thing about their case: who has it, and what policies ask for."""
    handed_on_as, fold.handed_on_as = fold.handed_on_as, None
    changed = fold.changed(promises.decisive)
    if handed_on_as is not None and promises.per_team:
        for clock in [*fold.latest.values()]:
            _hand_on(fold, event, clock, handed_on_as, promises)
    if changed:
        for metric, _ in SIGNALS_OF["changed"]:
            if not changed.isdisjoint(promises.deciding[metric]):
                _change(fold, event, metric, fold.latest.get(metric), promises)


def renew(fold: Fold, until: int, promises: Promises) -> None:
    """Let versions of packs and calendars hold for open clocks that come into force by `until`, ms, and say so.

    Each does at its own moment, as if an event told of it: what a clock comes to follows from events and texts.
    """
    while (moment := promises.renewal_after(fold.renewed_to)) is not None and moment <= until:
        fold.renewed_to = moment
        for clock in [*fold.latest.values()]:
            if clock.is_open and not clock.target.is_told and moment <= clock.due_at:
                _renew(fold, moment, clock, promises)


def _renew(fold: Fold, moment: int, clock: Clock, promises: Promises) -> None:
    before = clock.target, clock.calendar
    _retarget(fold, CaseEvent(moment, -1, "", moment, "renewed", {}), clock, promises)
    if (clock.target, clock.calendar) != before or not clock.is_open:
        clock.recomputed_at = moment


def _hand_on(fold: Fold, event: CaseEvent, clock: Clock, handed_on_as: tuple[str, ...], promises: Promises) -> None:
    """End the clock of a team that hands a case on, and begin that of the one that gets it.

    What is promised in a team's time, and what is in the customer's, goes by the rule that fits each team.
    """
    promise = promises.promise(clock.metric, event.occurred_at, fold.matching()) if clock.is_open else None
    if clock.is_open and (clock.target.per_team or (promise is not None and promise[0].per_team)):
        clocks.apply_signal(clock, "cancel", event.occurred_at, event.record_at)
        clock.attribution = clock.attribution or under_promise(clock.metric, clock.target, handed_on_as)
        _owe_from(fold, event, clock.metric, event.occurred_at, promises)


def _owe_from(fold: Fold, event: CaseEvent, metric: ClockMetric, had_since: int, promises: Promises) -> None:
    """Begin a clock of the team that has a case since then; of the whole case, where nothing is promised by team."""
    at, since = event.occurred_at, merges.waits_since(fold) or fold.opened_at
    promise = promises.promise(metric, had_since, fold.matching(), at)
    if promise is None or promise[0].per_team or since is None or metric not in _FROM_OPENING:
        _start_late(fold, event, metric, had_since, promises)
    else:
        _start_late(fold, event, metric, min(since, at), promises)


def _change(fold: Fold, event: CaseEvent, metric: ClockMetric, last: Clock | None, promises: Promises) -> None:
    """Let the target hold that the case has now: of an open clock, or of one that it had not (SLA rule 10)."""
    if last is None:
        if metric in _FROM_OPENING and fold.opened_at is not None and _is_still_owed(fold, metric):
            _start_late(fold, event, metric, merges.waits_since(fold) or fold.opened_at, promises)
    elif last.is_open and last.target.recomputes:
        _retarget(fold, event, last, promises)


def _retarget(fold: Fold, event: CaseEvent, last: Clock, promises: Promises) -> None:
    """Let an open clock have the target that its case has now, and its versions."""
    promise = promises.promise(last.metric, last.origin, fold.matching(), event.occurred_at)
    if promise is None:
        _send(fold, event, "cancel", last)
    elif promise[0].per_team != last.target.per_team and event.occurred_at <= last.due_at:
        _send(fold, event, "cancel", last)
        had_since = fold.stints[-1].until if fold.stints else last.started_at
        _owe_from(fold, event, last.metric, max(had_since, last.origin), promises)
    else:
        legal = event.type == "priority_changed" and (last.target.legal or promise[0].legal)
        pauses_on = last.target.pause_on
        clocks.change_target(last, *promise, event.occurred_at, may_lengthen=not legal)
        if fold.hold is not None and last.target.pause_on != pauses_on:
            _hold_anew(fold, event, last, fold.hold, pauses_on)


def _hold_anew(fold: Fold, event: CaseEvent, clock: Clock, wait: Hold, paused_on: frozenset[tuple[str, str]]) -> None:
    """Pause or resume a clock whose target has become another one; where both pause, the pause goes on."""
    reason = (wait.state, wait.reason)
    if reason not in clock.target.pause_on:
        clocks.apply_signal(clock, "resume", event.occurred_at, event.record_at)
    elif reason not in paused_on:
        _hold(fold, event, clock)


def _is_still_owed(fold: Fold, metric: ClockMetric) -> bool:
    """Is what is promised from the opening on still to be done?"""
    if fold.is_over or fold.facts.get("kind") == "outbound":
        return False
    if metric == "first_response":
        return fold.first_response_at is None
    if metric == "own":
        return not fold.owned
    return metric != "acknowledge" or fold.acknowledged_at is None


def _start_late(fold: Fold, event: CaseEvent, metric: ClockMetric, since: int, promises: Promises) -> None:
    """Start the next instance of what is owed since then."""
    _start(fold, event, metric, event.occurred_at, promises, as_of=since)
    last = fold.latest.get(metric)
    if last is not None and last.is_open:
        clocks.rewind(last, since, event.occurred_at)


def _send(fold: Fold, event: CaseEvent, signal: Signal, clock: Clock) -> None:
    """Send a signal to one clock; when it ends with it, it is the case of that moment that it counts for (K12)."""
    if signal == "extend":
        clocks.extend(clock, event.occurred_at)
        return
    was_open = clock.is_open
    clocks.apply_signal(clock, signal, event.occurred_at, event.record_at)
    if was_open and not clock.is_open and clock.attribution is None:
        clock.attribution = under_promise(clock.metric, clock.target, fold.attribution())
