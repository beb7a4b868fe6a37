"""The dashboards that are checked in: what they ask exists, and what they show says what it is."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, get_args

import pytest
import yaml

from deploy.clickhouse.kpi_views import published_names
from deploy.grafana.__main__ import DIRECTORY, generated
from deploy.grafana.asking import Asked, load, panels, promql_as_sent, sql_as_sent
from deploy.grafana.panels import CASE_PAGE, Unit
from deploy.grafana.queries import CLICKHOUSE_TYPE, PROMETHEUS_TYPE
from processors.settings import Settings
from schemas.events.decoding import EVENT_TYPES
from schemas.kpis import DIMENSIONS, KPIS
from tests.deploy.conftest import Warehouse
from tests.deploy.grafana.promql import mistakes, selected

FILES: Final = sorted(DIRECTORY.glob("*.json"))
PROVISIONING: Final = DIRECTORY.parent / "provisioning"
ORDER: Final = ("1 Live floor", "2 SLA and budget", "3 Incidents", "4 Voice of the customer",
                "5 Ingredients and order-to-cash", "6 Pipeline health", "7 Executive")  # fmt: skip
WITHOUT_DATABASE: Final = ("oidor-live", "oidor-pipeline")
END: Final = datetime(2026, 11, 28, 8, tzinfo=UTC)
ALL: Final = Asked(END - timedelta(hours=6), END)
ONE: Final = Asked(END - timedelta(hours=6), END, dict.fromkeys(("area", "channel", "team"), ("it's", "b")))

each_dashboard = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def targets(dashboard: Mapping[str, Any], kind: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Panels with each of their queries of one kind of data source."""
    for panel in panels(dashboard):
        yield from ((panel, one) for one in panel["targets"] if one["datasource"]["type"] == kind)


@pytest.fixture(scope="module")
def views(migrated: Warehouse) -> Iterator[Warehouse]:
    """A database with an empty table in place of each view: to read a query over a KPI view takes most of a second."""
    flat = Warehouse(migrated.engine, Settings(clickhouse_database=f"{migrated.name}_views"))
    flat.engine.execute(f"CREATE DATABASE {flat.name}")
    columns = migrated.query(
        "SELECT table, arrayStringConcat(groupArray(concat(name, ' ', type)), ', ') FROM system.columns"
        f" WHERE database = '{migrated.name}' AND startsWith(table, 'v_') GROUP BY table"
    )
    for view, declared in columns:
        plain = re.sub(r"LowCardinality\((\w+)\)", r"\1", declared)  # of a number it may be in no table
        flat.engine.execute(f"CREATE TABLE {flat.name}.{view} ({plain}) ENGINE = Memory")
    yield flat
    flat.engine.execute(f"DROP DATABASE {flat.name}")


def described(sql: str, warehouse: Warehouse) -> dict[str, str]:
    """Column -> type of what a query answers, with values chosen: then all that it may name is in it."""
    rows = warehouse.query(f"DESCRIBE TABLE ({sql_as_sent(sql, ONE)})")
    return {str(name): str(kind) for name, kind, *_ in rows}


def test_what_is_checked_in_is_what_the_code_generates() -> None:
    assert {path.name: path.read_text() for path in FILES} == generated(), "run `make generate`"


def test_there_are_seven_dashboards_in_order() -> None:
    titles = sorted(load(path)["title"] for path in FILES)
    assert titles == [f"Oidor: {title}" for title in ORDER]


@each_dashboard
def test_each_panel_says_what_it_shows_and_in_which_unit(path: Path) -> None:
    dashboard = load(path)
    for panel in panels(dashboard):
        assert panel["title"], panel
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in get_args(Unit), panel["title"]
    headings = Counter(panel["title"] for panel in dashboard["panels"])
    assert max(headings.values()) == 1, "two panels of one title"


@each_dashboard
def test_panels_fill_their_rows_and_do_not_overlap(path: Path) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in load(path)["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        taken.update((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"]))
    assert max(taken.values()) == 1
    lowest = max(y for _, y in taken) + 1
    assert len(taken) == 24 * lowest, "a hole"


@each_dashboard
def test_each_query_goes_to_a_data_source_that_the_dashboard_lets_choose(path: Path) -> None:
    dashboard = load(path)
    sources = {
        one["name"]: one["query"] for one in dashboard["templating"]["list"] if one["type"] == "datasource"
    }  # fmt: skip
    for panel in panels(dashboard):
        for one in (panel, *panel["targets"]):
            assert sources[one["datasource"]["uid"].strip("${}")] == one["datasource"]["type"], panel["title"]
    if dashboard["uid"] in WITHOUT_DATABASE:
        assert not list(targets(dashboard, CLICKHOUSE_TYPE))


@each_dashboard
def test_a_dashboard_can_be_narrowed_down_by_what_its_panels_ask_for_and_by_nothing_else(path: Path) -> None:
    dashboard = load(path)
    asked = " ".join(
        one.get("expr", "") + one.get("rawSql", "") for panel in panels(dashboard) for one in panel["targets"]
    )
    offered = {one["name"] for one in dashboard["templating"]["list"] if one["type"] == "query"}
    assert {name for name in re.findall(r"\$\{?(\w+)", asked) if not name.startswith("__")} == offered


