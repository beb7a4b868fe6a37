"""The kinds of panel that our dashboards are made of. Each says what it shows, in which unit, and how to read it."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, table, timeseries
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TableCellHeight,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from deploy.grafana.queries import CLICKHOUSE, PROMETHEUS, Query, Sql

Unit = Literal["short", "percentunit", "s", "cpm", "bytes", "Bps", "none", "bool_yes_no", "dateTimeAsIso", "reqps"]
"""Units of Grafana: a ratio of 0 to 1 is `percentunit`, seconds are `s`, a count a minute is `cpm`."""
Panel = timeseries.Panel | stat.Panel | bargauge.Panel | table.Panel
_P = TypeVar("_P", timeseries.Panel, stat.Panel, bargauge.Panel, table.Panel)

CASE_PAGE: Final = "${board}/case/" + "/".join(
    f"${{__data.fields.{name}:percentencode}}" for name in ("topic", "source", "case")
)
"""The page of the live board that explains a case: the columns `topic`, `source` and `case` of the row name it."""
BOUNDS: Final = ("lower 95 %", "upper 95 %")

GOOD, WARNING, BAD, NEUTRAL = "green", "orange", "red", "blue"
Steps = Sequence[tuple[float | None, str]]
"""From which value on, None for the least, a colour holds."""
NONE_IS_GOOD: Final[Steps] = ((None, GOOD), (1, BAD))
SOME_IS_A_WARNING: Final[Steps] = ((None, GOOD), (1, WARNING))
PLAIN: Final[Steps] = ((None, NEUTRAL),)


def number(
    title: str,
    unit: Unit,
    query: Query,
    says: str,
    *,
    steps: Steps = PLAIN,
    width: int = 4,
    height: int = 4,
    decimals: int | None = None,
    trend: bool = True,
) -> stat.Panel:
    """One large number: the last of the range, with the way there behind it."""
    panel = (
        stat.Panel()
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA if trend else BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    return _framed(panel.thresholds(_thresholds(steps)), title, unit, [query], says, width, height)


def lines(
    title: str,
    unit: Unit,
    queries: Query | Sequence[Query],
    says: str,
    *,
    by: str = "",
    width: int = 8,
    height: int = 8,
    steps: Steps = (),
    least: float | None = None,
    most: float | None = None,
    stacked: bool = False,
) -> timeseries.Panel:
    """How something went. `by` is the column of SQL that tells its series apart; `stacked` ones add up."""
    asked = [queries] if isinstance(queries, Query) else list(queries)
    panel = (
        timeseries.Panel()
        .line_width(1 if stacked else 2)
        .fill_opacity(60 if stacked else 8)
        .draw_style(GraphDrawStyle.BARS if stacked else GraphDrawStyle.LINE)
        .show_points(VisibilityMode.AUTO)
        .span_nulls(False)
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .legend(_legend())
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if by:
        panel = panel.display_name(f"${{__field.labels.{by}}}")
    if steps:
        dashed = common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED)
        panel = panel.thresholds(_thresholds(steps)).thresholds_style(dashed)
    if least is not None:
        panel = panel.min(least)
    if most is not None:
        panel = panel.max(most)
    return _framed(_as_band(panel), title, unit, asked, says, width, height)


def ranking(
    title: str,
    unit: Unit,
    query: Query,
    says: str,
    *,
    steps: Steps = PLAIN,
    width: int = 8,
    height: int = 8,
    most: float | None = None,
) -> bargauge.Panel:
    """Bars side by side, one for each series or row."""
    panel = (
        bargauge.Panel()
        .display_mode(BarGaugeDisplayMode.BASIC)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(isinstance(query, Sql)))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(_thresholds(steps))
        .min(0)
    )
    if most is not None:
        panel = panel.max(most)
    return _framed(panel, title, unit, [query], says, width, height)


def listing(
    title: str,
    query: Sql,
    says: str,
    *,
    units: Mapping[str, Unit],
    width: int = 24,
    height: int = 8,
    coloured: Mapping[str, Steps] | None = None,
) -> table.Panel:
    """Rows as they are. `units` gives each column that is a quantity its unit; a column `case` leads to its page."""
    panel = table.Panel().show_header(True).cell_height(TableCellHeight.SM)
    for column, unit in units.items():
        panel = panel.override_by_name(column, [DynamicConfigValue("unit", unit)])
    for column, steps in (coloured or {}).items():
        panel = panel.override_by_name(
            column,
            [
                DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
                DynamicConfigValue("thresholds", _thresholds(steps).build()),
            ],
        )
    if 'AS "case"' in query.text:
        panel = panel.override_by_name("case", [DynamicConfigValue("links", [_CASE_LINK])])
    return _framed(panel, title, "short", [query], says, width, height)


_CASE_LINK: Final = {"title": "Why does it read so?", "url": CASE_PAGE, "targetBlank": True}


def _framed(panel: _P, title: str, unit: Unit, queries: Sequence[Query], says: str, width: int, height: int) -> _P:
    sources = {isinstance(query, Sql) for query in queries}
    if len(sources) != 1:
        raise ValueError(f"{title}: a panel asks one data source")
    panel = panel.title(title).description(says).unit(unit).span(width).height(height).no_value("none")
    panel = panel.datasource(CLICKHOUSE if sources == {True} else PROMETHEUS)
    for query in queries:
        panel = panel.with_target(query)
    return panel


def _as_band(panel: timeseries.Panel) -> timeseries.Panel:
    """Bounds of an interval are a grey band without lines, where a query has them."""
    lower, upper = BOUNDS
    unlined = [
        DynamicConfigValue("custom.lineWidth", 0),
        DynamicConfigValue("custom.showPoints", "never"),
        DynamicConfigValue("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False}),
        DynamicConfigValue("color", {"mode": "fixed", "fixedColor": "text"}),
    ]
    filled = [DynamicConfigValue("custom.fillBelowTo", lower), DynamicConfigValue("custom.fillOpacity", 18)]
    panel = panel.override_by_name(lower, [*unlined, DynamicConfigValue("custom.fillOpacity", 0)])
    return panel.override_by_name(upper, [*unlined, *filled])


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def _thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value, colour) for value, colour in steps])
    )
