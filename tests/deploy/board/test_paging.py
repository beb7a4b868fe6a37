"""Who is paged, with which words, for how long: whatever becomes of the board, and of Alertmanager."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from deploy.board.actions import NOBODY, Handling
from deploy.board.paging import HOLD_SECONDS, Links, Pager, alert_of
from processors.settings import Settings
from schemas.taxonomy import Severity
from sinks.metrics import paging as families
from sinks.metrics.registry import Metrics
from tests.deploy.board.fake_alertmanager import FakeAlertmanager

NOON = 1_795_348_800_000
LINKS = Links("oidor", "https://board.example.com", "https://wiki.example.com/runbook")


@dataclass(frozen=True)
class Incident:
    incident_id: str = "8c1f"
    page: bool = True
    pattern: str = "P02"
    severity: Severity = "critical"
    opened_at: int = NOON
    summary: str = "Answer by phone was due at 12:00, and nobody has answered."
    topic: str = "contact-events"
    source: str = "pbx"
    entity_id: str = "C/1"
    area: str = "north"
    owner: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Scene:
    """A board that sends, an Alertmanager that takes, and one clock."""

    def __init__(self) -> None:
        self.now = NOON
        self.alertmanager = FakeAlertmanager(lambda: self.now)
        self.metrics = Metrics(families.FAMILIES)
        self.open: list[tuple[Incident, Handling]] = []
        self.start()

    def start(self) -> None:
        """A new process: of what it had sent before it knows nothing."""
        self.pager = Pager(self.alertmanager, "am", LINKS, self.metrics)

    def after(self, seconds: float, *incidents: Incident | tuple[Incident, Handling]) -> int:
        """A look at these incidents, so much later; how many alerts wait."""
        self.now += round(seconds * 1000)
        self.open = [one if isinstance(one, tuple) else (one, NOBODY) for one in incidents]
        return asyncio.run(self.pager.look(self.open, self.now))

    def told(self) -> list[str]:
        """What people were told: `firing 8c1f`."""
        return [f"{how} {labels['incident_id']}" for how, labels in self.alertmanager.told]

    def figure(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"feedback_{name}", {"alertmanager": "am", **labels})


@pytest.fixture
def scene() -> Scene:
    return Scene()


ONE = Incident()
QUIET = Incident(page=False)


def test_an_incident_pages_with_its_sentence_and_where_to_read_on() -> None:
    alert = alert_of(
        Incident(owner="t_77", evidence={"n": 41, "expected": 12.345, "due_at": 3}), Handling(1, "ana"), LINKS
    )
    assert dict(alert.labels) == {
        "alertname": "OidorIncident", "severity": "critical", "team": "service", "pattern": "P02", "area": "north",
        "owner": "t_77", "incident_id": "8c1f", "installation": "oidor",
    }  # fmt: skip
    assert dict(alert.annotations) == {
        "summary": "Answer by phone was due at 12:00, and nobody has answered.", "n": "41", "expected": "12.3",
        "case": "https://board.example.com/case/contact-events/pbx/C%2F1", "board": "https://board.example.com/",
        "runbook_url": "https://wiki.example.com/runbook#oidorincident", "acknowledged_by": "ana",
        "acknowledge": "oidor incident ack 8c1f",
    }  # fmt: skip
    assert alert.url == "https://board.example.com/case/contact-events/pbx/C%2F1"


def test_what_an_incident_does_not_have_its_alert_does_not_have() -> None:
    ours = alert_of(Incident(topic="", source="", entity_id="", area=""), NOBODY, Links("oidor", "http://b", ""))
    assert dict(ours.labels)["team"] == "platform"
    assert dict(ours.labels).keys().isdisjoint({"owner", "area"})
    assert dict(ours.annotations).keys() == {"summary", "board", "acknowledge"}


def test_only_what_pages_is_sent_and_once(scene: Scene) -> None:
    for _ in range(5):
        assert scene.after(1, ONE, Incident("other", page=False)) == 0
    assert scene.told() == ["firing 8c1f"]
    assert scene.alertmanager.requests == 2, "what it holds was asked, and one alert sent"


def test_an_incident_that_stays_open_stays_an_alert(scene: Scene) -> None:
    for _ in range(20):
        scene.after(HOLD_SECONDS / 8, ONE)
    assert scene.told() == ["firing 8c1f"]


def test_an_incident_that_was_to_page_is_an_alert_until_it_ends_also_once_it_is_no_news_any_more(scene: Scene) -> None:
    scene.after(1, ONE)
    for _ in range(20):
        scene.after(HOLD_SECONDS / 8, QUIET)
    assert scene.told() == ["firing 8c1f"]
    scene.after(1)
    assert scene.told() == ["firing 8c1f", "resolved 8c1f"]


@pytest.mark.parametrize("over", [(), ((ONE, Handling(1, "ana", dismissed_at=2)),)], ids=["closed", "dismissed"])
def test_what_is_closed_or_dismissed_is_resolved_within_a_look(scene: Scene, over: Any) -> None:
    scene.after(1, ONE)
    for _ in range(500):
        scene.after(1, *over)
    assert scene.told() == ["firing 8c1f", "resolved 8c1f"]


def test_who_acknowledges_is_told_and_nobody_is_paged_again(scene: Scene) -> None:
    scene.after(1, ONE)
    scene.after(1, (ONE, Handling(1, "ana")))
    assert scene.told() == ["firing 8c1f"]
    assert [one["acknowledged_by"] for one in scene.alertmanager.annotations.values()] == ["ana"]


def test_what_was_dismissed_and_is_taken_up_again_pages_again(scene: Scene) -> None:
    scene.after(1, ONE)
    scene.after(1, (ONE, Handling(1, "ana", dismissed_at=2)))
    scene.after(1, (ONE, Handling(1, "ana")))
    assert scene.told() == ["firing 8c1f", "resolved 8c1f", "firing 8c1f"]


@pytest.mark.parametrize("change", [{"owner": "t_9"}, {"severity": "warning"}])
def test_an_incident_that_is_handed_on_or_changes_its_severity_is_told_anew_and_the_former_alert_ends(
    scene: Scene, change: dict[str, Any]
) -> None:
    scene.after(1, ONE)
    scene.after(1, replace(ONE, page=False, **change))
    assert scene.told() == ["firing 8c1f", "firing 8c1f", "resolved 8c1f"]
    assert scene.alertmanager.firing() == ["8c1f"]


# Outages


def test_while_alertmanager_is_away_nothing_is_lost_and_it_is_said_once(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    scene.after(1, ONE)
    scene.alertmanager.away = True
    for _ in range(30):
        assert scene.after(1, Incident("new")) == 2, "one that began, one that ended"
    assert (scene.figure("alertmanager_waiting_alerts"), scene.figure("alertmanager_alerts")) == (2, 1)
    assert scene.figure("alertmanager_requests_total", result="failed") == 30
    in_step = scene.figure("alertmanager_in_step_timestamp_seconds")
    assert in_step == (NOON + 1000) / 1000
    scene.alertmanager.away = False
    assert scene.after(1, Incident("new")) == 0
    assert sorted(scene.told()) == ["firing 8c1f", "firing new", "resolved 8c1f"]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "Alertmanager am takes no alerts", "Alertmanager am takes alerts again",
    ]  # fmt: skip


def test_what_opened_and_closed_while_alertmanager_was_away_pages_nobody_any_more(scene: Scene) -> None:
    scene.alertmanager.away = True
    scene.after(1, ONE)
    scene.after(1)
    scene.alertmanager.away = False
    assert scene.after(1) == 0
    assert scene.told() == []


def test_an_alertmanager_that_was_restarted_is_told_within_a_minute_or_so(scene: Scene) -> None:
    scene.after(1, ONE)
    scene.alertmanager.restart()
    for _ in range(61):
        scene.after(1, ONE)
    assert scene.alertmanager.firing() == ["8c1f"]


def test_that_an_incident_is_over_reaches_an_alertmanager_that_loses_it_once(scene: Scene) -> None:
    scene.after(1, ONE)
    scene.after(1)
    requests = scene.alertmanager.requests
    for _ in range(600):
        scene.after(1)
    assert 3 <= scene.alertmanager.requests - requests <= 6, "it is said again for some minutes, and then no more"


@pytest.mark.parametrize("still", [ONE, QUIET], ids=["as it was", "read after compaction"])
def test_a_board_that_is_started_anew_pages_nobody_again_and_ends_what_is_over(scene: Scene, still: Incident) -> None:
    scene.after(1, ONE, Incident("gone"))
    scene.start()
    for _ in range(10):
        scene.after(HOLD_SECONDS / 8, still)
    assert sorted(scene.told()) == ["firing 8c1f", "firing gone", "resolved gone"]


def test_alerts_of_another_installation_are_left_alone(scene: Scene) -> None:
    scene.after(1, ONE)
    beside = Pager(scene.alertmanager, "am", replace(LINKS, installation="test"), scene.metrics)
    asyncio.run(beside.look([], scene.now))
    assert scene.alertmanager.firing() == ["8c1f"]


def test_one_alert_that_is_refused_holds_up_no_other(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    class Strict(FakeAlertmanager):
        async def post(self, alerts: Any) -> None:
            bad = [{**one, "labels": {}} if one["labels"]["incident_id"] == "bad" else one for one in alerts]
            await super().post(bad)

    scene.alertmanager = Strict(lambda: scene.now)
    scene.start()
    for _ in range(200):
        scene.after(1, ONE, Incident("bad"), Incident("good"))
    assert scene.alertmanager.firing() == ["8c1f", "good"]
    assert scene.figure("alertmanager_requests_total", result="refused") == 2, "together, and then alone"
    assert sum("refuses" in record.getMessage() for record in caplog.records) == 1


def test_a_thousand_incidents_are_sent_in_a_few_requests(scene: Scene) -> None:
    scene.after(1, *(Incident(f"i{number}") for number in range(1_000)))
    assert scene.alertmanager.requests == 1 + 5
    assert len(scene.alertmanager.firing()) == 1_000


def test_links_lead_to_where_the_board_is_reached() -> None:
    named = Settings(_env_file=None, board_url="https://board.example.com/", topic_prefix="eu-", app_id="shop")
    assert Links.of(named) == Links("eu-shop", "https://board.example.com", "")
    nowhere = Links.of(Settings(_env_file=None))
    assert dict(alert_of(ONE, NOBODY, nowhere).annotations).keys() == {"summary", "acknowledge"}


@pytest.mark.parametrize("url", ["http://user:secret@am:9093", "am:9093", "ftp://am", "http://am:9093 x"])
def test_an_address_of_an_alertmanager_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="no user and no password") as refused:
        Settings(_env_file=None, alertmanagers=(url,))
    assert "secret" not in str(refused.value)
