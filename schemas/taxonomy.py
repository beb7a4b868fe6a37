"""The closed vocabularies: every enum that an event, a clock, a KPI or a metric may name.

Values are plain strings (`Literal`), not `Enum` members: they go into dictionary keys on the hot path, into
ClickHouse and into Prometheus labels as they are.
"""

from typing import Final, Literal, get_args

Channel = Literal[
    "phone", "email", "chat", "whatsapp", "sms", "web_form", "app", "social", "in_person", "post", "video", "bot",
    "other",
]  # fmt: skip
Priority = Literal["low", "normal", "high", "urgent"]
Relationship = Literal["b2b", "b2c", "c2c", "g2c", "internal"]
ValueBand = Literal["a", "b", "c", "d", "e"]
Element = Literal["people", "process", "resource", "system", "facility", "product", "structure", "policy", "unknown"]
JourneyStage = Literal["discover", "buy", "onboard", "use", "pay", "support", "renew", "leave"]
OtcStage = Literal[
    "order_entry", "credit", "fulfilment", "delivery", "invoicing", "payment", "collection", "return", "none"
]
DemandType = Literal["value", "failure", "unknown"]
ActorKind = Literal["human", "bot", "system", "customer"]

Direction = Literal["inbound", "outbound"]
TransferKind = Literal["warm", "cold", "escalation"]
WaitReason = Literal["info", "evidence", "confirmation", "schedule", "other"]
Resolution = Literal["solved", "informed", "workaround", "not_solved", "duplicate", "spam"]
ReopenReason = Literal["not_fixed", "new_info", "customer_reply", "system"]
ContactOutcome = Literal["cross_sell", "up_sell", "retained", "recovered", "lost", "refund", "goodwill"]

ComplaintKind = Literal["query", "complaint", "claim", "incident", "suggestion", "praise", "appeal"]
TopicClass = Literal[
    "general", "billing_undue_charge", "service_continuity", "data_protection", "payment_service", "other"
]
ComplaintOutcome = Literal["upheld", "partly_upheld", "rejected", "withdrawn", "settled"]
EscalationBody = Literal["supervisor", "ombudsman", "regulator", "court"]
RecoveryEvidence = Literal["purchase", "renewal", "survey", "statement"]

SurveyMode = Literal["online", "email", "sms", "whatsapp", "app", "ivr", "phone_interview", "in_person", "kiosk"]
SurveyKind = Literal["csat", "nps", "ces", "mystery_shopper", "floor_walk", "custom"]
EffortDirection = Literal["ease", "effort"]
Polarity = Literal["positive", "negative"]
SubjectRole = Literal["customer", "employee", "facility"]
FollowupResult = Literal["recovered", "explained", "unreachable", "no_action"]

Reason = Literal[
    "not_json", "not_utf8", "too_large", "schema_unsupported", "missing_field", "wrong_type", "bad_enum",
    "bad_timestamp", "naive_timestamp", "future_timestamp", "too_old", "topic_mismatch", "score_out_of_range",
    "bad_amount", "key_mismatch", "pii_in_id", "erasure_not_allowed", "processing_error", "sink_refused",
    "record_from_future",
]  # fmt: skip
Warning_ = Literal[
    "unknown_source", "unknown_taxonomy", "clock_skew", "out_of_order", "impossible_transition", "missing_open",
    "seq_gap", "unknown_field", "self_reported_duration_differs", "erased_customer", "beyond_case_events",
    "beyond_retention", "maybe_repeated", "id_reused", "personal_data_masked", "dangling_reference", "merged_elsewhere",
    "repeated", "machine_for_customer", "wrong_partition", "key_not_customer",
]  # fmt: skip
Outcome = Literal["accepted", "warned", "late", "duplicate", "rejected"]

CaseState = Literal[
    "open", "queued", "in_progress", "waiting_customer", "waiting_third_party", "abandoned", "resolved", "closed",
    "merged", "void", "erased", "evicted",
]  # fmt: skip
WaitingOn = Literal["", "customer", "third_party"]
ClockMetric = Literal[
    "answer", "human_on_request", "acknowledge", "first_response", "next_response", "update_every", "resolve",
    "final_response", "follow_up", "callback", "own",
]  # fmt: skip
ClockState = Literal["running", "paused", "met", "breached_open", "breached", "cancelled"]
Severity = Literal["info", "warning", "critical"]
OwnIncident = Literal["missed_pages", "evicted_cases"]
"""Incidents of ours: of Oidor itself, and not of what customers were promised. Of no input topic, and no pattern's."""
IncidentState = Literal["open", "closed", "withdrawn"]
ActionKind = Literal["acknowledged", "acted", "dismissed", "maintenance_planned"]
"""What a person does about an incident, or plans for a source."""
StaleReason = Literal["not_taken_back", "maybe_counted_twice"]

REASONS: Final[tuple[str, ...]] = get_args(Reason)
WARNINGS: Final[tuple[str, ...]] = get_args(Warning_)
CLOCK_METRICS: Final[tuple[ClockMetric, ...]] = get_args(ClockMetric)
