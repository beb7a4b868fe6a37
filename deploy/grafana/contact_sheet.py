"""Pictures of the dashboards, drawn from the answers to their own queries: for a README, or where no Grafana runs.

    python -m deploy.grafana.contact_sheet --prometheus http://127.0.0.1:9090 docs/dashboards

ClickHouse is where the `OIDOR_CLICKHOUSE_*` settings say. What is drawn is not Grafana: the same panels, titles, units
and answers, in a simpler hand.
"""

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from clickhouse_driver import Client
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from deploy.grafana.asking import Answer, Asked, Rows, Series, answer, load
from deploy.grafana.panels import BOUNDS
from deploy.grafana.queries import PROMETHEUS_TYPE
from deploy.grafana.units import in_words
from processors.settings import Settings
from sinks.clickhouse import Address, connect

DASHBOARDS: Final = Path(__file__).parent / "dashboards"
_WIDE: Final = 14.0
_LINE: Final = 0.3
"""Inches of one line of the grid, of which a panel of eight lines has eight."""
_COLUMNS: Final = 24
_HEADER: Final = 1.8
"""Lines of the title above the grid."""
_DPI: Final = 100

_INK, _FAINT, _PAPER, _PANEL = "#1f2430", "#8a91a0", "#eef0f4", "#ffffff"
_COLOURS: Final = ("#3274d9", "#e0752d", "#37872d", "#a352cc", "#e02f44", "#0a8f9e", "#b8860b", "#7a7f8c")
_STATE_COLOURS: Final[Mapping[str, str]] = {
    "green": "#37872d", "orange": "#e0752d", "red": "#c4162a", "blue": "#3274d9",
}  # fmt: skip
_DAY: Final = 86_400
"""Seconds of matplotlib's unit of time, which it counts as Unix does."""
_SERIES_MAX: Final = 8
"""Series that a legend names; more are drawn, and not named."""
_ROWS_MAX: Final = 12


def draw(dashboard: Mapping[str, Any], answers: Mapping[int, Sequence[Answer]], picture: Path) -> None:
    """Draw a whole dashboard as it is laid out; `answers` are those of each panel, by its id."""
    lines = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    figure = Figure(figsize=(_WIDE, (lines + _HEADER) * _LINE), dpi=_DPI, facecolor=_PAPER)
    heading = 1 - 0.5 / (lines + _HEADER)
    figure.text(0.006, heading, dashboard["title"], fontsize=13, weight="bold", color=_INK, va="top")
    figure.text(0.994, heading, dashboard["description"], fontsize=8, color=_FAINT, va="top", ha="right")
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        left, top = at["x"] / _COLUMNS, 1 - (at["y"] + _HEADER) / (lines + _HEADER)
        if panel["type"] == "row":
            figure.text(left + 0.006, top - 0.8 / (lines + _HEADER), panel["title"].upper(), fontsize=8, weight="bold",
                        color=_FAINT)  # fmt: skip
            continue
        _card(figure, at, lines + _HEADER)
        figure.text(left + 0.009, top - 0.42 / (lines + _HEADER), panel["title"], fontsize=8, color=_INK, va="top")
        axes = figure.add_axes(_inside(at, lines + _HEADER, beside=panel["type"] == "timeseries"))
        axes.set_facecolor("none")
        _DRAWN_AS[panel["type"]](axes, panel, answers[panel["id"]])
    figure.savefig(picture, metadata={"Software": None})


def _card(figure: Figure, at: Mapping[str, int], lines: float) -> None:
    left, bottom = at["x"] / _COLUMNS + 0.0025, 1 - (at["y"] + at["h"] + _HEADER - 0.1) / lines
    width, height = at["w"] / _COLUMNS - 0.005, (at["h"] - 0.2) / lines
    card = Rectangle((left, bottom), width, height, transform=figure.transFigure, facecolor=_PANEL, zorder=-1)
    card.set(edgecolor="#d9dce3", linewidth=0.7)
    figure.add_artist(card)


def _inside(at: Mapping[str, int], lines: float, *, beside: bool) -> tuple[float, float, float, float]:
    """The part of a card that is below its title; `beside` leaves room for the labels of axes."""
    left = (at["x"] + (1.15 if beside else 0.25)) / _COLUMNS
    right = (at["x"] + at["w"] - 0.3) / _COLUMNS
    top, bottom = (
        1 - (at["y"] + 1.4 + _HEADER) / lines,
        1 - (at["y"] + at["h"] - (0.9 if beside else 0.25) + _HEADER) / lines,
    )
    return left, bottom, right - left, top - bottom


