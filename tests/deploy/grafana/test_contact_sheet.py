"""Pictures of dashboards: every kind of panel is drawn, from whatever its query answers."""

import math
from pathlib import Path
from typing import Any

import pytest
from matplotlib import image

from deploy.grafana.__main__ import DIRECTORY
from deploy.grafana.asking import Answer, Rows, Series, load, panels
from deploy.grafana.contact_sheet import draw

NOTHING: dict[str, Answer] = {"timeseries": (), "stat": (), "bargauge": (), "table": Rows(["a"], [])}
COURSE = (Series("one", [(0.0, 1.0), (60.0, math.nan), (120.0, 3.0)]), Series("two", [(0.0, -2.0), (60.0, 0.0)]))
SOMETHING: dict[str, Answer] = {
    "timeseries": COURSE, "stat": COURSE, "bargauge": COURSE, "table": Rows(["case", "n"], [("c-1", 4), ("c-2", None)]),
}  # fmt: skip


def answered(dashboard: Any, answers: dict[str, Answer]) -> dict[int, list[Answer]]:
    return {panel["id"]: [answers[panel["type"]]] for panel in panels(dashboard)}


@pytest.mark.parametrize("name", ["sla", "executive"])
def test_a_dashboard_is_drawn_as_it_is_laid_out(name: str, tmp_path: Path) -> None:
    dashboard = load(DIRECTORY / f"{name}.json")
    kinds = {panel["type"] for panel in panels(dashboard)}
    assert kinds <= SOMETHING.keys()
    drawn = []
    for answers in (NOTHING, SOMETHING):
        draw(dashboard, answered(dashboard, answers), tmp_path / "picture.png")
        drawn.append(image.imread(tmp_path / "picture.png"))
    lines = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    assert drawn[0].shape == drawn[1].shape
    assert drawn[0].shape[1] == 1400
    assert drawn[0].shape[0] == pytest.approx(30 * lines, abs=60)
    assert (drawn[0] != drawn[1]).any()
