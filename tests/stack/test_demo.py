"""`oidor demo --keep --prometheus`: every address that it prints answers, and what is wrong reaches Alertmanager."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

from deploy.local.processes import Child, python_environment, python_module
from deploy.local.stack import fetch

pytestmark = pytest.mark.stack

SETTLED_SECONDS: Final = 240
ALERTING_SECONDS: Final = 60


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the demonstration says until it waits for Ctrl-C."""
    home = tmp_path_factory.mktemp("demo")
    arguments = ["demo", "--keep", "--prometheus", "--home", str(home / "home")]
    demo = Child("demo", [*python_module("deploy.cli"), *arguments], log=home / "log", env=python_environment())
    demo.start()
    try:
        deadline = time.monotonic() + SETTLED_SECONDS
        while "Ctrl-C ends it" not in (home / "log").read_text():
            if not demo.alive or time.monotonic() > deadline:
                raise demo.failure("did not come up")
            time.sleep(0.5)
        yield (home / "log").read_text()
    finally:
        took = demo.terminate(40)
    assert demo.exit_code == 0
    assert took < 30


def address(printed: str, what: str) -> str:
    found = re.search(rf"^{what} +(http://[\d.:]+)", printed, re.MULTILINE)
    assert found, printed[-2000:]
    return found[1]


def asked(url: str) -> Any:
    status, text = fetch(url, 5)
    assert status == 200, text
    return json.loads(text)


def test_every_record_is_accounted_for_and_the_board_answers(printed: str) -> None:
    assert "every record is accounted for" in printed
    status, page = fetch(address(printed, "Board") + "/")
    assert (status, "<html" in page) == (200, True)


def test_prometheus_scrapes_every_process_by_the_rules_that_are_shipped(printed: str) -> None:
    prometheus = address(printed, "Prometheus")
    targets = asked(f"{prometheus}/api/v1/targets")["data"]["activeTargets"]
    groups = asked(f"{prometheus}/api/v1/rules")["data"]["groups"]

    assert {target["labels"]["job"]: target["health"] for target in targets} == {
        "oidor-worker": "up",
        "oidor-warehouse": "up",
        "oidor-board": "up",
    }
    assert sum(len(group["rules"]) for group in groups) > 20
    assert not [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")]


def test_what_fires_reaches_alertmanager(printed: str) -> None:
    alertmanager = address(printed, "Alertmanager")
    deadline = time.monotonic() + ALERTING_SECONDS
    names: set[str] = set()
    while "OidorWatchdog" not in names and time.monotonic() < deadline:
        names = {alert["labels"]["alertname"] for alert in asked(f"{alertmanager}/api/v2/alerts")}
        time.sleep(1)
    assert "OidorWatchdog" in names
    assert "OidorWorkerDown" not in names