def _drawn_as_lines(axes: Axes, panel: Mapping[str, Any], answers: Sequence[Answer]) -> None:
    unit = _unit(panel)
    series = [one for found in answers if not isinstance(found, Rows) for one in found if one.points]
    shown = [one for one in series if one.name not in BOUNDS]
    stacked = panel["fieldConfig"]["defaults"].get("custom", {}).get("stacking", {}).get("mode") == "normal"
    if stacked:
        _bars_upon_bars(axes, shown)
    else:
        _band(axes, series)
        for number, one in enumerate(shown):
            few = "o" if len(one.points) < 15 else ""
            axes.plot(*_course(one), color=_colour(number), lw=1.3, marker=few, ms=2.5, label=one.name)
    _threshold_lines(axes, panel)
    _bounded(axes, panel, series)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: in_words(value, unit)))
    axes.grid(axis="y", color="#e3e6ec", lw=0.6)
    axes.tick_params(labelsize=6.5, colors=_FAINT, length=0)
    dates = AutoDateLocator(minticks=2, maxticks=5)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(dates)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(dates, show_offset=False))  # type: ignore[no-untyped-call]
    _unframed(axes)
    if shown:
        handles, names = axes.get_legend_handles_labels()
        axes.legend(handles[:_SERIES_MAX], [_short(name, 26) for name in names[:_SERIES_MAX]], fontsize=5.8, ncol=2,
                    loc="best", frameon=True, framealpha=0.75, edgecolor="none", handlelength=1.1,
                    labelspacing=0.25, columnspacing=0.9)  # fmt: skip


def _course(series: Series) -> tuple[list[float], list[float]]:
    return [at / _DAY for at, _ in series.points], [value for _, value in series.points]


def _bars_upon_bars(axes: Axes, series: Sequence[Series]) -> None:
    moments = sorted({at for one in series for at, _ in one.points})
    if not moments:
        return
    apart = min((b - a for a, b in pairwise(moments)), default=60.0)
    below = dict.fromkeys(moments, 0.0)
    for number, one in enumerate(series):
        values = {at: value for at, value in one.points if math.isfinite(value)}
        times = [at / _DAY for at in values]
        axes.bar(times, list(values.values()), bottom=[below[at] for at in values], width=apart / _DAY,
                 color=_colour(number), label=one.name, alpha=0.85)  # fmt: skip
        for at, value in values.items():
            below[at] += value


def _band(axes: Axes, series: Sequence[Series]) -> None:
    by_name = {one.name: dict(one.points) for one in series}
    if not all(name in by_name for name in BOUNDS):
        return
    lower, upper = (by_name[name] for name in BOUNDS)
    both = sorted(lower.keys() & upper.keys())
    times = [at / _DAY for at in both]
    axes.fill_between(times, [lower[at] for at in both], [upper[at] for at in both], color="#8a91a0", alpha=0.25, lw=0)


def _threshold_lines(axes: Axes, panel: Mapping[str, Any]) -> None:
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    if custom.get("thresholdsStyle", {}).get("mode") != "dashed":
        return
    top = axes.get_ylim()[1]
    for step in _steps(panel):
        if step["value"] is not None and step["value"] <= 2 * top:
            axes.axhline(step["value"], color=_STATE_COLOURS[step["color"]], lw=0.9, ls="--")


