"""Families of what the board sends to Alertmanager."""

from typing import Final

from sinks.metrics.family import Counter, Family, Gauge, Label, closed

_MANAGER: Final = Label("alertmanager", "those of `OIDOR_ALERTMANAGERS`", 5)

ALERT_REQUESTS: Final = Counter(
    "alertmanager_requests", "Requests that sent alerts of incidents, by what became of them.",
    (_MANAGER, closed("result", ("taken", "failed", "refused"))),
)  # fmt: skip
ALERTS_STANDING: Final = Gauge("alertmanager_alerts", "Incidents that page now.", (_MANAGER,))
ALERTS_WAITING: Final = Gauge(
    "alertmanager_waiting_alerts", "Alerts that Alertmanager has not taken as they are now: kept, and sent again.",
    (_MANAGER,),
)  # fmt: skip
ALERTS_IN_STEP: Final = Gauge(
    "alertmanager_in_step_timestamp", "Unix time at which Alertmanager had last taken all there was to tell.",
    (_MANAGER,), unit="seconds",
)  # fmt: skip

FAMILIES: Final[tuple[Family, ...]] = (ALERT_REQUESTS, ALERTS_STANDING, ALERTS_WAITING, ALERTS_IN_STEP)
