"""Signals: what the events of a case mean to its clocks, as tables.

An event of a case is first reduced to a *trigger* (`cases.transitions.trigger_of`). `SIGNALS` says what a trigger means
to a clock of each metric, `TRANSITIONS` what a signal does to a clock in a phase. What is in neither changes nothing.

    start    the promise begins; again, if cancelled    stop    it was kept or broken by now
    again    it begins anew, unless one runs            lap     this one was kept, and the next begins
    cancel   nobody is owed it any more; a deadline that has passed stays broken
    annul    it was never owed, kept or broken or not   reopen  what `on_reopen` gives runs, as a new instance
    pause    what is left is frozen                     resume  and runs on
    change   another target may hold now                inherit  it began in a case that was merged into this one
    extend   a holding response was sent
"""

from collections.abc import Mapping
from typing import Final, Literal

from schemas.taxonomy import ClockMetric

Trigger = Literal[
    "opened", "opened_outbound", "queued", "human_requested", "answered_by_person", "answered_by_bot", "abandoned",
    "callback_requested", "hung_up", "left_queue",
    "assigned", "transferred", "customer_replied", "replied_by_person", "replied", "waiting_customer",
    "waiting_third_party", "forwarded_external", "resumed", "priority_changed", "reclassified", "identified",
    "cause_set", "acknowledged", "progress_sent", "holding_response_sent", "resolved", "duplicate", "dismissed",
    "closed", "changed", "reopened", "reopened_unanswered", "reopened_by_message", "reopened_by_machine", "merged",
    "merged_elsewhere", "absorbed", "corrected", "voided", "revised", "outcome", "appealed", "escalated",
    "service_suspended", "customer_recovered", "customer_lost",
    "invited", "answered_unhappy", "answered_content", "answered_unrated", "answered_late", "answered_by_machine",
    "expired", "bounced", "declined", "followup_opened", "followup_contacted", "followup_closed",
]  # fmt: skip
"""What an event means to the tables of clocks and of case states."""
Signal = Literal[
    "start", "again", "lap", "stop", "cancel", "annul", "reopen", "pause", "resume", "change", "inherit", "extend"
]
Phase = Literal["running", "paused", "stopped", "cancelled", "annulled"]

_CHANGED: Final[Mapping[Trigger, Signal]] = {"changed": "change", "absorbed": "inherit"}
# What is part of another case owes nothing of its own any more; what never was one owed nothing.
_GONE: Final[Mapping[Trigger, Signal]] = {
    "merged": "cancel",
    "merged_elsewhere": "cancel",
    "duplicate": "cancel",
    "dismissed": "annul",
    "voided": "annul",
}
_OVER: Final[Mapping[Trigger, Signal]] = {"abandoned": "cancel", "resolved": "cancel", "closed": "cancel", **_GONE}

