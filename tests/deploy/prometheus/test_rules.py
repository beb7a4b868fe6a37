"""Every alert that is shipped: it fires when it should and not before, says what is needed, and has its page of advice.

promtool's tests stand beside this file, one file a file of rules. A test that would not notice a broken rule is none:
each comparison, wait and matcher is broken once, and its test has to fail.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.local.monitoring import PROMETHEUS, RULES, missing
from tests.deploy.prometheus.mutation import mutants
from tests.stack.conftest import lacking

HERE: Final = Path(__file__).parent
CHECKOUT: Final = HERE.parents[2]
RUNBOOK: Final = CHECKOUT / "deploy" / "runbook.md"
DASHBOARDS: Final = {
    json.loads(file.read_text())["uid"] for file in (CHECKOUT / "deploy" / "grafana" / "dashboards").glob("*.json")
}
TEAMS: Final = {"platform", "data", "publishers", "service"}
NAMES_OF_OTHERS: Final = {"up"}

_GROUPS: Final = {file.stem: yaml.safe_load(file.read_text())["groups"][0] for file in RULES}
ALERTS: Final = {rule["alert"]: (file, rule) for file in _GROUPS for rule in _GROUPS[file]["rules"] if "alert" in rule}
RECORDED: Final = {rule["record"]: rule for rule in _GROUPS["recording"]["rules"]}

needs_promtool = pytest.mark.stack


@pytest.fixture
def promtool() -> None:
    if said := missing():
        lacking(said)


def run(*said: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *map(str, said)], capture_output=True, text=True, timeout=60, check=False)


def those_of(name: str, alert: str | None = None) -> Any:
    """promtool's tests of a file of rules; of one alert only when it is named."""
    tests = yaml.safe_load((HERE / f"{name}.test.yml").read_text())
    if alert is not None:
        tests["tests"] = [
            one
            for one in tests["tests"]
            if any(check["alertname"] == alert for check in one.get("alert_rule_test", ()))
        ]
    return tests


def passes(tests: Any, groups: dict[str, Any], home: Path) -> bool:
    """Do the tests hold with these groups of rules?"""
    for name, group in groups.items():
        (home / f"{name}.yml").write_text(yaml.safe_dump({"groups": [group]}))
    tests = tests | {"rule_files": [f"{name}.yml" for name in groups]}
    (home / "tests.yml").write_text(yaml.safe_dump(tests))
    return run("test", "rules", home / "tests.yml").returncode == 0


def expressions() -> dict[str, str]:
    return {
        str(rule.get("alert") or rule["record"]): rule["expr"] for group in _GROUPS.values() for rule in group["rules"]
    }


@needs_promtool
@pytest.mark.usefixtures("promtool")
def test_promtool_takes_the_configuration_and_all_rules(tmp_path: Path) -> None:
    done = run("check", "config", PROMETHEUS / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    broken = tmp_path / "broken.yml"
    broken.write_text(RULES[0].read_text().replace("sum by", "sum bye", 1))
    assert run("check", "rules", broken).returncode != 0


@needs_promtool
@pytest.mark.usefixtures("promtool")
@pytest.mark.parametrize("name", _GROUPS)
def test_promtools_tests_hold(name: str) -> None:
    done = run("test", "rules", HERE / f"{name}.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.usefixtures("promtool")
@pytest.mark.parametrize("alert", ALERTS)
def test_the_test_of_an_alert_fails_once_it_is_broken_in_any_place(alert: str, tmp_path: Path) -> None:
    name, rule = ALERTS[alert]
    tests = those_of(name, alert=alert)

    def holds(instead: Any) -> bool:
        group = _GROUPS[name] | {"rules": [instead]}
        return passes(tests, {"recording": _GROUPS["recording"], name: group}, tmp_path)

    assert holds(rule), "as it is shipped"
    assert [what for what, broken in mutants(rule) if holds(broken)] == []


@needs_promtool
@pytest.mark.usefixtures("promtool")
@pytest.mark.parametrize("record", RECORDED)
def test_some_test_fails_without_a_recorded_figure(record: str, tmp_path: Path) -> None:
    left = _GROUPS["recording"] | {"rules": [rule for name, rule in RECORDED.items() if name != record]}
    for name in _GROUPS:
        groups = {"recording": left} | ({name: _GROUPS[name]} if name != "recording" else {})
        if not passes(those_of(name), groups, tmp_path):
            return
    pytest.fail(f"nothing tests {record}")


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_an_owner_a_sentence_a_page_of_advice_and_a_board(alert: str) -> None:
    _, rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
    assert rule["labels"]["team"] in TEAMS
    said = rule["annotations"]
    assert set(said) == {"summary", "runbook_url", "dashboard"}
    assert re.search(r"[.:] |\.$", said["summary"]), "a sentence"
    assert said["runbook_url"] == "{{ $externalLabels.runbook }}#" + alert.lower()
    assert said["dashboard"].removeprefix("{{ $externalLabels.grafana }}/d/") in DASHBOARDS


def test_the_runbook_has_a_heading_for_each_alert_and_for_no_other() -> None:
    headings = re.findall(r"^### (Oidor\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(headings) - {"OidorIncident"} == set(ALERTS)


def test_rules_ask_only_for_metrics_that_there_are() -> None:
    documented = set(re.findall(r"^\| `(feedback_\w+)`", (CHECKOUT / "docs" / "metrics.md").read_text(), re.MULTILINE))
    asked = {
        (name, metric)
        for name, expr in expressions().items()
        for metric in re.findall(r"(?<![:\w])((?:feedback_\w+)|up\b)(?![:\w])", re.sub(r"\w+:\w+:\w+", "", expr))
    }
    assert {metric for _, metric in asked} >= {"up", "feedback_partitions"}
    assert {(name, metric) for name, metric in asked if metric not in documented | NAMES_OF_OTHERS} == set()


def test_figures_that_are_recorded_are_named_by_level_metric_and_operation() -> None:
    assert [name for name in RECORDED if not re.fullmatch(r"[a-z_]+:feedback_[a-z_]+:[a-z0-9_]+", name)] == []
    asked = {name for expr in expressions().values() for name in re.findall(r"\w+:\w+:\w+", expr)}
    assert asked <= set(RECORDED)
