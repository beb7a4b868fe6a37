"""Case events: the few facts that the fold needs of an event.

`Facts` names every fact there is. Those of `Stated` any event may tell of its case: they bear the names of envelope
fields and of columns of `cases`, by which they are taken over, so a field that has all three needs nothing else.
The others belong to single event types: `conversion` says what of a decoded event becomes which.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypedDict

CaseKey = tuple[str, str, str]
"""topic, source, entity_id"""


class Stated(TypedDict, total=False):
    """What a case is known by."""

    customer_id: str
    org_unit: str
    channel: str
    kind: str
    """Direction of a contact, kind of a complaint or of a survey."""
    category: str
    """As mapped to the common taxonomy."""
    product: str
    element: str
    origin_area: str
    otc_stage: str
    relationship: str
    demand_type: str
    segment: str
    topic_class: str
    mode: str
    """How a survey was asked."""
    visited_site: str
    """Where a mystery shopper or a manager was."""
    language: str
    country: str
    """Of the customer."""
    queue: str
    """The last that it waited in."""


class CaseFacts(Stated):
    """What is known of a case by now."""

    topic: str
    source: str
    priority: str


_From = TypedDict("_From", {"from": str}, total=False)


class Facts(Stated, _From, total=False):
    """What one event says, and nothing that it does not say. Moments and durations are milliseconds."""

    priority: str
    test: bool
    vulnerable: bool
    actor: str
    public: bool
    """Absent: it is."""
    reason: str
    owner: str
    to: str
    into: str
    """The entity that survives a merge."""
    resolution: str
    """Of a contact; of a complaint its outcome."""
    level: int
    in_ivr: bool
    wait_ms: int
    """As the publisher measured it."""
    talk_ms: int
    hold_ms: int
    wrap_ms: int
    received_at: int
    expires_at: int
    survey: str
    """Kind of the survey that is answered."""
    score: int
    scale_min: int
    scale_max: int
    direction: str
    """Which way the effort was asked for."""
    contact_id: str
    """That a survey is about."""
    complaint_id: str
    promised_at: int
    """When the customer was promised to be called back."""
    opened_at: int
    """Of a case that was merged into this one: since when its customer waits."""
    over_at: int
    """Since when that case was over when it was merged."""
    asked: list[int]
    """What it was asked, and nobody had answered by then, in order."""
    answers: list[int]
    """When persons had answered it, in order."""
    acknowledged_at: int
    person_asked_at: int
    """Since when its customer waits for a person."""
    call_asked_at: int
    """Since when its customer waits to be called back; where they were told by when, that is `promised_at`."""
    queued_at: int
    """Since when its customer waits in a queue, the one that is stated with it."""
    ran: Mapping[str, list[list[int]]]
    """Metric -> from, to: when the clock ran that it still had."""
    revises: str
    """Id of the event that this one corrects or withdraws; it then says nothing of the case itself."""
    values: "CorrectedFacts"


class CorrectedFacts(Facts, total=False):
    """The right facts of an event that is corrected."""

    occurred_at: int


class CaseEvent(NamedTuple):
    """What the fold needs of one event. `cases.order` says which comes first: the tuples are not compared."""

    occurred_at: int
    seq: int
    """-1 when the publisher sends none."""
    event_id: str
    record_at: int
    type: str
    """The event type without its topic's prefix."""
    facts: Facts

    @property
    def is_carried(self) -> bool:
        """Did it happen to a case that was merged into this one? No publisher's event id has a slash."""
        return "/" in self.event_id