SIGNALS: Final[Mapping[ClockMetric, Mapping[Trigger, Signal]]] = {
    "answer": {
        "queued": "again",
        "answered_by_person": "stop",
        "callback_requested": "stop",
        "waiting_customer": "stop",
        "left_queue": "cancel",
        **_OVER,
        **_CHANGED,
    },
    "human_on_request": {
        "human_requested": "again",
        "answered_by_person": "stop",
        "replied_by_person": "stop",
        **_OVER,
        **_CHANGED,
    },
    "acknowledge": {
        "opened": "start",
        "acknowledged": "stop",
        "resolved": "stop",
        "closed": "stop",
        "abandoned": "cancel",
        **_GONE,
        **_CHANGED,
    },
    "first_response": {
        "opened": "start",
        "answered_by_person": "stop",
        "replied_by_person": "stop",
        "reopened_unanswered": "again",
        **_OVER,
        **_CHANGED,
    },
    # Runs while the customer spoke last: there is nothing to wait for.
    "next_response": {
        "customer_replied": "again",
        "reopened_by_message": "again",
        "answered_by_person": "stop",
        "replied_by_person": "stop",
        **_OVER,
        **_CHANGED,
    },
    "update_every": {
        "opened": "start",
        "progress_sent": "lap",
        "replied_by_person": "lap",
        "answered_by_person": "lap",
        "reopened": "again",
        **_OVER,
        **_CHANGED,
    },
    "resolve": {
        "opened": "start",
        "resolved": "stop",
        "closed": "stop",
        "abandoned": "cancel",
        "reopened": "reopen",
        "queued": "reopen",
        "callback_requested": "reopen",
        **_GONE,
        **_CHANGED,
    },
    # Closing a complaint is no response: only a decision, or that it never was one, ends what the law asks for.
    "final_response": {
        "opened": "start",
        "resolved": "stop",
        "reopened": "reopen",
        "holding_response_sent": "extend",
        **_GONE,
        **_CHANGED,
    },
    # Whoever leaves a queue after having asked for it is still owed the call.
    "callback": {
        "callback_requested": "again",
        "answered_by_person": "stop",
        "replied_by_person": "stop",
        "resolved": "cancel",
        "closed": "cancel",
        **_GONE,
        **_CHANGED,
    },
    # Whom it was handed to has to find somebody for it, too.
    "own": {
        "opened": "start",
        "assigned": "stop",
        "transferred": "again",
        "reopened": "again",
        **_OVER,
        **_CHANGED,
    },
    "follow_up": {
        "answered_unhappy": "start",
        "answered_content": "cancel",
        "followup_contacted": "stop",
        "followup_closed": "cancel",
        "voided": "annul",
    },
}  # fmt: skip
"""Metric -> trigger -> signal.

What the table does not say (`cases.effects` does):

* No trigger pauses or resumes: the wait of the case does (`cases.fold.Hold`), of every clock whose target pauses on it;
  also of one that starts, or changes its target, meanwhile (rule 8).
* A metric that no pack names has no clock, and a start that no rule fits promises nothing; it is counted (rule 14).
* What `opened` starts runs from the opening's own moment, or from that of the earliest case merged into it (rule 12).
* Each wait of a contact is an instance of `answer`; while one lasts another queue begins none (`cases.waits`). Of what
  we wait for, only an appointment, `schedule`, ends one: nobody waits in a queue for a call at another time.
* Who leaves the queue in which a merged case waits, `left_queue`, leaves the case that survives open.
* A callback is due when the customer was promised it; asked for anew, what was promised before is not owed any more.
* A case that is over starts nothing, but by being reopened; only a call that is asked for then is owed all the same.
* A message of the customer asks for a next response once the first response is given, while the case is not over;
  reopened by a message, it asks in any case (rule 9).
* A reopening is two triggers: `reopened`, and before it `reopened_unanswered` when no person had a part in the case so
  far, else `reopened_by_message` when it came with a message of the customer (rules 9, 11).
* `reopen` gives what the target's `on_reopen` has: all of the time, what a promise that is not broken left of it,
  nothing; where nothing had been owed, because the case was none, it begins (rule 11). Who had only left and queues
  again, or asks to be called, reopens the contact.
* A case has `changed` when an event made another thing of what rules of the metric ask for: its priority, its team ...
  `change` also starts a clock, from the opening, for a promise that the case had not and that is still to be kept; and
  cancels one for which no rule is left. A legal clock gets no longer by priority (rule 10).
* A clock `per: team` is cancelled when the case is handed on, past its deadline it stays broken, and the next team has
  one of its own from then on.
* Nobody has a case until it is assigned; nor when it was handed to another team since.
* `inherit` moves what is promised from the opening on to where the wait of a merged case began, and ends what that case
  was answered; what it was asked and nobody answered starts a next response from then on (rule 12): `cases.merges`.
* `annul` reaches every instance of a metric, also one that has ended: nothing else takes back what was kept or broken
  (rule 12).
* A person's reply up to two seconds after a resolution still keeps what that cancelled: `KEPT_WITHIN_MS` (rule 9).
* A person's answer also ends the wait of a message that came during a pause (rule 8, K31b).

The rules are the sixteen of SLA clocks that tests/laws/sla spells out.
"""

TRANSITIONS: Final[Mapping[tuple[Phase | None, Signal], Phase]] = {
    (None, "start"): "running",
    ("cancelled", "start"): "running",
    (None, "again"): "running",
    ("stopped", "again"): "running",
    ("cancelled", "again"): "running",
    ("annulled", "again"): "running",
    ("stopped", "reopen"): "running",
    ("cancelled", "reopen"): "running",
    ("annulled", "reopen"): "running",
    ("running", "lap"): "stopped",
    ("running", "stop"): "stopped",
    ("running", "cancel"): "cancelled",
    ("running", "annul"): "annulled",
    ("running", "pause"): "paused",
    ("running", "change"): "running",
    ("running", "inherit"): "running",
    ("running", "extend"): "running",
    ("paused", "resume"): "running",
    ("paused", "lap"): "stopped",
    ("paused", "stop"): "stopped",
    ("paused", "cancel"): "cancelled",
    ("paused", "annul"): "annulled",
    ("paused", "change"): "paused",
    ("paused", "inherit"): "paused",
    ("paused", "extend"): "paused",
    ("stopped", "annul"): "annulled",
    ("cancelled", "annul"): "annulled",
}
"""What runs after another instance, by `start`, `again`, `lap` or `reopen`, is a new one."""

KEPT_WITHIN_MS: Final = 2_000
"""How long after a resolution a reply still keeps a promise: both are one click, stored one after the other."""

MERGED_ELSEWHERE_MS: Final = 600_000
"""How old a merge is when its survivor, of which nothing was read, must be somewhere else: its clocks end then."""

SIGNALS_OF: Final[Mapping[Trigger, tuple[tuple[ClockMetric, Signal], ...]]] = {
    trigger: tuple((metric, table[trigger]) for metric, table in SIGNALS.items() if trigger in table)
    for table in SIGNALS.values()
    for trigger in table
}
"""Trigger -> the metrics that it concerns: `SIGNALS`, turned round for the fold."""
