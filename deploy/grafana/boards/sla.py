"""2: which promises are kept, which are about to be broken, and how many breaches the target still allows."""

from typing import Final

from deploy.grafana.frame import Board
from deploy.grafana.panels import NONE_IS_GOOD, SOME_IS_A_WARNING, lines, listing, number, ranking
from deploy.grafana.queries import chosen, kpi_ranking, kpi_series, promql, promql_now, rows, series

_AREA: Final = 'area=~"$area"'
_BREACHED: Final = (
    'sum by (policy, metric) (increase(feedback_sla_outcomes_total{outcome="breached"}[$__range]))'
    " - sum by (policy, metric) (increase(feedback_sla_withdrawn_total[$__range]))"
)
_DECIDED: Final = (
    "(sum by (policy, metric) (increase(feedback_sla_outcomes_total[$__range]))"
    " - sum by (policy, metric) (increase(feedback_sla_withdrawn_total[$__range])))"
)
_TARGET: Final = "max by (policy, metric) (feedback_sla_target_ratio)"
_CLOCK: Final = "{{policy}} {{metric}}"

_NOW: Final = (
    number("On track", "short", promql(f"sum(feedback_sla_on_track{{{_AREA}}})"),
           "Promises that run, with no warning passed."),
    number("At risk", "short", promql(f"sum(feedback_sla_at_risk{{{_AREA}}})"),
           "Promises that run and have passed a warning.", steps=SOME_IS_A_WARNING),
    number("Overdue", "short", promql(f"sum(feedback_sla_overdue{{{_AREA}}})"),
           "Promises whose deadline has passed and that nobody has kept yet.", steps=NONE_IS_GOOD),
    number("Paused", "short", promql(f"sum(feedback_sla_paused{{{_AREA}}})"),
           "Promises that wait for the customer or a third party: time does not count."),
    number(
        "Kept, whole range", "percentunit",
        promql(
            '1 - (sum(increase(feedback_sla_outcomes_total{outcome="breached"}[$__range]))'
            " - sum(increase(feedback_sla_withdrawn_total[$__range])))"
            " / ((sum(increase(feedback_sla_outcomes_total[$__range]))"
            " - sum(increase(feedback_sla_withdrawn_total[$__range]))) > 0)"
        ),
        "Kept over decided, of all areas, as it was heard live: breaches that proved wrong are taken back.",
        decimals=1,
    ),
    number(
        "Told too late", "short",
        promql(f'sum(feedback_imported_sla_clocks{{state="overdue", {_AREA}}}) or vector(0)'),
        "Overdue promises that we heard of when it was too late to call anybody: an import, a repair. In none of the"
        " numbers beside.",
    ),
)  # fmt: skip

_BUDGET: Final = (
    ranking(
        "Breaches that the target still allows", "short",
        promql_now(f"(1 - {_TARGET}) * {_DECIDED} - ({_BREACHED})", _CLOCK),
        "Over the whole range: what the target allows of what was decided, less what was broken. Below 0 the target is"
        " missed. Promises with a target alone; of all areas.",
        steps=((None, "red"), (0, "green")), width=12,
    ),
    lines(
        "Broken by kind of promise", "cpm",
        promql(
            'sum by (metric) (60 * rate(feedback_sla_outcomes_total{outcome="breached"}[$__rate_interval]))',
            "{{metric}}",
        ),
        "Promises broken a minute, when their deadline passed. Of all areas.", stacked=True, width=12,
    ),
)  # fmt: skip

_ATTAINMENT: Final = (
    lines(
        "Kept, 24 h, by kind of promise", "percentunit",
        series(
            """
            SELECT window_end AS time, replaceOne(kpi, '_attainment', '') AS metric, value
            FROM v_kpi_24h
            WHERE $__timeFilter(window_end) AND endsWith(kpi, '_attainment') AND dimension = 'all' AND n >= 5
            ORDER BY time, metric
            """
        ),
        "Kept over decided, by the time when it was due, from five on. A point an hour, each of the day before it.",
        by="metric", most=1,
    ),
    lines(
        "Resolved in time, by area", "percentunit", kpi_series("v_kpi_24h", "resolve_attainment", by="area"),
        "Promises to resolve kept over decided, by the time when they were due, of the day before each point.",
        by="area", most=1,
    ),
    ranking(
        "Resolved in time, by team", "percentunit",
        kpi_ranking("v_kpi_24h", "resolve_attainment", "team", worst="least"),
        "The last day of the range, the worst team first. Beside fewer than thirty cases it says little: see n in the"
        " table of the query.",
        steps=((None, "red"), (0.8, "orange"), (0.9, "green")), most=1,
    ),
)  # fmt: skip

