"""1: what happens on the floor now. It asks Prometheus alone, so it goes on when the database does not."""

from typing import Final

from deploy.grafana.frame import Board
from deploy.grafana.panels import NONE_IS_GOOD, SOME_IS_A_WARNING, lines, number, ranking
from deploy.grafana.queries import PROMETHEUS, named, promql, promql_now

_FLOOR: Final = 'area=~"$area", channel=~"$channel"'
_BY_CHANNEL: Final = 'channel=~"$channel", clock="elapsed"'
_SERVICE_LEVEL: Final = 'feedback_rolling_service_level_ratio{window="1h", area=~"$area"}'
_ATTAINMENT: Final = 'feedback_rolling_attainment_ratio{window="1h", area=~"$area"}'
_ATTAINMENT_OF: Final = 'feedback_rolling_attainment_decided{window="1h", area=~"$area"}'
_DECIDED: Final = 'feedback_rolling_service_level_decided{window="1h", area=~"$area"}'

_NOW: Final = (
    number(
        "Waiting now", "short", promql('sum(feedback_queue_length{area=~"$area"})'),
        "Customers who wait for a person. They are in no ratio until their wait ends.", steps=SOME_IS_A_WARNING,
    ),
    number(
        "Longest wait", "s", promql('max(feedback_queue_longest_wait_seconds{area=~"$area"})'),
        "For how long the one who has waited longest has; 0 when nobody waits.",
        steps=((None, "green"), (60, "orange"), (180, "red")),
    ),
    number(
        "Overdue", "short", promql('sum(feedback_sla_overdue{area=~"$area"})'),
        "Promises whose deadline has passed and that nobody has kept yet.", steps=NONE_IS_GOOD,
    ),
    number(
        "At risk", "short", promql('sum(feedback_sla_at_risk{area=~"$area"})'),
        "Promises that run and have passed a warning: these can still be kept.", steps=SOME_IS_A_WARNING,
    ),
    number(
        "Answered in target, last hour", "percentunit",
        promql(
            f"sum({_SERVICE_LEVEL} * ({_DECIDED} > 0)) / sum({_DECIDED} > 0)"
        ),
        "Waits that ended within the answer target over waits that are decided, of those that began in the last hour.",
        steps=((None, "red"), (0.8, "orange"), (0.9, "green")), decimals=0,
    ),
    number(
        "Critical incidents", "short",
        promql('sum(feedback_incidents_open{severity="critical", area=~"$area"})'),
        "Open incidents of failure patterns that somebody should act on at once.", steps=NONE_IS_GOOD,
    ),
)  # fmt: skip

_CONTACTS: Final = (
    lines(
        "Offered, answered, abandoned", "cpm",
        [
            promql(
                f'60 * sum(rate(feedback_contacts_total{{event_type="contact.{verb}", {_FLOOR}}}[$__rate_interval]))',
                name, ref=ref,
            )
            for ref, verb, name in (("A", "queued", "offered"), ("B", "answered", "answered"),
                                    ("C", "abandoned", "abandoned"))
        ],
        "Contacts a minute: put into a queue, answered by a person, given up by the customer.",
    ),
    lines(
        "Opened by channel", "cpm",
        promql(
            "60 * sum by (channel)"
            f' (rate(feedback_contacts_total{{event_type="contact.opened", {_FLOOR}}}[$__rate_interval]))',
            "{{channel}}",
        ),
        "Contacts opened a minute, by the channel that they came on.", stacked=True,
    ),
    lines(
        "Abandoned", "percentunit",
        promql(
            f'sum(increase(feedback_contacts_total{{event_type="contact.abandoned", {_FLOOR}}}[15m]))'
            f' / (sum(increase(feedback_contacts_total{{event_type="contact.queued", {_FLOOR}}}[15m])) > 0)',
            "abandoned",
        ),
        "Given up over put into a queue in the fifteen minutes before, each counted when it happened. The KPI, which"
        " books both in the minute of the queueing, is on the executive page.",
        least=0, steps=((None, "green"), (0.1, "red")),
    ),
)  # fmt: skip

