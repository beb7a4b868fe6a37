"""An installation that a real Prometheus watches: five days of traffic, a minute that is live, people who act on it."""

import contextlib
import json
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from kafka import KafkaProducer

from deploy.grafana.asking import Asked
from deploy.local.ports import free_ports
from deploy.local.processes import Child
from deploy.local.stack import Service, fetch
from deploy.traffic.messages import Message
from deploy.traffic.scenarios import DEMO, STEADY, journeys
from processors.settings import Settings
from schemas.topics import ACTIONS
from tests.stack.running import Installation, installed, until

SETTINGS: Final[dict[str, Any]] = {"page_window": 2 * 3600, "partitions": 4}
"""So that of what was there before the worker, some is told in time, and some too late to call anybody."""
DAYS: Final = 5
HISTORY: Final = 5_000
LIVE_SECONDS: Final = 60
LIVE_RATE: Final = 25.0
_SCRAPE_SECONDS: Final = 1


def prometheus_program() -> str:
    """Where it is installed; empty where it is not."""
    return shutil.which("prometheus") or ""


@dataclass(frozen=True)
class Observed:
    installation: Installation
    prometheus: str
    """Address of its pages."""
    began: datetime
    """When it began to watch."""

    def days(self, **chosen: tuple[str, ...]) -> Asked:
        """What the database knows of."""
        now = datetime.now(UTC)
        return Asked(now - timedelta(days=DAYS), now, chosen, scrape_seconds=_SCRAPE_SECONDS)

    def minutes(self, **chosen: tuple[str, ...]) -> Asked:
        """What Prometheus saw, however long ago that is by now on a busy machine."""
        return Asked(self.began, datetime.now(UTC), chosen, scrape_seconds=_SCRAPE_SECONDS)


@contextlib.contextmanager
def observed(settings: Settings, home: Path, program: str) -> Iterator[Observed]:
    """Start all of it, and let it run until everything is read, decided, stored, and acted on."""
    with installed(settings, home) as installation:
        before = installation.publish(_history())
        services = [installation.launch("worker"), installation.launch("warehouse")]
        began = datetime.now(UTC)
        with _prometheus(program, home, services) as address:
            until(lambda: installation.read() == before, 60, "the history read")
            live = installation.publish(_live(), speed=1)
            installation.settle(before + live)
            _act(installation)
            yield Observed(installation, address, began)


@contextlib.contextmanager
def _prometheus(program: str, home: Path, services: list[Service]) -> Iterator[str]:
    """A server that sees every process from its first moment on."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    jobs = [
        {"job_name": f"oidor-{one.name.partition('-')[0]}", "static_configs": [{"targets": [_target(one)]}]}
        for one in services
    ]
    configuration = home / "prometheus.yml"  # JSON is YAML, too
    every = f"{_SCRAPE_SECONDS}s"
    configuration.write_text(json.dumps({"global": {"scrape_interval": every}, "scrape_configs": jobs}))
    server = Child(
        "prometheus",
        [
            program,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={home / 'prometheus'}",
            f"--web.listen-address={address}",
        ],
        log=home / "prometheus.log",
    )
    server.start()
    try:
        until(lambda: _up(address) == len(services), 30, "Prometheus has seen every process")
        yield f"http://{address}"
    finally:
        server.kill()


def _target(service: Service) -> str:
    return service.ready_url.removeprefix("http://").removesuffix("/ready")


def _up(address: str) -> int:
    status, text = fetch(f"http://{address}/api/v1/query?query=up")
    found = json.loads(text)["data"]["result"] if status == 200 else []
    return sum(one["value"][1] == "1" for one in found)


def _history() -> Iterator[Message]:
    """What lay in the log before the worker came, up to now."""
    now = datetime.now(UTC)
    latest = now.timestamp() * 1000
    span = timedelta(days=DAYS)
    messages = journeys(DEMO, 7, now - span, limit=HISTORY, rate=HISTORY / span.total_seconds())
    return (message for message in messages if message.timestamp_ms <= latest)


def _live() -> Iterator[Message]:
    """What happens while we watch, each at its time."""
    return journeys(STEADY, 8, datetime.now(UTC), limit=round(LIVE_SECONDS * LIVE_RATE), rate=LIVE_RATE)


def _act(installation: Installation) -> None:
    """Somebody acknowledges, acts on and dismisses some of the open incidents, and plans for a source."""
    found = installation.ask("SELECT incident_id FROM v_incidents WHERE state = 'open' ORDER BY incident_id LIMIT 9")
    said: tuple[dict[str, Any], ...] = (
        {"action": "acknowledged"},
        {"action": "acted", "note": "called the customer"},
        {"action": "dismissed", "note": "a test of the desk"},
    )
    now = datetime.now(UTC)
    actions: list[dict[str, Any]] = [
        {"incident_id": incident, **said[number % 3]} for number, (incident,) in enumerate(found)
    ]
    actions.append(
        {
            "action": "maintenance_planned",
            "maintenance_id": "crm-release",
            "source": "crm-madrid",
            "begins_at": (now + timedelta(hours=1)).isoformat(),
            "ends_at": (now + timedelta(hours=3)).isoformat(),
            "note": "a new release of the CRM",
        }
    )
    common = {"schema_version": "1.0", "who": "ana", "at": now.isoformat()}
    producer = KafkaProducer(bootstrap_servers=installation.settings.brokers)
    for action in actions:
        value = json.dumps({"action_id": uuid.uuid4().hex, **common, **action}).encode()
        key = action.get("incident_id", "crm-release").encode()
        producer.send(installation.settings.topic_prefix + ACTIONS, value, key=key)
    producer.flush()
    producer.close()
    until(
        lambda: installation.ask("SELECT count() FROM v_actions")[0][0] == len(actions), 60, f"{len(actions)} actions"
    )