_LISTS: Final = (
    listing(
        "Due next", rows(
            f"""
            SELECT
                dateDiff('second', now64(3), due_at) AS "due in",
                metric, priority, state, area, team, topic, source, entity_id AS "case", target
            FROM v_sla
            WHERE open AND state = 'running' AND due_at >= now64(3) AND inherited = 0 AND erased = 0
                AND {chosen("area", "area")} AND {chosen("channel", "channel")} AND {chosen("team", "team")}
            ORDER BY due_at
            LIMIT 50
            """
        ),
        "The next fifty deadlines. Click on a case to see why it reads so.", units={"due in": "s"},
        coloured={"due in": ((None, "red"), (900, "orange"), (3600, "green"))}, width=12,
    ),
    listing(
        "Longest overdue", rows(
            f"""
            SELECT
                intDiv(overdue_elapsed_ms, 1000) AS "over by",
                metric, priority, legal, area, team, topic, source, entity_id AS "case", target
            FROM v_sla
            WHERE state = 'breached_open' AND inherited = 0 AND erased = 0
                AND {chosen("area", "area")} AND {chosen("channel", "channel")} AND {chosen("team", "team")}
            ORDER BY overdue_elapsed_ms DESC
            LIMIT 50
            """
        ),
        "Promises that are broken and not kept yet, the longest first, elapsed time. `legal` is 1 for a deadline of the"
        " law.", units={"over by": "s"}, coloured={"over by": ((None, "red"),)}, width=12,
    ),
)  # fmt: skip

_LATE: Final = (
    lines(
        "How late what was late is", "s",
        series(
            """
            SELECT window_end AS time, replaceOne(kpi, 'overdue_time_', '') AS quantile, value
            FROM v_kpi_24h
            WHERE $__timeFilter(window_end) AND kpi IN ('overdue_time_p50', 'overdue_time_p90') AND dimension = 'all'
            ORDER BY time, quantile
            """
        ),
        "Between deadline and end of what was done late, elapsed time, of the day before each point.", by="quantile",
        least=0,
    ),
    listing(
        "Overdue by team", rows(
            f"""
            SELECT
                if(team = '', 'none', team) AS team,
                count() AS overdue,
                countIf(legal) AS legal,
                intDiv(max(overdue_elapsed_ms), 1000) AS "longest over by"
            FROM v_sla
            WHERE state = 'breached_open' AND inherited = 0 AND erased = 0
                AND {chosen("area", "area")} AND {chosen("channel", "channel")} AND {chosen("team", "team")}
            GROUP BY team
            ORDER BY overdue DESC
            LIMIT 20
            """
        ),
        "Who holds the promises that are broken and not kept yet.",
        units={"overdue": "short", "legal": "short", "longest over by": "s"}, width=8,
    ),
    lines(
        "Breaches taken back", "short",
        [
            promql("sum(increase(feedback_sla_withdrawn_total[1h]))", "taken back", ref="A"),
            promql('sum(increase(feedback_sla_outcomes_total{outcome="breached"}[1h]))', "broken", ref="B"),
        ],
        "Of the hour before each point. A breach is taken back when what kept the promise is told late: many of them"
        " mean a source that is behind.", least=0,
    ),
)  # fmt: skip

BOARD: Final = Board(
    uid="sla",
    title="2 SLA and budget",
    says="Promises kept and broken, what is due next, and how many breaches the target still allows.",
    rows={
        "Now": _NOW,
        "Budget": _BUDGET,
        "Attainment": _ATTAINMENT,
        "What to do next": _LISTS,
        "How late": _LATE,
    },
    narrowed_by=("area", "channel", "team"),
    refresh="30s",
)
