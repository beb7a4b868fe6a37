"""Who is told what, and what mutes what: asked of a real Alertmanager with the configuration that is shipped."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.request import ProxyHandler, Request, build_opener

import pytest
import yaml

from deploy.local.monitoring import ALERTMANAGER, Monitoring, missing, telling
from tests.deploy.prometheus.test_rules import ALERTS
from tests.stack.conftest import lacking
from tests.stack.running import until

pytestmark = pytest.mark.stack

Labels = Mapping[str, str]

UNKNOWING: Final = {
    "OidorBrokerSilent", "OidorPartitionsUnowned", "OidorNotRecovered", "OidorBehind", "OidorTimerLate",
    "OidorClockWrong", "OidorTopicsContradict",
}  # fmt: skip
"""Alerts while which nobody can say how customers fare."""
SERVICE: Final = {name for name, (_, rule) in ALERTS.items() if rule["labels"]["team"] == "service"}
MUTED: Final = {name: set(SERVICE) for name in UNKNOWING} | {
    "OidorWarehouseDown": {"OidorWarehouseBehind", "OidorSinkStalled"},
    "OidorWarehouseFarBehind": {"OidorWarehouseBehind", "OidorSinkStalled"},
    "OidorTableRefuses": {"OidorWarehouseBehind", "OidorSinkStalled"},
    "OidorIncidentCritical": {"OidorUrgentBreach"},
}
"""Alert -> those that it mutes when all stand at once, in one area and of P02."""
MUTED["OidorBrokerSilent"] |= {
    "OidorPartitionsUnowned", "OidorNotRecovered", "OidorBehind", "OidorTimerLate", "OidorCheckpointsFail",
    "OidorWarehouseBehind", "OidorSinkStalled",
}  # fmt: skip
MUTED["OidorTopicsContradict"] |= {"OidorPartitionsUnowned", "OidorNotRecovered", "OidorBehind"}
MUTED["OidorClockWrong"] |= {"OidorPartitionsUnowned", "OidorNotRecovered", "OidorBehind"}
MUTED["OidorPartitionsUnowned"] |= {"OidorNotRecovered", "OidorBehind"}


class Alerts:
    """An Alertmanager of our own, asked over its API."""

    def __init__(self, url: str) -> None:
        self._url, self._opener = f"{url}/api/v2/alerts", build_opener(ProxyHandler({}))

    def send(self, *alerts: Labels, over: bool = False) -> None:
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + (-1 if over else 3600)))
        body = json.dumps([{"labels": labels, "startsAt": "2026-01-01T00:00:00Z", "endsAt": ends} for labels in alerts])
        self._opener.open(Request(self._url, body.encode(), {"Content-Type": "application/json"}), timeout=5).close()

    def standing(self) -> list[Any]:
        with self._opener.open(self._url, timeout=5) as answer:
            return list(json.load(answer))

    def muted(self, *alerts: Labels) -> list[Labels]:
        """Those of these alerts that are muted while all of them stand."""
        self.send(*alerts)
        until(lambda: len(self.standing()) == len(alerts), 10, "all stand")
        found = [one["labels"] for one in self.standing() if one["status"]["inhibitedBy"]]
        self.send(*alerts, over=True)
        until(lambda: not self.standing(), 10, "all are over")
        return found


def shipped(alert: str, **others: str) -> dict[str, str]:
    """Labels as an alert of the rules has them."""
    found: dict[str, str] = {"alertname": alert, **ALERTS[alert][1]["labels"]}
    if alert == "OidorIncidentCritical":
        found |= {"pattern": "P02", "area": "billing"}
    return found | others


def incident(pattern: str, area: str, number: int = 1) -> dict[str, str]:
    """Labels as the board sends them."""
    said = {"alertname": "OidorIncident", "severity": "critical", "team": "service", "incident_id": f"i{number}"}
    return said | {"pattern": pattern, "area": area, "installation": "oidor"}


@pytest.fixture(scope="module")
def alerts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alerts]:
    if said := missing():
        lacking(said)
    with Monitoring(tmp_path_factory.mktemp("alerts"), {}, rules=()) as both:
        both.prometheus.terminate()
        yield Alerts(both.alerts_url)


def receivers(config: Path, **labels: str) -> list[str]:
    said = [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run(
        ["amtool", "config", "routes", "test", f"--config.file={config}", *said],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.strip().split(",")


@pytest.mark.usefixtures("alerts")
def test_amtool_takes_the_configuration_and_no_broken_one(tmp_path: Path) -> None:
    broken = tmp_path / "alertmanager.yml"
    broken.write_text(ALERTMANAGER.read_text().replace("receiver: pager", "receiver: nobody"))
    codes = [
        subprocess.run(["amtool", "check-config", file], capture_output=True, timeout=30, check=False).returncode
        for file in (ALERTMANAGER, broken)
    ]
    assert codes[0] == 0
    assert codes[1] != 0


@pytest.mark.usefixtures("alerts")
def test_critical_ones_page_and_the_rest_goes_to_its_owner() -> None:
    told = {name: receivers(ALERTMANAGER, **rule["labels"]) for name, (_, rule) in ALERTS.items()}
    for name, (_, rule) in ALERTS.items():
        labels = rule["labels"]
        owner = {"critical": "pager", "none": "deadman"}.get(labels["severity"], labels["team"])
        assert told[name] == [owner], name
    assert receivers(ALERTMANAGER, **incident("P02", "billing")) == ["pager"]


def test_a_page_waits_five_seconds_at_most_and_what_is_none_for_office_hours() -> None:
    routes = yaml.safe_load(ALERTMANAGER.read_text())["route"]["routes"]
    (pager,) = [route for route in routes if route["receiver"] == "pager"]
    assert int(pager["group_wait"].removesuffix("s")) <= 5
    assert "active_time_intervals" not in pager
    owners = [route for route in routes if route["receiver"] not in ("pager", "deadman")]
    assert [route["active_time_intervals"] for route in owners] == [["office"]] * 4


def test_a_webhook_is_all_that_a_receiver_needs() -> None:
    told = telling("http://here")["receivers"]
    assert [one["webhook_configs"][0]["url"] for one in told] == [f"http://here/{one['name']}" for one in told]


@pytest.mark.parametrize("cause", sorted(MUTED))
def test_an_alert_mutes_what_follows_from_it_and_nothing_else(alerts: Alerts, cause: str) -> None:
    quiet = [shipped(name, area="billing") for name in ALERTS if name not in MUTED]
    found = alerts.muted(shipped(cause, area="billing"), *quiet)
    for other in MUTED.keys() - {cause}:  # one by one: these would mute others, too
        found += alerts.muted(shipped(cause, area="billing"), shipped(other, area="billing"))
    followers = {one["alertname"] for one in found} - {cause}
    assert followers == MUTED[cause] - {cause}
    assert (cause in {one["alertname"] for one in found}) == any(cause in MUTED[other] for other in MUTED)


def test_an_incident_with_its_sentence_mutes_the_number_of_its_area_and_pattern(alerts: Alerts) -> None:
    number = shipped("OidorIncidentCritical")
    assert alerts.muted(incident("P02", "billing"), number) == [number]
    assert alerts.muted(incident("P02", "sales"), number) == []
    assert alerts.muted(incident("P08", "billing"), number) == []
    assert alerts.muted(incident("P02", "billing") | {"severity": "warning"}, number) == []
    breach = shipped("OidorUrgentBreach")
    assert alerts.muted(incident("P02", "billing"), breach) == [breach]
    assert alerts.muted(incident("P08", "billing"), breach) == []
    assert alerts.muted(incident("P02", "billing"), shipped("OidorLegalClock")) == []


def test_a_common_cause_mutes_the_single_incidents_of_its_area(alerts: Alerts) -> None:
    child, elsewhere = incident("P08", "billing", 2), incident("P08", "sales", 3)
    assert alerts.muted(incident("P25", "billing"), child, elsewhere) == [child]


def test_an_incident_is_not_told_while_nobody_can_say_whether_it_is_over(alerts: Alerts) -> None:
    told = incident("P02", "billing")
    assert alerts.muted(shipped("OidorBehind"), told) == [told]
    assert alerts.muted(shipped("OidorWorkerDown"), told) == []
