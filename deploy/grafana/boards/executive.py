"""7: a week on one page, for who decides where to act and reads no other."""

from typing import Final

from deploy.grafana.frame import Board
from deploy.grafana.panels import NONE_IS_GOOD, Steps, lines, listing, number
from deploy.grafana.queries import chosen, kpi_interval, kpi_series, rows, series

_RATIO: Final[Steps] = ((None, "red"), (0.8, "orange"), (0.9, "green"))
_WEEK: Final = "v_kpi_7d"

_NUMBERS: Final = (
    number("Answered in target", "percentunit", kpi_series(_WEEK, "service_level", title="answered in target"),
           "Waits that ended within the answer target over waits with such a target, of seven days.", steps=_RATIO,
           decimals=1, width=3),
    number("Resolved in time", "percentunit", kpi_series(_WEEK, "resolve_attainment", title="resolved in time"),
           "Promises to resolve that were kept over those that fell due, of seven days.", steps=_RATIO, decimals=1,
           width=3),
    number("Abandoned", "percentunit", kpi_series(_WEEK, "abandonment", title="abandoned"),
           "Contacts given up in their first wait over contacts offered, of seven days.",
           steps=((None, "green"), (0.05, "orange"), (0.1, "red")), decimals=1, width=3),
    number("CSAT", "percentunit", kpi_series(_WEEK, "csat", title="CSAT"),
           "Answers in the top boxes over CSAT answers, of seven days.", decimals=1, width=3),
    number("NPS", "none", kpi_series(_WEEK, "nps", title="NPS"),
           "100 x (promoters - detractors) / answers, of seven days.", decimals=0, width=3),
    number("Complaints per 1,000", "none", kpi_series(_WEEK, "complaint_rate", title="complaints"),
           "Complaints and claims for each thousand contacts, of seven days.", decimals=0, width=3),
    number("Failure demand", "percentunit", kpi_series(_WEEK, "failure_demand", title="failure demand"),
           "Contacts caused by a failure of ours over contacts of known demand type, of seven days.", decimals=1,
           width=3),
    number("Nobody's incidents", "short",
           rows("SELECT countIf(owner = '') AS unowned FROM v_incidents"
                f" WHERE state = 'open' AND {chosen('area', 'area')}"),
           "Open incidents without an owner, now.", steps=NONE_IS_GOOD, width=3, trend=False),
)  # fmt: skip

_COURSE: Final = (
    lines("Promises kept", "percentunit",
          series(
              f"""
              SELECT window_end AS time, replaceOne(kpi, '_attainment', '') AS metric, value
              FROM {_WEEK}
              WHERE $__timeFilter(window_end) AND dimension = 'all'
                  AND kpi IN ('answer_attainment', 'first_response_attainment', 'resolve_attainment')
              ORDER BY time, metric
              """
          ),
          "Kept over decided, of the seven days before each point.", by="metric", most=1, height=7),
    lines("CSAT over time", "percentunit", kpi_interval(_WEEK, "csat", "CSAT"),
          "Of the seven days before each point; the band is where it lies with 95 %.", least=0, most=1, height=7),
    lines("NPS over time", "none", kpi_interval(_WEEK, "nps", "NPS"),
          "Of the seven days before each point; the band is where it lies with 95 %.", least=-100, most=100, height=7),
)  # fmt: skip

_AREAS: Final = (
    listing(
        "By area, last seven days of the range", rows(
            f"""
            SELECT
                if(dimension_value = '', 'none', dimension_value) AS area,
                anyIf(value, kpi = 'service_level') AS "answered in target",
                anyIf(value, kpi = 'resolve_attainment') AS "resolved in time",
                anyIf(value, kpi = 'resolution_time_p50') AS "resolved within",
                anyIf(value, kpi = 'csat') AS csat,
                anyIf(n, kpi = 'csat') AS answers,
                anyIf(value, kpi = 'complaint_rate') AS "complaints per 1,000",
                anyIf(value, kpi = 'failure_demand') AS "failure demand"
            FROM
            (
                SELECT dimension_value, kpi, value, n
                FROM {_WEEK}
                WHERE $__timeFilter(window_end) AND dimension = 'area' AND {chosen("dimension_value", "area")}
                QUALIFY window_end = max(window_end) OVER ()
            )
            GROUP BY area
            ORDER BY "resolved in time" ASC NULLS LAST
            LIMIT 20
            """
        ),
        "The area that keeps fewest of its promises to resolve first. Empty: nothing of the kind happened there.",
        units={"answered in target": "percentunit", "resolved in time": "percentunit", "resolved within": "s",
               "csat": "percentunit", "answers": "short", "complaints per 1,000": "none",
               "failure demand": "percentunit"},
        coloured={"answered in target": _RATIO, "resolved in time": _RATIO}, width=14,
    ),
    listing(
        "What to ask about", rows(
            f"""
            SELECT pattern, area, count() AS incidents, countIf(state = 'open') AS open,
                countIf(state = 'open' AND owner = '') AS "nobody's"
            FROM v_incidents
            WHERE $__timeFilter(opened_at) AND severity = 'critical' AND {chosen("area", "area")}
            GROUP BY pattern, area
            ORDER BY open DESC, incidents DESC
            LIMIT 12
            """
        ),
        "Critical incidents of the range by failure pattern and area, those that are still open first.",
        units={"incidents": "short", "open": "short", "nobody's": "short"}, width=10,
    ),
)  # fmt: skip

BOARD: Final = Board(
    uid="executive",
    title="7 Executive",
    says="A week on one page.",
    rows={"This week": _NUMBERS, "Course": _COURSE, "Where to act": _AREAS},
    narrowed_by=("area",),
    since="now-30d",
    refresh="15m",
)