def _bounded(axes: Axes, panel: Mapping[str, Any], series: Sequence[Series]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if "max" in defaults:
        axes.set_ylim(top=defaults["max"])
    if "min" in defaults:
        axes.set_ylim(bottom=defaults["min"])
    if not any(math.isfinite(value) and value for one in series for _, value in one.points):
        axes.set_ylim(defaults.get("min", 0), defaults.get("max", 1))


def _drawn_as_number(axes: Axes, panel: Mapping[str, Any], answers: Sequence[Answer]) -> None:
    value, course = _last(answers[0])
    colour = _of_steps(value, _steps(panel))
    if course and len(course.points) > 1:
        times, values = _course(course)
        low, high = min(values), max(values)
        room = (high - low) or max(abs(high), 1.0)
        axes.fill_between(times, values, low - 0.05 * room, color=colour, alpha=0.16, lw=0)
        axes.set_ylim(low - 0.05 * room, high + 1.6 * room)
        axes.set_xlim(times[0], times[-1])
    axes.set_xticks([])
    axes.set_yticks([])
    _unframed(axes)
    text = "none" if value is None else in_words(value, _unit(panel))
    axes.text(0.0, 0.66, text, transform=axes.transAxes, fontsize=17, weight="bold", color=colour, va="center")


def _last(found: Answer) -> tuple[float | None, Series | None]:
    """The last number of a series, or the first of a row."""
    if isinstance(found, Rows):
        numbers = [value for row in found.values[:1] for value in row if isinstance(value, int | float)]
        return (float(numbers[0]) if numbers else None), None
    finite = [value for one in found[:1] for _, value in one.points if math.isfinite(value)]
    return (finite[-1] if finite else None), (found[0] if finite else None)


def _drawn_as_bars(axes: Axes, panel: Mapping[str, Any], answers: Sequence[Answer]) -> None:
    bars = _bars(answers[0])[:_ROWS_MAX]
    unit, steps = _unit(panel), _steps(panel)
    top = panel["fieldConfig"]["defaults"].get("max") or max((abs(value) for _, value in bars), default=1) or 1
    least = min((value for _, value in bars), default=0) if any(value < 0 for _, value in bars) else 0
    colours = [_of_steps(value, steps) for _, value in bars]
    axes.barh(range(len(bars)), [value for _, value in bars], color=colours, height=0.6, alpha=0.9)
    for place, ((name, value), colour) in enumerate(zip(bars, colours, strict=True)):
        axes.text(least - 0.03 * top, place, _short(name, 24), fontsize=6.8, color=_INK, va="center", ha="right")
        axes.text(max(value, 0) + 0.02 * top, place, in_words(value, unit), fontsize=6.8, color=colour, va="center",
                  weight="bold")  # fmt: skip
    axes.set_xlim(least - 0.62 * top, top * 1.2)
    axes.set_ylim(max(len(bars), 6) - 0.4, -0.6)
    axes.set_xticks([])
    axes.set_yticks([])
    _unframed(axes)


def _bars(found: Answer) -> list[tuple[str, float]]:
    if isinstance(found, Rows):
        return [(str(row[0]), float(row[1])) for row in found.values if row[1] is not None]
    last = ((one.name, [value for _, value in one.points if math.isfinite(value)]) for one in found)
    return sorted(((name, values[-1]) for name, values in last if values), key=lambda bar: -bar[1])


def _drawn_as_table(axes: Axes, panel: Mapping[str, Any], answers: Sequence[Answer]) -> None:
    (found,) = answers
    assert isinstance(found, Rows)
    axes.axis("off")
    units, steps = _of_columns(panel)
    fit = max(1, int(panel["gridPos"]["h"] * 1.18) - 2)
    cells = [
        [_short(in_words(value, units.get(name, "")), 46) for name, value in zip(found.columns, row, strict=True)]
        for row in found.values[:fit]
    ]
    widths = [max(3, *(len(row[place]) for row in (found.columns, *cells))) for place in range(len(found.columns))]
    left = [sum(widths[:place]) / sum(widths) for place in range(len(widths))]
    height = 1 / (fit + 1)
    room = (panel["gridPos"]["w"] / _COLUMNS) * _WIDE * 72
    size = min(6.8, room / (sum(widths) + 2) / 0.56)
    for place, name in enumerate(found.columns):
        axes.text(left[place], 1 - height / 2, name, fontsize=size, weight="bold", color=_FAINT, va="center")
        for line, row in enumerate(cells, 1):
            value = found.values[line - 1][place]
            colour = _of_steps(value, steps[name]) if name in steps and value is not None else _INK
            axes.text(left[place], 1 - (line + 0.5) * height, row[place], fontsize=size, color=colour, va="center")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


_DRAWN_AS: Final[Mapping[str, Callable[[Axes, Mapping[str, Any], Sequence[Answer]], None]]] = {
    "timeseries": _drawn_as_lines,
    "stat": _drawn_as_number,
    "bargauge": _drawn_as_bars,
    "table": _drawn_as_table,
}


def _unit(panel: Mapping[str, Any]) -> str:
    return str(panel["fieldConfig"]["defaults"]["unit"])


def _steps(panel: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    steps: Sequence[Mapping[str, Any]] = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", ())
    return steps


def _of_columns(panel: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Sequence[Mapping[str, Any]]]]:
    """Units and thresholds of the columns of a table."""
    said = {
        (one["matcher"]["options"], each["id"]): each["value"]
        for one in panel["fieldConfig"]["overrides"]
        for each in one["properties"]
    }
    units = {column: value for (column, of), value in said.items() if of == "unit"}
    return units, {column: value["steps"] for (column, of), value in said.items() if of == "thresholds"}


def _of_steps(value: float | None, steps: Sequence[Mapping[str, Any]]) -> str:
    passed = [step for step in steps if step["value"] is None or (value is not None and value >= step["value"])]
    return _STATE_COLOURS[passed[-1]["color"]] if passed else _COLOURS[0]


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _unframed(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)


def pictures(prometheus: str, clickhouse: Client, of_prometheus: Asked, of_clickhouse: Asked, folder: Path) -> None:
    """Ask all panels and draw each dashboard into `folder`; the two data sources may be asked for different ranges."""
    mpl.use("agg")
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(DASHBOARDS.glob("*.json")):
        dashboard = load(path)
        answers = {}
        for panel in dashboard["panels"]:
            if panel["type"] != "row":
                live = panel["datasource"]["type"] == PROMETHEUS_TYPE
                asked = of_prometheus if live else of_clickhouse
                answers[panel["id"]] = answer(panel, asked, prometheus, clickhouse)
        draw(dashboard, answers, folder / f"{path.stem}.png")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--prometheus", default="http://127.0.0.1:9090", help="its address")
    arguments.add_argument("--minutes", type=float, default=60, help="how far back Prometheus is asked")
    arguments.add_argument("--hours", type=float, default=24, help="how far back ClickHouse is asked")
    said = arguments.parse_args()
    settings = Settings()
    now = datetime.now(UTC)
    client = connect(Address.of(settings), 60, database=settings.clickhouse_database)
    live, stored = Asked(now - timedelta(minutes=said.minutes), now), Asked(now - timedelta(hours=said.hours), now)
    pictures(said.prometheus, client, live, stored, said.folder)


if __name__ == "__main__":
    main()
