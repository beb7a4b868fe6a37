"""Every query of every panel, asked of a real Prometheus and of ClickHouse as Grafana asks it: each shows something."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.grafana.__main__ import DIRECTORY
from deploy.grafana.asking import Answer, Asked, Rows, answer, load, panels
from deploy.grafana.queries import PROMETHEUS_TYPE
from processors.settings import Settings
from tests.stack import observed as watched
from tests.stack.conftest import lacking
from tests.stack.observed import Observed, observed, prometheus_program

pytestmark = pytest.mark.stack

SETTINGS: Final = watched.SETTINGS
DASHBOARDS: Final = [load(path) for path in sorted(DIRECTORY.glob("*.json"))]
LONG_AGO: Final = datetime(2001, 1, 1, tzinfo=UTC)


def test_every_query_of_every_panel_shows_something(settings: Settings, tmp_path: Path) -> None:
    program = prometheus_program()
    if not program:
        lacking("Prometheus is not installed: apt-get install prometheus")
    with observed(settings, tmp_path, program) as running:
        everything = list(_answers(running))
        assert len(everything) > 100
        assert [name for name, found in everything if not _shows(found)] == []
        _narrowed_down_nothing_else_is_shown(running)
        _nothing_is_shown_of_a_time_without_traffic(running)


def _answers(running: Observed, **chosen: tuple[str, ...]) -> Iterator[tuple[str, Answer]]:
    for dashboard in DASHBOARDS:
        for panel in panels(dashboard):
            asked = running.minutes(**chosen) if _is_live(panel) else running.days(**chosen)
            yield from _answers_of(dashboard, panel, asked, running)


def _answers_of(dashboard: Any, panel: Any, asked: Asked, running: Observed) -> Iterator[tuple[str, Answer]]:
    for number, found in enumerate(answer(panel, asked, running.prometheus, running.installation.client())):
        yield f"{dashboard['title']} / {panel['title']} / {number}", found


def _is_live(panel: Any) -> bool:
    return bool(panel["datasource"]["type"] == PROMETHEUS_TYPE)


def _shows(found: Answer) -> bool:
    """Rows, or a series with a number."""
    if isinstance(found, Rows):
        return bool(found.values)
    return any(math.isfinite(value) for series in found for _, value in series.points)


def _narrowed_down_nothing_else_is_shown(running: Observed) -> None:
    counted = "SELECT area FROM v_cases WHERE area != '' GROUP BY area ORDER BY count() DESC LIMIT 1"
    ((area,),) = running.installation.ask(counted)
    tables = [found for _, found in _answers(running, area=(area,)) if isinstance(found, Rows)]
    shown = {row[found.columns.index("area")] for found in tables if "area" in found.columns for row in found.values}
    assert shown == {area}


def _nothing_is_shown_of_a_time_without_traffic(running: Observed) -> None:
    """So an answer above is one of what is there, and not of what a query makes up."""
    asked = Asked(LONG_AGO, LONG_AGO + timedelta(hours=1))
    lines = [
        shown
        for dashboard in DASHBOARDS
        for panel in panels(dashboard)
        if panel["type"] == "timeseries"
        for shown in _answers_of(dashboard, panel, asked, running)
    ]
    assert [name for name, found in lines if _shows(found) and "Waiting and refused" not in name] == []
