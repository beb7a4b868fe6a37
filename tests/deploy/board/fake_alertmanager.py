"""An Alertmanager without a process: what `test_alertmanagers` holds of the real one holds of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from deploy.board.paging import Labels, RefusedAlertsError


class FakeAlertmanager:
    """Takes alerts, forgets those that are not sent again, and notes what it would have told people."""

    def __init__(self, now: Callable[[], int]) -> None:
        """`now`: its clock, ms."""
        self.away = False
        self.told: list[tuple[str, dict[str, str]]] = []
        """firing or resolved, and the labels."""
        self.annotations: dict[Labels, dict[str, str]] = {}
        self.requests = 0
        self._now = now
        self._alerts: dict[Labels, tuple[int, int]] = {}

    def restart(self) -> None:
        """It keeps nothing of alerts."""
        self._alerts.clear()

    async def post(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        self._answer()
        refused = [one for one in alerts if not _is_valid(one)]
        for one in alerts:
            if one not in refused:
                self._take(one)
        if refused:
            raise RefusedAlertsError(f"{len(refused)} alerts are none")

    async def standing(self, labels: Mapping[str, str]) -> list[tuple[Labels, int]]:
        self._answer()
        self._expire()
        wanted = set(labels.items())
        return [(one, begun) for one, (begun, _) in self._alerts.items() if wanted <= set(one)]

    def firing(self) -> list[str]:
        """The incidents of which it holds an alert."""
        self._expire()
        return sorted(dict(labels)["incident_id"] for labels in self._alerts)

    def _answer(self) -> None:
        self.requests += 1
        if self.away:
            raise OSError("connection refused")

    def _take(self, alert: Mapping[str, Any]) -> None:
        self._expire()
        labels = tuple(sorted(alert["labels"].items()))
        begun, ends = _ms(alert["startsAt"]), _ms(alert["endsAt"])
        self.annotations[labels] = dict(alert["annotations"])
        if ends <= self._now():
            if self._alerts.pop(labels, None):
                self.told.append(("resolved", dict(labels)))
            return
        if labels not in self._alerts:
            self.told.append(("firing", dict(labels)))
        self._alerts[labels] = (min(begun, self._alerts.get(labels, (begun, 0))[0]), ends)

    def _expire(self) -> None:
        for labels, (_, ends) in list(self._alerts.items()):
            if ends <= self._now():
                del self._alerts[labels]
                self.told.append(("resolved", dict(labels)))

    # The same behind HTTP

    def app(self) -> web.Application:
        found = web.Application()
        found.add_routes([web.post("/api/v2/alerts", self._posted), web.get("/api/v2/alerts", self._asked)])
        return found

    async def _posted(self, request: web.Request) -> web.Response:
        try:
            await self.post(await request.json())
        except RefusedAlertsError as error:
            return web.Response(status=400, text=str(error))
        return web.Response()

    async def _asked(self, request: web.Request) -> web.Response:
        filters = (one.partition("=") for one in request.query.getall("filter", []))
        standing = await self.standing({name: value.strip('"') for name, _, value in filters})
        return web.json_response([
            {"labels": dict(labels), "startsAt": datetime.fromtimestamp(begun / 1000, UTC).isoformat()}
            for labels, begun in standing
        ])  # fmt: skip


def _is_valid(alert: Mapping[str, Any]) -> bool:
    return bool(alert["labels"]) and _ms(alert["startsAt"]) <= _ms(alert["endsAt"])


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
