"""What panels ask: PromQL of Prometheus, SQL of ClickHouse, and the values of variables in both."""

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

PROMETHEUS_TYPE: Final = "prometheus"
CLICKHOUSE_TYPE: Final = "grafana-clickhouse-datasource"
PROMETHEUS: Final = DataSourceRef(PROMETHEUS_TYPE, "${prometheus}")
CLICKHOUSE: Final = DataSourceRef(CLICKHOUSE_TYPE, "${clickhouse}")
PLUGIN_VERSION: Final = "4.0.0"
"""The least release of the ClickHouse plugin that reads the model of `Sql`."""

Dimension = Literal["area", "channel", "team"]
"""What a dashboard may be narrowed down to: a variable of that name."""


@dataclass(frozen=True)
class Sql(Dataquery, Builder[Dataquery]):
    """One query of the ClickHouse plugin, which the SDK has no model of. Views stand without their database."""

    text: str
    over_time: bool
    """Whether it answers with series, by its column `time`, or with a table."""
    ref_id: str = "A"

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, Any]:
        return {
            "datasource": CLICKHOUSE,
            "editorType": "sql",
            "format": 0 if self.over_time else 1,
            "pluginVersion": PLUGIN_VERSION,
            "queryType": "timeseries" if self.over_time else "table",
            "rawSql": self.text,
            "refId": self.ref_id,
        }


Query = prometheus.Dataquery | Sql


def promql(expr: str, legend: str = "__auto", *, ref: str = "A") -> prometheus.Dataquery:
    """A query over the range of the dashboard; `legend` names a series, `{{label}}` in it a label."""
    return _promql(expr, ref).range().legend_format(legend)


def promql_now(expr: str, legend: str = "__auto", *, ref: str = "A") -> prometheus.Dataquery:
    """A query at the end of the range alone."""
    return _promql(expr, ref).instant().legend_format(legend)


def named(expr: str, label: str) -> str:
    """The same expression, but what has no value of a label is called `none`."""
    return f'label_replace({expr}, "{label}", "none", "{label}", "")'


def _promql(expr: str, ref: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expr).ref_id(ref).datasource(PROMETHEUS)


def series(text: str, *, ref: str = "A") -> Sql:
    """SQL with a column `time`, a value, and perhaps a column of text that tells series apart."""
    return Sql(_trimmed(text), over_time=True, ref_id=ref)


def rows(text: str, *, ref: str = "A") -> Sql:
    """SQL whose rows are shown as they are."""
    return Sql(_trimmed(text), over_time=False, ref_id=ref)


def chosen(column: str, by: str) -> str:
    """The condition that a column has a value chosen in the variable; holds for everything when all are."""
    return f"$__conditionalAll({column} IN (${{{by}:singlequote}}), ${by})"


def kpi_series(view: str, kpi: str, *, by: Dimension | None = None, title: str = "", ref: str = "A") -> Sql:
    """How a KPI went, a point a window: of everything, called `title`, or of each value of a dimension.

    Windows with fewer than five cases of one value are left out: they would say next to nothing.
    """
    if by is None:
        return series(
            f"""
            SELECT window_end AS time, value AS "{title or kpi}"
            FROM {view}
            WHERE $__timeFilter(window_end) AND kpi = '{kpi}' AND dimension = 'all'
            ORDER BY time
            """,
            ref=ref,
        )
    return series(
        f"""
        SELECT window_end AS time, if(dimension_value = '', 'none', dimension_value) AS {by}, value
        FROM {view}
        WHERE $__timeFilter(window_end) AND kpi = '{kpi}' AND dimension = '{by}' AND n >= 5
            AND {chosen("dimension_value", by)}
        ORDER BY time, {by}
        """,
        ref=ref,
    )


def kpi_interval(view: str, kpi: str, title: str) -> Sql:
    """How a KPI went with its 95 % interval, which it has from five cases on."""
    return series(
        f"""
        SELECT window_end AS time, value AS "{title}", low AS "lower 95 %", high AS "upper 95 %"
        FROM {view}
        WHERE $__timeFilter(window_end) AND kpi = '{kpi}' AND dimension = 'all'
        ORDER BY time
        """
    )


def kpi_ranking(view: str, kpi: str, by: str, *, worst: Literal["least", "most"]) -> Sql:
    """The last window of the range by one dimension, the worst first, with its interval and the cases behind it."""
    narrowed = f"\n            AND {chosen('dimension_value', by)}" if by in get_args(Dimension) else ""
    return rows(
        f"""
        SELECT if(dimension_value = '', 'none', dimension_value) AS {by}, value, low, high, n
        FROM {view}
        WHERE $__timeFilter(window_end) AND kpi = '{kpi}' AND dimension = '{by}' AND n > 0{narrowed}
        QUALIFY window_end = max(window_end) OVER ()
        ORDER BY value {"ASC" if worst == "least" else "DESC"}, n DESC
        LIMIT 15
        """
    )


def _trimmed(text: str) -> str:
    lines = text.strip("\n").rstrip().split("\n")
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[margin:] for line in lines)