_WAITS: Final = (
    lines(
        "Wait until answered", "s",
        [
            promql(
                f"histogram_quantile({quantile}, sum by (le)"
                f" (rate(feedback_wait_seconds_bucket{{{_BY_CHANNEL}}}[$__rate_interval])))",
                f"p{round(100 * quantile)}", ref=ref,
            )
            for ref, quantile in (("A", 0.5), ("B", 0.9))
        ],
        "Of those whom a person answered: half waited less than p50, nine of ten less than p90. All areas.", least=0,
    ),
    lines(
        "Answered within", "percentunit",
        [
            promql(
                f'sum(rate(feedback_wait_seconds_bucket{{le="{seconds}.0", {_BY_CHANNEL}}}[15m]))'
                f' / (sum(rate(feedback_wait_seconds_bucket{{le="+Inf", {_BY_CHANNEL}}}[15m])) > 0)',
                f"{seconds} s", ref=ref,
            )
            for ref, seconds in (("A", 20), ("B", 60), ("C", 180))
        ],
        "Share of those whom a person answered, in the fifteen minutes before, by how long they waited. All areas.",
        least=0, most=1,
    ),
    lines(
        "First response", "s",
        [
            promql(
                f"histogram_quantile({quantile}, sum by (le)"
                f" (rate(feedback_first_response_seconds_bucket{{{_BY_CHANNEL}}}[1h])))",
                f"p{round(100 * quantile)}", ref=ref,
            )
            for ref, quantile in (("A", 0.5), ("B", 0.9))
        ],
        "From opened to the first reply of a person, elapsed time, in the hour before. All areas.", least=0,
    ),
)  # fmt: skip

_QUEUES: Final = (
    ranking(
        "Waiting by queue", "short",
        promql_now(named('sum by (queue) (feedback_queue_length{area=~"$area"})', "queue"), "{{queue}}"),
        "Customers who wait for a person now, by the queue that they are in.",
    ),
    lines(
        "Backlog by priority", "short",
        promql('sum by (priority) (feedback_backlog_cases{area=~"$area"})', "{{priority}}"),
        "Contacts and complaints that are not over, by priority.", stacked=True,
    ),
    ranking(
        "Longest wait by queue", "s",
        promql_now(
            named('max by (queue) (feedback_queue_longest_wait_seconds{area=~"$area"})', "queue"), "{{queue}}"
        ),
        "For how long the one who has waited longest in it has; 0 when nobody waits.",
        steps=((None, "green"), (60, "orange"), (180, "red")),
    ),
    ranking(
        "Oldest case by priority", "s",
        promql_now('max by (priority) (feedback_oldest_case_age_seconds{area=~"$area"})', "{{priority}}"),
        "Since the oldest case that is not over was opened.",
    ),
    ranking(
        "Promises kept, last hour, by area", "percentunit",
        promql_now(
            named(
                f"sum by (area) ({_ATTAINMENT} * ({_ATTAINMENT_OF} > 0)) / sum by (area) ({_ATTAINMENT_OF} > 0)", "area"
            ),
            "{{area}}",
        ),
        "Promises kept over decided, of all kinds, by the time when they were due.",
        steps=((None, "red"), (0.8, "orange"), (0.9, "green")), most=1,
    ),
    ranking(
        "Backlog by area", "short",
        promql_now(
            named('topk(10, sum by (area) (feedback_backlog_cases{area=~"$area"}))', "area"), "{{area}}"
        ),
        "The ten areas with most contacts and complaints that are not over.",
    ),
)  # fmt: skip

BOARD: Final = Board(
    uid="live",
    title="1 Live floor",
    says="Who waits, what comes in, what is late: now. From Prometheus alone.",
    rows={"Now": _NOW, "Contacts": _CONTACTS, "Waits": _WAITS, "Queues and backlog": _QUEUES},
    narrowed_by=("area", "channel"),
    values_from=PROMETHEUS,
    since="now-1h",
    refresh="5s",
)
