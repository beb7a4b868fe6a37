"""Incidents that page somebody go to Alertmanager, each with its sentence, for as long as they are open.

Alertmanager forgets what it is not told again, and keeps no alert over a restart. So what stands is sent again and
again, and what is over is sent as resolved until that is sure to have arrived. Nothing is lost while it is away: each
look compares what stands with what it has taken. Whom it calls, and what it mutes, is its own business.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import quote

import aiohttp

from deploy.board.actions import Handling
from processors.settings import Settings
from schemas.taxonomy import Severity
from sinks.metrics import paging as families
from sinks.metrics.registry import Metrics

logger = logging.getLogger(__name__)

ALERT: Final = "OidorIncident"
LOOK_SECONDS: Final = 1.0
RESEND_SECONDS: Final = 60.0
"""After which what stands is sent again."""
HOLD_SECONDS: Final = 600.0
"""For which Alertmanager keeps an alert that it is not told again: a board that is started anew re-pages nobody."""
RESOLVED_SECONDS: Final = 300.0
"""For which it is said again that an alert is over: whoever had not passed it on yet may have been restarted."""
BATCH: Final = 200
_ANSWER_SECONDS: Final = 10
_LONGEST_PAUSE: Final = 15.0

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted: what makes an alert the same one."""


class PagedIncident(Protocol):
    """What of an open incident an alert tells."""

    @property
    def incident_id(self) -> str: ...
    @property
    def pattern(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def opened_at(self) -> int: ...
    @property
    def summary(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def entity_id(self) -> str: ...
    @property
    def area(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def page(self) -> bool: ...
    @property
    def evidence(self) -> Mapping[str, Any]: ...


Standing = Callable[[], Iterable[tuple[PagedIncident, Handling]] | None]
"""The incidents that are open, with what people did about them; None while not all of them are read."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as Alertmanager takes it. `starts_at` in ms."""

    labels: Labels
    annotations: Labels
    starts_at: int
    url: str = ""
    """Where it is seen."""

    def as_json(self, now: int, ends_at: int) -> dict[str, Any]:
        return {
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "startsAt": _rfc3339(min(self.starts_at, now)),
            "endsAt": _rfc3339(ends_at),
            "generatorURL": self.url,
        }


@dataclass(frozen=True, slots=True)
class Links:
    """Where what an alert is about can be read on; '' where nobody said."""

    installation: str
    """Which of several that share an Alertmanager."""
    board: str
    runbook: str

    @classmethod
    def of(cls, settings: Settings) -> "Links":
        return cls(settings.topic_prefix + settings.app_id, settings.board_url.rstrip("/"), settings.runbook_url)

    @property
    def home(self) -> str:
        """The board itself."""
        return f"{self.board}/" if self.board else ""

    def case(self, incident: PagedIncident) -> str:
        """The page of the case that an incident is about; '' of one that is about none."""
        if not (incident.entity_id and self.board):
            return ""
        key = (incident.topic, incident.source, incident.entity_id)
        return f"{self.board}/case/{'/'.join(quote(part, safe='') for part in key)}"


def alert_of(incident: PagedIncident, handling: Handling, links: Links) -> Alert:
    """The alert of an incident: by its labels it is routed and muted, in its annotations it is told.

    The owner is a label: whoever an incident is handed to is told of it anew.
    """
    evidence = incident.evidence
    labels = {
        "alertname": ALERT,
        "severity": incident.severity,
        # Who looks after it: an incident of ours is of no input topic.
        "team": "service" if incident.topic else "platform",
        "pattern": incident.pattern,
        "area": incident.area,
        "owner": incident.owner,
        "incident_id": incident.incident_id,
        "installation": links.installation,
    }
    annotations = {
        "summary": incident.summary,
        "n": _figure(evidence.get("n")),
        "expected": _figure(evidence.get("expected")),
        "case": links.case(incident),
        "board": links.home,
        "runbook_url": f"{links.runbook}#{ALERT.lower()}" if links.runbook else "",
        "acknowledged_by": handling.acknowledged_by,
        "acknowledge": f"oidor incident ack {incident.incident_id}",
    }
    return Alert(_said(labels), _said(annotations), incident.opened_at, links.case(incident) or links.home)


def _said(values: Mapping[str, str]) -> Labels:
    return tuple(sorted((name, value) for name, value in values.items() if value))


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value) if isinstance(value, (int, str)) else ""


def _rfc3339(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


class RefusedAlertsError(Exception):
    """Alertmanager will not take something of what it was sent: sent again it would refuse it again."""


class Alertmanager(Protocol):
    """One Alertmanager, as far as we speak with it. Everything raises OSError, TimeoutError or aiohttp.ClientError."""

    async def post(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Returns once it has taken them. Raises RefusedAlertsError."""

    async def standing(self, labels: Mapping[str, str]) -> list[tuple[Labels, int]]:
        """The alerts with these labels that it holds for active, and when they began, ms."""


class HttpAlertmanager:
    """An Alertmanager behind its API v2."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, f"{url.rstrip('/')}/api/v2/alerts"

    async def post(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        async with self._session.post(self._url, json=alerts, allow_redirects=False) as answer:
            if answer.status == 400:
                raise RefusedAlertsError((await answer.text())[:300])
            answer.raise_for_status()
            if answer.status != 200:
                raise OSError(f"HTTP {answer.status}")

    async def standing(self, labels: Mapping[str, str]) -> list[tuple[Labels, int]]:
        filters = [("filter", f'{name}="{value}"') for name, value in labels.items()]
        async with self._session.get(self._url, params=filters, allow_redirects=False) as answer:
            answer.raise_for_status()
            return [
                (_said(one["labels"]), round(datetime.fromisoformat(one["startsAt"]).timestamp() * 1000))
                for one in await answer.json()
            ]


@dataclass(frozen=True, slots=True)
class Sent:
    """What Alertmanager has taken of an alert, and when, ms; `resolved_at`: since when it was told that it is over."""

    alert: Alert
    at: int
    resolved_at: int | None = None
    refused: bool = False


class Pager:
    """Keeps one Alertmanager told of what stands."""

    def __init__(self, alertmanager: Alertmanager, name: str, links: Links, metrics: Metrics) -> None:
        """`name` is what logs and metrics call it."""
        self._alertmanager, self._name, self._links, self._metrics = alertmanager, name, links, metrics
        for result in ("taken", "failed", "refused"):
            metrics.begin(families.ALERT_REQUESTS, name, result)
        self._sent: dict[Labels, Sent] = {}
        self._adopted = self._away = False

    async def look(self, open_incidents: Iterable[tuple[PagedIncident, Handling]], now: int) -> int:
        """Sends what it has not been told, or not for long; returns how many alerts it did not take. Never raises."""
        incidents = list(open_incidents)
        try:
            await self._adopt()
            standing = self._standing(incidents)
            due = self._due(standing, now)
            for start in range(0, len(due), BATCH):
                await self._send(due[start : start + BATCH], now)
        except (OSError, TimeoutError, ValueError, aiohttp.ClientError) as error:
            self._metrics.increase(families.ALERT_REQUESTS, self._name, "failed")
            if not self._away:
                logger.warning(
                    "Alertmanager %s takes no alerts: %s; what stands is kept, and sent when it answers",
                    self._name, error or type(error).__name__,
                )  # fmt: skip
            self._away = True
        else:
            if self._away:
                logger.warning("Alertmanager %s takes alerts again", self._name)
            self._away = False
        standing = self._standing(incidents)
        self._forget(standing, now)
        waiting = len(self._waiting(standing))
        self._metrics.set(families.ALERTS_STANDING, len(standing), self._name)
        self._metrics.set(families.ALERTS_WAITING, waiting, self._name)
        if not waiting and not self._away:
            self._metrics.set(families.ALERTS_IN_STEP, now / 1000, self._name)
        return waiting

    async def _adopt(self) -> None:
        """What it was told by whoever ran before us stays told, or is over: we would not know of it else."""
        if self._adopted:
            return
        mine = {"alertname": ALERT, "installation": self._links.installation}
        for labels, starts_at in await self._alertmanager.standing(mine):
            self._sent.setdefault(labels, Sent(Alert(labels, (), starts_at), 0))
        self._adopted = True

    def _standing(self, incidents: Iterable[tuple[PagedIncident, Handling]]) -> dict[Labels, Alert]:
        """The alerts that stand: also of an incident that would page nobody now, but has."""
        paged = {dict(labels)["incident_id"] for labels, sent in self._sent.items() if sent.resolved_at is None}
        alerts = (
            alert_of(incident, handling, self._links)
            for incident, handling in incidents
            if (incident.page or incident.incident_id in paged) and not handling.dismissed
        )
        return {alert.labels: alert for alert in alerts}

    def _due(self, standing: Mapping[Labels, Alert], now: int) -> list[tuple[Alert, bool]]:
        """What is to be sent, and whether it stands; what is new comes first."""
        new, again, over = [], [], []
        for labels, alert in standing.items():
            sent = self._sent.get(labels)
            if sent is None or sent.resolved_at is not None or sent.alert != alert:
                new.append((alert, True))
            elif now - sent.at >= RESEND_SECONDS * 1000 and not sent.refused:
                again.append((alert, True))
        for labels, sent in self._sent.items():
            told = sent.resolved_at is not None and now - sent.at < RESEND_SECONDS * 1000
            if labels not in standing and not told and not sent.refused:
                over.append((sent.alert, False))
        return [*new, *over, *again]

    async def _send(self, batch: Sequence[tuple[Alert, bool]], now: int) -> None:
        messages = [alert.as_json(now, now + round(HOLD_SECONDS * 1000) if stands else now) for alert, stands in batch]
        try:
            await self._alertmanager.post(messages)
        except RefusedAlertsError as error:
            self._metrics.increase(families.ALERT_REQUESTS, self._name, "refused")
            if len(batch) > 1:  # the others of it were taken; which one was not is found out one by one
                for one in batch:
                    await self._send([one], now)
                return
            logger.error("Alertmanager %s refuses %s: %s", self._name, dict(batch[0][0].labels), error)
            self._note(batch, now, refused=True)
        else:
            self._metrics.increase(families.ALERT_REQUESTS, self._name, "taken")
            self._note(batch, now)

    def _note(self, batch: Iterable[tuple[Alert, bool]], now: int, *, refused: bool = False) -> None:
        for alert, stands in batch:
            before = self._sent.get(alert.labels)
            since = None if stands else now if before is None or before.resolved_at is None else before.resolved_at
            self._sent[alert.labels] = Sent(alert, now, since, refused)

    def _forget(self, standing: Collection[Labels], now: int) -> None:
        for labels, sent in list(self._sent.items()):
            over = sent.resolved_at is not None and now - sent.resolved_at >= RESOLVED_SECONDS * 1000
            if labels not in standing and (over or sent.refused):
                del self._sent[labels]

    def _waiting(self, standing: Mapping[Labels, Alert]) -> list[Labels]:
        """What it has not taken as it is now; none of what it refuses."""
        begun = [labels for labels, alert in standing.items() if not self._knows(labels, alert)]
        ended = [labels for labels, sent in self._sent.items() if labels not in standing and sent.resolved_at is None]
        return begun + ended

    def _knows(self, labels: Labels, alert: Alert) -> bool:
        sent = self._sent.get(labels)
        return sent is not None and sent.resolved_at is None and sent.alert == alert


async def run(
    incidents: Standing,
    settings: Settings,
    metrics: Metrics,
    *,
    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Sends for ever, to each Alertmanager of the settings; returns at once where there is none."""
    if not settings.alertmanagers:
        return
    token = settings.alertmanager_token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        links = Links.of(settings)
        pagers = [Pager(HttpAlertmanager(session, url), url, links, metrics) for url in settings.alertmanagers]
        await asyncio.gather(*(_keep_told(pager, incidents, wall_ms, pause) for pager in pagers))


async def _keep_told(
    pager: Pager,
    incidents: Standing,
    wall_ms: Callable[[], int],
    pause: Callable[[float], Awaitable[None]],
) -> None:
    wait = LOOK_SECONDS
    while True:
        found = incidents()
        if found is not None:  # what is not read yet would be taken for closed
            try:
                waiting = await pager.look(found, wall_ms())
            except Exception:
                logger.exception("Alerts were not sent")
                waiting = 1
            wait = min(2 * wait, _LONGEST_PAUSE) if waiting else LOOK_SECONDS
        await pause(wait)
