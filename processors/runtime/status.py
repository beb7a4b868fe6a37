"""The pages of a process for operations: `/metrics`, `/ready` and `/live`."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

logger = logging.getLogger(__name__)


class Readiness(NamedTuple):
    """Whether a process does its work, and what `/ready` shows as JSON: the problems, and how it stands."""

    ready: bool
    details: Mapping[str, Any]


class StatusServer:
    """Serves the pages of a process over HTTP."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        readiness: Callable[[], Readiness],
        registry: CollectorRegistry,
        refuse: Callable[[str], None],
    ) -> None:
        """`refuse` is told, in one line, why the pages cannot be served."""
        self.port = port
        self._host, self._readiness, self._registry, self._refuse = host, readiness, registry, refuse
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens; with port 0 on a free one, which `port` says then."""
        pages = web.Application()
        pages.router.add_get("/metrics", self._metrics)
        pages.router.add_get("/ready", self._ready)
        pages.router.add_get("/live", self._live)
        self._runner = web.AppRunner(pages, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        try:
            await site.start()
        except OSError as error:
            self._refuse(f"the pages cannot have {self._host}:{self.port} ({error.strerror}): choose another port")
            return
        self.port = self._runner.addresses[0][1]
        logger.info("Pages on http://%s:%d/ready", self._host, self.port)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        """All metrics, or those asked for: `/metrics?name[]=feedback_events_total`, as Prometheus clients have it."""
        names = request.query.getall("name[]", [])
        asked = self._registry.restricted_registry(names) if names else self._registry
        return web.Response(body=generate_latest(asked), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _ready(self, _: web.Request) -> web.Response:
        ready, details = self._readiness()
        return web.json_response({"ready": ready, **details}, status=200 if ready else 503)

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})
