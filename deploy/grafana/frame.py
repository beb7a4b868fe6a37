"""What every dashboard has around its panels: variables, annotations of incidents, and the ways to elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardCursorSync,
    DashboardLink,
    DashboardLinkType,
    DataSourceRef,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from deploy.grafana.panels import Panel
from deploy.grafana.queries import CLICKHOUSE, CLICKHOUSE_TYPE, PROMETHEUS_TYPE, Dimension, Sql, chosen, rows

ADDRESSES: Final[Mapping[str, str]] = {"board": "http://127.0.0.1:6068", "runbook": "/public/oidor/runbook.txt"}
"""Where the links lead, as a browser sees it: `python -m deploy.grafana --board URL --runbook URL` writes others."""
TAG: Final = "oidor"

_VALUES: Final[Mapping[str, Mapping[Dimension, str]]] = {
    PROMETHEUS_TYPE: {
        "area": "label_values(feedback_contacts_total, area)",
        "channel": "label_values(feedback_contacts_total, channel)",
    },
    CLICKHOUSE_TYPE: {
        dimension: f"SELECT DISTINCT {dimension} FROM v_cases WHERE {dimension} != '' ORDER BY {dimension}"
        for dimension in ("area", "channel", "team")
    },
}
"""Where the values of a variable come from, by the kind of its data source."""


@dataclass(frozen=True)
class Board:
    """One dashboard: rows of panels under a heading, and what it can be narrowed down to."""

    uid: str
    title: str
    says: str
    rows: Mapping[str, Sequence[Panel]]
    narrowed_by: Sequence[Dimension] = ()
    values_from: DataSourceRef = field(default_factory=lambda: CLICKHOUSE)
    """Which data source lists the values: a board of the live state must do without the database."""
    since: str = "now-24h"
    refresh: str = "1m"


def built(board: Board, addresses: Mapping[str, str] = ADDRESSES) -> Dashboard:
    """The dashboard as Grafana takes it; panels are numbered in their order."""
    whole = (
        dashboard.Dashboard(f"Oidor: {board.title}")
        .uid(f"oidor-{board.uid}")
        .description(board.says)
        .tags([TAG])
        .timezone("browser")
        .time(board.since, "now")
        .refresh(board.refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .variables(_variables(board, addresses))
        .links(_links())
    )
    for heading, panels in board.rows.items():
        whole = whole.with_row(dashboard.Row(heading))
        for panel in panels:
            whole = whole.with_panel(panel)
    ready = whole.build()
    for number, panel_or_row in enumerate(ready.panels or (), 1):
        panel_or_row.id_val = number
    ready.annotations.list_val = [_Marks("Critical incidents", _incidents(board))]
    return ready


class _Marks(AnnotationQuery):
    """Marks on every chart by a query of ClickHouse, which the SDK has no model of."""

    def __init__(self, name: str, query: Sql) -> None:
        super().__init__(name, CLICKHOUSE, icon_color="red")
        self._query = query

    def to_json(self) -> dict[str, object]:
        return super().to_json() | {"target": self._query}


def _incidents(board: Board) -> Sql:
    narrowed = f"\n            AND {chosen('area', 'area')}" if "area" in board.narrowed_by else ""
    return rows(
        f"""
        SELECT opened_at AS time, closed_at AS timeEnd, summary AS text, concat(pattern, ',', area) AS tags
        FROM v_incidents
        WHERE $__timeFilter(opened_at) AND severity = 'critical'{narrowed}
        ORDER BY time
        LIMIT 200
        """
    )


def _variables(board: Board, addresses: Mapping[str, str]) -> list[Builder[VariableModel]]:
    sources = [
        dashboard.DatasourceVariable(name).label(label).type(kind)
        for name, label, kind in (
            ("prometheus", "Prometheus", PROMETHEUS_TYPE),
            ("clickhouse", "ClickHouse", CLICKHOUSE_TYPE),
        )
    ]
    constants = [dashboard.ConstantVariable(name).value(url) for name, url in addresses.items()]
    return [*sources, *(_chooser(one, board.values_from) for one in board.narrowed_by), *constants]


def _chooser(dimension: Dimension, source: DataSourceRef) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(dimension)
        .label(dimension.capitalize())
        .datasource(source)
        .query(_VALUES[source.type_val or ""][dimension])
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(True, "All", "$__all"))
    )


def _links() -> list[Builder[DashboardLink]]:
    others = dashboard.DashboardLink("Oidor").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    return [
        others.keep_time(True).include_vars(True),
        dashboard.DashboardLink("Live board").type(DashboardLinkType.LINK).url("${board}").target_blank(True),
        dashboard.DashboardLink("Runbook").type(DashboardLinkType.LINK).url("${runbook}").target_blank(True),
    ]
