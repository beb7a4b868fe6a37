"""5: which ingredient of the service fails, at which stage from order to collection, and where its cause lies."""

from typing import Final

from deploy.grafana.frame import Board
from deploy.grafana.panels import lines, listing, number, ranking
from deploy.grafana.queries import chosen, kpi_interval, kpi_ranking, kpi_series, rows, series

_CASES: Final = (
    "FROM v_cases\n            WHERE $__timeFilter(opened_at) AND test = 0"
    f" AND {chosen('area', 'area')} AND {chosen('channel', 'channel')} AND {chosen('team', 'team')}"
)
_COMPLAINTS: Final = f"{_CASES}\n                AND topic = 'complaint-events' AND kind != 'praise'"

_NOW: Final = (
    number("Failure demand, 24 h", "percentunit", kpi_series("v_kpi_24h", "failure_demand", title="failure demand"),
           "Contacts caused by a failure of ours over contacts of known demand type.", width=6, decimals=1),
    number("Upheld, 24 h", "percentunit", kpi_series("v_kpi_24h", "upheld_rate", title="upheld"),
           "Complaints upheld or partly upheld over decided.", width=6, decimals=1),
    number("Reopened, 24 h", "percentunit", kpi_series("v_kpi_24h", "reopen_rate", title="reopened"),
           "Contacts resolved, and reopened within fourteen days, over contacts resolved.", width=6, decimals=1),
    number("Cause known", "percentunit",
           rows(
               f"""
            SELECT countIf(element != '') / count() AS known
            {_COMPLAINTS}
            HAVING count() > 0
            """
           ),
           "Complaints of the range whose ingredient is named over all of them.", width=6, decimals=1, trend=False),
)  # fmt: skip

_INGREDIENTS: Final = (
    ranking("Complaints by ingredient", "short",
            rows(
                f"""
            SELECT if(element = '', 'not named', element) AS ingredient, count() AS complaints
            {_COMPLAINTS}
            GROUP BY ingredient
            ORDER BY complaints DESC
            """
            ),
            "Complaints of the range by the ingredient that failed: one that fails spoils the cake."),
    lines("Complaints by ingredient, over time", "short",
          series(
              f"""
            SELECT $__timeInterval(opened_at) AS time, if(element = '', 'not named', element) AS ingredient,
                count() AS complaints
            {_COMPLAINTS}
            GROUP BY time, ingredient
            ORDER BY time, ingredient
            """
          ),
          "A bar an interval of the chart.", by="ingredient", stacked=True),
    listing("How complaints end, by ingredient", rows(
                f"""
            SELECT if(element = '', 'not named', element) AS ingredient, count() AS complaints,
                countIf(resolution != '') AS decided,
                if(decided = 0, NULL, countIf(resolution IN ('upheld', 'partly_upheld')) / decided) AS upheld
            {_COMPLAINTS}
            GROUP BY ingredient
            ORDER BY upheld DESC NULLS LAST
            """
            ),
            "Complaints of the range, those of them that are decided, and the share upheld or partly upheld: where"
            " customers are right most often.",
            units={"complaints": "short", "decided": "short", "upheld": "percentunit"}, width=8),
)  # fmt: skip

_ORDER_TO_CASH: Final = (
    ranking("Contacts and complaints by stage", "short",
            rows(
                f"""
            SELECT otc_stage AS stage, count() AS cases
            {_CASES}
                AND otc_stage NOT IN ('', 'none')
            GROUP BY stage
            ORDER BY cases DESC
            """
            ),
            "Of the range, by the stage from order to collection that they are about."),
    ranking("Failure demand by stage", "percentunit",
            kpi_ranking("v_kpi_24h", "failure_demand", "otc_stage", worst="most"),
            "Contacts caused by a failure of ours over contacts of known demand type, the last day of the range.",
            most=1),
    listing("Product and stage", rows(
                f"""
            SELECT product, otc_stage AS stage, count() AS cases, countIf(demand_type = 'failure') AS failures,
                failures / cases AS share
            {_CASES}
                AND product != '' AND otc_stage NOT IN ('', 'none')
            GROUP BY product, stage
            ORDER BY failures DESC
            LIMIT 15
            """
            ),
            "Where what we sell brings customers back because something failed.",
            units={"cases": "short", "failures": "short", "share": "percentunit"}, width=8),
)  # fmt: skip

_CAUSES: Final = (
    ranking("Failure demand by area of the cause", "percentunit",
            kpi_ranking("v_kpi_24h", "failure_demand", "origin_area", worst="most"),
            "By the area where the cause lies, not by the team that handles it: the last day of the range.", most=1),
    lines("Failure demand with its interval", "percentunit",
          kpi_interval("v_kpi_24h", "failure_demand", "failure demand"),
          "Of the day before each point. The band is where it lies with 95 % (Wilson).", least=0, most=1),
    listing("From cause to desk", rows(
                f"""
            SELECT origin_area AS "cause in", if(area = '', 'none', area) AS "handled in", count() AS cases,
                uniqExact(customer_id) AS customers
            {_CASES}
                AND origin_area != '' AND demand_type = 'failure'
            GROUP BY origin_area, area
            ORDER BY cases DESC
            LIMIT 15
            """
            ),
            "Contacts and complaints caused by a failure of ours: where the cause lies, and who hears of it.",
            units={"cases": "short", "customers": "short"}, width=8),
)  # fmt: skip

BOARD: Final = Board(
    uid="ingredients",
    title="5 Ingredients and order-to-cash",
    says="Which ingredient fails, at which stage from order to collection, and where the cause lies.",
    rows={"Now": _NOW, "Ingredients": _INGREDIENTS, "Order to cash": _ORDER_TO_CASH, "Causes": _CAUSES},
    narrowed_by=("area", "channel", "team"),
    since="now-7d",
    refresh="5m",
)
