"""The KPIs of the desk of `desk.py` in SQL, by area, from nothing but what `v_events` shows.

Customers who were erased are left out: of their cases not everything can be read any more.
"""

from typing import Final

_SHARES: Final = (
    ("transfers_per_contact", "is_contact", "handed_on", "1"),
    ("complaint_rate", "is_contact OR kind IN ('complaint', 'claim')", "NOT is_contact", "is_contact"),
    ("failure_demand", "is_contact AND demand IN ('value', 'failure')", "demand = 'failure'", "1"),
    ("service_level", "has_wait", "notEmpty(wait_kept) AND waited <= 20000", "1"),
    ("service_level", "has_second", "second_answered > 0 AND second_waited <= 20000", "1"),
    ("queue_abandonment", "has_wait", "gave_up AND waited >= 5000", "1"),
    ("queue_abandonment", "has_second", "second_answered = 0 AND second_waited >= 5000", "1"),
    ("abandonment_after_answer", "has_second", "second_answered = 0 AND second_waited >= 5000", "1"),
    ("abandonment", "has_wait", "gave_up AND waited >= 5000", "1"),
    ("answered_within_180s", "has_wait", "answered > 0 AND callback = 0 AND waited < 180000", "1"),
    ("average_speed_of_answer", "has_wait AND answered > 0", "waited / 1000", "1"),
    ("average_speed_of_answer", "has_second AND second_answered > 0", "second_waited / 1000", "1"),
    ("average_handle_time", "is_contact AND resolved > 0", "talk", "1"),
    ("first_level_resolution", "is_contact AND resolved > 0", "level = 1", "1"),
    ("reopen_rate", "is_contact AND resolved > 0", "reopened", "1"),
    ("upheld_rate", "outcome IN ('upheld', 'partly_upheld', 'rejected')", "outcome != 'rejected'", "1"),
    ("csat", "survey = 'csat'", "score >= 4", "1"),
    ("nps", "survey = 'nps'", "(score >= 9) - (score <= 6)", "1"),
    ("ces", "survey = 'ces'", "score", "1"),
    ("ces_easy", "survey = 'ces'", "score >= 5", "1"),
)
"""KPI, whether the case is in it, what it adds above the line and below"""

_CASES: Final = """
SELECT
    entity_id,
    any(e.area) AS area,
    any(e.topic) = 'contact-events' AS is_contact,
    minIf(toUnixTimestamp64Milli(occurred_at), endsWith(event_type, '.opened')) AS opened,
    minIf(toUnixTimestamp64Milli(occurred_at), event_type = 'contact.queued') AS queued,
    if(countIf(event_type = 'contact.queued') > 1,
        maxIf(toUnixTimestamp64Milli(occurred_at), event_type = 'contact.queued'), 0) AS second_queued,
    minIf(toUnixTimestamp64Milli(occurred_at), event_type = 'contact.answered') AS answered,
    if(countIf(event_type = 'contact.answered') > 1,
        maxIf(toUnixTimestamp64Milli(occurred_at), event_type = 'contact.answered'), 0) AS second_answered,
    maxIf(toUnixTimestamp64Milli(occurred_at), event_type = 'contact.abandoned') AS abandoned,
    maxIf(toUnixTimestamp64Milli(occurred_at), event_type = 'contact.callback_requested') AS callback,
    queued > 0 AS has_wait,
    second_queued > 0 AS has_second,
    answered = 0 AND abandoned > 0 AS gave_up,
    if(answered > 0, [1], []) AS wait_kept,
    multiIf(callback > 0, callback, answered > 0, answered, abandoned) - queued AS waited,
    if(second_answered > 0, second_answered, abandoned) - second_queued AS second_waited,
    countIf(event_type = 'contact.transferred') AS handed_on,
    maxIf(toUnixTimestamp64Milli(occurred_at), endsWith(event_type, '.resolved')) AS resolved,
    countIf(event_type = 'contact.reopened') AS reopened,
    anyIf(e.demand_type, event_type = 'contact.opened') AS demand,
    anyIf(e.kind, event_type = 'complaint.opened') AS kind,
    anyIf(JSONExtractFloat(payload, 'talk_seconds'), event_type = 'contact.resolved') AS talk,
    anyIf(JSONExtractInt(payload, 'resolved_level'), event_type = 'contact.resolved') AS level,
    anyIf(JSONExtractString(payload, 'outcome'), event_type = 'complaint.resolved') AS outcome,
    anyIf(JSONExtractString(payload, 'kind'), event_type = 'survey.answered') AS survey,
    anyIf(JSONExtractInt(payload, 'score'), event_type = 'survey.answered') AS score,
    minIf(toUnixTimestamp64Milli(occurred_at), event_type = 'contact.agent_replied') AS replied,
    if(answered > 0, answered, replied) AS responded
FROM {database}.v_events AS e
WHERE event_type != 'customer.erased'
    AND (topic, source, entity_id) NOT IN (SELECT topic, source, entity_id FROM {database}.v_cases WHERE erased = 1)
GROUP BY topic, source, entity_id
"""

_ROWS: Final = ", ".join(
    f"('{kpi}', toBool({of}), toFloat64({above}), toInt64({below}))" for kpi, of, above, below in _SHARES
)

SHARES: Final = f"""
SELECT area, one.1 AS kpi, sum(one.3) AS above, sum(one.4) AS below
FROM ({_CASES}) ARRAY JOIN [{_ROWS}] AS one
WHERE one.2
GROUP BY area, kpi
"""
"""Area, KPI, what is above its line and below."""

DURATIONS: Final = f"""
SELECT area, one.1 AS kpi, arraySort(groupArray(one.3)) AS durations
FROM ({_CASES}) ARRAY JOIN
[
    ('wait_time', toBool(has_wait AND answered > 0), toInt64(waited)),
    ('wait_time', toBool(has_second AND second_answered > 0), toInt64(second_waited)),
    ('first_response_time', toBool(is_contact AND responded > 0), toInt64(responded - opened)),
    ('resolution_time', toBool(resolved > 0), toInt64(resolved - opened))
] AS one
WHERE one.2
GROUP BY area, kpi
"""
"""Area, KPI, its durations in milliseconds, in order."""
