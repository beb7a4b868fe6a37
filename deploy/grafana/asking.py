"""Ask what the panels of a dashboard ask, as Grafana does: with its variables and macros filled in, over a range."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from clickhouse_driver import Client

from deploy.grafana.queries import PROMETHEUS_TYPE

SCRAPE_SECONDS: Final = 5
_POINTS: Final = 120
_TIMEOUT_SECONDS: Final = 20


@dataclass(frozen=True)
class Asked:
    """What a dashboard is looked at with: a range, and the values chosen of its variables; none chosen are all."""

    begin: datetime
    end: datetime
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    scrape_seconds: float = SCRAPE_SECONDS

    @property
    def seconds(self) -> int:
        return max(1, round((self.end - self.begin).total_seconds()))

    @property
    def step(self) -> int:
        return max(1, self.seconds // _POINTS)


@dataclass(frozen=True)
class Series:
    name: str
    points: Sequence[tuple[float, float]]
    """Unix time and value, ascending."""


@dataclass(frozen=True)
class Rows:
    columns: Sequence[str]
    values: Sequence[Sequence[Any]]


Answer = Rows | tuple[Series, ...]


def panels(dashboard: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All panels but the headings of rows, as in the file."""
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def load(path: Path) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(path.read_text())
    return dashboard


def promql_as_sent(text: str, asked: Asked) -> str:
    """PromQL with variables filled in: of several values `(a|b)`, of all what the variable says for all."""
    for name in _variables(text):
        if name in _INTERVALS:
            continue
        values = [re.escape(value).replace("\\", "\\\\") for value in asked.chosen.get(name, ())]
        text = text.replace(f"${name}", f"({'|'.join(values)})" if values else ".*")
    rate = max(4 * asked.scrape_seconds, asked.step + asked.scrape_seconds)
    text = text.replace("$__rate_interval", f"{round(rate)}s").replace("$__interval", f"{asked.step}s")
    return text.replace("$__range", f"{asked.seconds}s")


_INTERVALS: Final = frozenset({"__rate_interval", "__interval", "__range"})


def _variables(text: str) -> set[str]:
    return set(re.findall(r"\$(\w+)", text))


def sql_as_sent(text: str, asked: Asked) -> str:
    """SQL with variables and the plugin's macros filled in."""

    def conditional(match: re.Match[str]) -> str:
        return match[1] if asked.chosen.get(match[2]) else "1=1"

    def quoted(match: re.Match[str]) -> str:
        return ",".join("'" + value.replace("'", "\\'") + "'" for value in asked.chosen[match[1]])

    begin, end = (f"toDateTime({int(moment.timestamp())})" for moment in (asked.begin, asked.end))
    text = re.sub(r"\$__conditionalAll\(([^,]*\(\$\{\w+:singlequote\}\)), \$(\w+)\)", conditional, text)
    text = re.sub(r"\$\{(\w+):singlequote\}", quoted, text)
    text = re.sub(r"\$__timeFilter\(([^()]+)\)", rf"\1 >= {begin} AND \1 <= {end}", text)
    text = re.sub(
        r"\$__timeInterval\(([^()]+)\)", rf"toStartOfInterval(toDateTime(\1), INTERVAL {asked.step} second)", text
    )
    return text.replace("$__fromTime", begin).replace("$__toTime", end)


def answer(panel: Mapping[str, Any], asked: Asked, prometheus: str, clickhouse: Client) -> list[Answer]:
    """What each query of a panel answers; `prometheus` is the address of the server."""
    return [
        _of_prometheus(target, asked, prometheus)
        if target["datasource"]["type"] == PROMETHEUS_TYPE
        else _of_clickhouse(target, asked, clickhouse)
        for target in panel["targets"]
    ]


def _of_prometheus(target: Mapping[str, Any], asked: Asked, address: str) -> tuple[Series, ...]:
    query = {"query": promql_as_sent(target["expr"], asked)}
    if target.get("instant"):
        found = _get(f"{address}/api/v1/query", query | {"time": str(asked.end.timestamp())})
        return tuple(Series(_legend(one["metric"], target), [_point(one["value"])]) for one in found)
    span = {"start": str(asked.begin.timestamp()), "end": str(asked.end.timestamp()), "step": str(asked.step)}
    found = _get(f"{address}/api/v1/query_range", query | span)
    return tuple(Series(_legend(one["metric"], target), [*map(_point, one["values"])]) for one in found)


def _get(url: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}", timeout=_TIMEOUT_SECONDS) as response:
        result: list[dict[str, Any]] = json.load(response)["data"]["result"]
    return result


def _point(of_prometheus: Sequence[Any]) -> tuple[float, float]:
    return float(of_prometheus[0]), float(of_prometheus[1])


def _legend(labels: Mapping[str, str], target: Mapping[str, Any]) -> str:
    wanted = target.get("legendFormat", "__auto")
    if wanted == "__auto":
        return ", ".join(value for name, value in labels.items() if name != "__name__")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), wanted)


def _of_clickhouse(target: Mapping[str, Any], asked: Asked, client: Client) -> Answer:
    values, columns = client.execute(sql_as_sent(target["rawSql"], asked), with_column_types=True)
    found = Rows([name for name, _ in columns], values)
    return _as_series(found) if target["queryType"] == "timeseries" else found


def _as_series(found: Rows) -> tuple[Series, ...]:
    """A series for each column of numbers and each value of the columns of text, as the plugin makes them."""
    points: dict[str, list[tuple[float, float]]] = {}
    at = found.columns.index("time")
    for row in found.values:
        texts = [value for value in row if isinstance(value, str)]
        for column, value in zip(found.columns, row, strict=True):
            if column != "time" and isinstance(value, int | float):
                points.setdefault(" ".join(texts) or column, []).append((row[at].timestamp(), float(value)))
    return tuple(Series(name, series) for name, series in points.items())
