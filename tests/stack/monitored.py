"""Real Prometheus and Alertmanager beside an installation, and whoever they call: a webhook that remembers.

Rules and routes are those that are shipped, in a hurry: waits, windows and intervals are cut to seconds. What they are
as shipped, promtool's tests hold.
"""

import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.local.monitoring import RULES, Monitoring

WAIT_SECONDS: Final = 20
"""What waits longer before it fires, or is kept longer, does so for this time."""
AS_SHIPPED: Final = {"OidorNotRecovered", "OidorPartitionsUnowned"}
"""What follows from another fault and is muted by it: it must not be told, so nobody waits for it."""
WINDOW_SECONDS: Final = 30
THRESHOLDS: Final = {"feedback_sink_lag_seconds) > 120": "feedback_sink_lag_seconds) > 20"}
"""Thresholds in seconds for which a test would have to wait minutes."""
ALWAYS: Final = "OidorWatchdog"
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Told:
    """One alert, as a notification told it."""

    at: float
    receiver: str
    name: str
    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class Pager:
    """Receives what Alertmanager sends."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        pager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                pager._hear(body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing: what was told is what is looked at."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def since(self, mark: int) -> list[Told]:
        return [told for told in self.told[mark:] if told.name != ALWAYS]

    def fired(self, mark: int) -> set[str]:
        return {told.name for told in self.since(mark) if told.status == "firing"}

    def standing(self) -> set[str]:
        """Alerts that were told and are not over, as far as was told."""
        last = {frozenset(told.labels.items()): told for told in list(self.told)}
        return {told.name for told in last.values() if told.status == "firing"} - {ALWAYS}

    def _hear(self, body: Mapping[str, Any]) -> None:
        self.told += [
            Told(
                time.monotonic(), body["receiver"], one["labels"]["alertname"], one["status"], one["labels"],
                one["annotations"],
            )
            for one in body["alerts"]
        ]  # fmt: skip


def monitoring(home: Path, targets: Mapping[str, Sequence[str]], pager: Pager) -> Monitoring:
    """Not started yet: what is shipped, in a hurry, telling a pager."""
    home.mkdir(parents=True, exist_ok=True)
    hurried = [_hurried(file, home) for file in RULES]
    return Monitoring(home, targets, webhook=f"http://{pager.address}", rules=hurried, adapt=_at_any_hour)


def _hurried(file: Path, home: Path) -> Path:
    text = re.sub(r"\[(\d+)([smh])\]", lambda found: f"[{_at_most(found[0][1:-1], WINDOW_SECONDS)}]", file.read_text())
    for shipped, instead in THRESHOLDS.items():
        text = text.replace(shipped, instead)
    rules = yaml.safe_load(text)
    for rule in rules["groups"][0]["rules"]:
        for key in ("for", "keep_firing_for"):
            if key in rule and rule.get("alert") not in AS_SHIPPED:
                rule[key] = _at_most(rule[key], WAIT_SECONDS)
    copy = home / file.name
    copy.write_text(yaml.safe_dump(rules))
    return copy


def _at_most(duration: str, seconds: int) -> str:
    return f"{min(int(duration[:-1]) * _SECONDS[duration[-1]], seconds)}s"


def _at_any_hour(config: Any) -> None:
    """Routes that wait neither for office hours nor, but for the first page, for more of the same."""
    route = config["route"]
    for one in (route, *route["routes"]):
        one.pop("active_time_intervals", None)
        one["group_interval"] = "1s"
        one["group_wait"] = one.get("group_wait", "5s") if one.get("receiver") == "pager" else "1s"
