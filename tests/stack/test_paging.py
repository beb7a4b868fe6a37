"""Incidents reach people with their sentence: worker, broker, board, a real Alertmanager, and whoever it calls."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.local.monitoring import Monitoring, missing
from processors.settings import Settings
from tests.attacks.installation import Target, event, now
from tests.stack.conftest import lacking
from tests.stack.running import command, until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2, "board_url": "https://board.example.com"}
CALL: dict[str, Any] = {"channel": "phone", "direction": "inbound", "priority": "urgent", "org_unit": "billing"}
PAGED_SECONDS = 60


class Webhook:
    """Whoever Alertmanager calls."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.told += json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def statuses(self) -> list[str]:
        return [one["status"] for one in self.told if one["labels"]["alertname"] == "OidorIncident"]

    def stop(self) -> None:
        self._server.shutdown()


def at_once(config: Any) -> None:
    config["route"] |= {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
    for route in config["route"]["routes"]:
        route |= {"group_wait": "0s", "group_interval": "1s"}
        route.pop("active_time_intervals", None)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    found = Webhook()
    yield found
    found.stop()


def test_an_incident_pages_with_its_sentence_until_somebody_dismisses_it_whatever_is_killed_meanwhile(
    settings: Settings, tmp_path: Path, webhook: Webhook
) -> None:
    if said := missing():
        lacking(said)
    alertmanager = Monitoring(tmp_path / "monitoring", {}, webhook=webhook.url.rstrip("/"), adapt=at_once)
    target = Target(settings, tmp_path)
    oidor = target.installation
    with alertmanager:
        try:
            oidor.start("worker")
            oidor.start("warehouse")
            paging = {"alertmanagers": alertmanager.alerts_url}
            board = oidor.start("board", **paging)
            due = now() + 20_000
            target.send(event("contact.opened", "K", "c1", seq=0, **CALL))
            target.send(event("contact.queued", "K", "c1", seq=1, queue="q"))
            target.flush()
            until(lambda: webhook.statuses() == ["firing"], PAGED_SECONDS, "the page")
            print(f"paged {(now() - due) / 1000:.1f} s after the deadline")
            (page,) = webhook.told
            incident_id = page["labels"]["incident_id"]
            stored = f"SELECT summary FROM v_incidents WHERE incident_id = '{incident_id}'"
            until(lambda: oidor.ask(stored) == [(page["annotations"]["summary"],)], 20, "its sentence in the views")
            assert (page["labels"]["area"], page["labels"]["severity"]) == ("billing", "critical")
            assert page["annotations"]["case"].startswith("https://board.example.com/case/contact-events/")

            command(settings, "incident", "ack", incident_id, "--who", "ana")
            board.kill()
            oidor.start("board", **paging)
            alertmanager.alertmanager.kill()
            alertmanager.alertmanager.start()
            time.sleep(10)
            assert "resolved" not in webhook.statuses(), "it stands over the end of either"
            command(settings, "incident", "dismiss", incident_id, "--who", "eva", "--note", "a test call")
            until(lambda: webhook.statuses()[-1:] == ["resolved"], PAGED_SECONDS, "the page is over")
            until(
                lambda: (
                    oidor.ask("SELECT status, decided_state FROM v_incidents WHERE pattern = 'P02'")
                    == [("dismissed", "open")]
                ),
                20,
                "the views say so, and our record stays",
            )
            print(f"told: {webhook.statuses()}")
        finally:
            oidor.stop()