@each_dashboard
def test_promql_asks_for_metrics_labels_values_and_buckets_that_there_are(path: Path) -> None:
    wrong = [
        f"{panel['title']}: {mistake}"
        for panel, target in targets(load(path), PROMETHEUS_TYPE)
        for asked in (ALL, ONE)
        for mistake in mistakes(promql_as_sent(target["expr"], asked))
    ]
    assert not wrong


@each_dashboard
def test_a_legend_names_labels_that_are_left_over(path: Path) -> None:
    for panel, target in targets(load(path), PROMETHEUS_TYPE):
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        grouped = {label for one in selected(promql_as_sent(target["expr"], ALL)) for label in one.grouped_by}
        assert named <= grouped | {"job", "instance"}, panel["title"]


def test_counted_events_are_events_of_the_contract() -> None:
    counted = {
        value
        for path in FILES
        for _, target in targets(load(path), PROMETHEUS_TYPE)
        for value in re.findall(r'event_type="([^"]+)"', target["expr"])
    }
    assert counted
    assert counted <= EVENT_TYPES


@each_dashboard
def test_sql_asks_for_views_and_columns_that_there_are(path: Path, views: Warehouse) -> None:
    for _, target in targets(load(path), CLICKHOUSE_TYPE):
        described(target["rawSql"], views)


@each_dashboard
def test_sql_of_kpis_names_those_that_are_published(path: Path) -> None:
    names = {name for kpi in KPIS for name in published_names(kpi)}
    for _, target in targets(load(path), CLICKHOUSE_TYPE):
        assert set(re.findall(r"\bkpi = '(\w+)'", target["rawSql"])) <= names
        assert set(re.findall(r"\bdimension = '(\w+)'", target["rawSql"])) <= set(DIMENSIONS)


@each_dashboard
def test_a_column_that_is_a_quantity_has_a_unit_and_a_case_leads_to_its_page(path: Path, views: Warehouse) -> None:
    for panel, target in targets(load(path), CLICKHOUSE_TYPE):
        if panel["type"] != "table":
            continue
        types = described(target["rawSql"], views)
        overrides = panel["fieldConfig"]["overrides"]
        properties = {
            (one["matcher"]["options"], each["id"]): each["value"] for one in overrides for each in one["properties"]
        }
        assert {column for column, _ in properties} <= types.keys(), panel["title"]
        quantities = {name for name, kind in types.items() if re.search("U?Int|Float|DateTime", kind)}
        assert quantities - {"legal"} <= {name for name, of in properties if of == "unit"}, panel["title"]
        if "case" in types:
            assert {"topic", "source"} <= types.keys()
            assert properties["case", "links"][0]["url"] == CASE_PAGE


@each_dashboard
def test_incidents_are_marked_on_the_charts(path: Path, views: Warehouse) -> None:
    (marks,) = load(path)["annotations"]["list"]
    assert [*described(marks["target"]["rawSql"], views)] == ["time", "timeEnd", "text", "tags"]


@each_dashboard
def test_a_dashboard_leads_to_the_others_to_the_board_and_to_the_runbook(path: Path) -> None:
    dashboard = load(path)
    addresses = {one["name"]: one["query"] for one in dashboard["templating"]["list"] if one["type"] == "constant"}
    urls = {one.get("url", "").strip("${}") for one in dashboard["links"]}
    assert {"board", "runbook"} <= urls & addresses.keys()
    assert any(one["type"] == "dashboards" and one["tags"] == dashboard["tags"] for one in dashboard["links"])


def test_grafana_is_provisioned_with_both_data_sources_and_all_dashboards() -> None:
    (sources,) = [yaml.safe_load(path.read_text()) for path in (PROVISIONING / "datasources").glob("*.yaml")]
    assert {one["type"] for one in sources["datasources"]} == {PROMETHEUS_TYPE, CLICKHOUSE_TYPE}
    (dashboards,) = [yaml.safe_load(path.read_text()) for path in (PROVISIONING / "dashboards").glob("*.yaml")]
    assert [one["type"] for one in dashboards["providers"]] == ["file"]


def test_alerts_lead_to_dashboards_that_there_are() -> None:
    rules = [path.read_text() for path in (DIRECTORY.parents[1] / "prometheus" / "rules").glob("*.yml")]
    led_to = {uid for text in rules for uid in re.findall(r"/d/([\w-]+)", text)}
    assert led_to
    assert led_to <= {load(path)["uid"] for path in FILES}


@pytest.mark.parametrize(
    ("expression", "mistake"),
    [
        ("sum(feedback_evnts_total)", "no metric feedback_evnts_total"),
        ("sum by (are) (feedback_backlog_cases)", "feedback_backlog_cases has no label are"),
        ('feedback_backlog_cases{priority="hihg"}', "feedback_backlog_cases is never priority=hihg"),
        ('feedback_wait_seconds_bucket{le="21.0"}', "feedback_wait_seconds_bucket has no bucket at 21.0"),
    ],
)
def test_a_slip_in_promql_is_found(expression: str, mistake: str) -> None:
    assert list(mistakes(expression)) == [mistake]


def test_what_is_no_promql_is_found() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        list(mistakes("sum by area (feedback_backlog_cases"))
