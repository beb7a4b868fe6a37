"""The pages of a process: `/metrics`, `/ready` and `/live` for operations, and what else it may show.

Whoever reaches them cannot hold up the process: files are what it opens partitions with, and idle clients get few.
"""

import hmac
import logging
from asyncio import Transport
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

logger = logging.getLogger(__name__)

CONNECTIONS_MAX: Final = 50
"""Beyond it the oldest connection ends: who asks now is served."""
WAITING_SECONDS: Final = 5.0
"""So long a connection may go without a whole request: before its first one, in the middle of one, and after one."""


Page = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""Answers a request."""
Document = Callable[[], Awaitable[bytes]]
"""Makes a page of JSON."""


class Readiness(NamedTuple):
    """Whether a process does its work, and what `/ready` shows as JSON: the problems, and how it stands."""

    ready: bool
    details: Mapping[str, Any]


class PageServer:
    """Serves pages over HTTP."""

    def __init__(
        self,
        host: str,
        port: int,
        answer: Page,
        *,
        refuse: Callable[[str], None],
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        """`refuse` is told, in one line, why the pages cannot be served."""
        self.port = port
        self._host, self._answer, self._refuse, self._connections_max = host, answer, refuse, connections_max
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Listens; with port 0 on a free one, which `port` says then."""
        server = _FewConnections(
            self._answer, connections_max=self._connections_max, access_log=None, keepalive_timeout=WAITING_SECONDS
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port, backlog=CONNECTIONS_MAX)
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


class StatusPages:
    """The pages that every process has."""

    def __init__(
        self,
        *,
        readiness: Callable[[], Readiness],
        registry: CollectorRegistry,
        token: str = "",
        documents: Mapping[str, Document] = MappingProxyType({}),
    ) -> None:
        """`token`: what a client has to bear for all pages but `/live`; empty: nothing. `documents`: more of them."""
        self._readiness, self._registry, self._documents = readiness, registry, documents
        self._token = token

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        pages = {"/metrics": self._metrics, "/ready": self._ready, "/live": self._live}
        page, document = pages.get(request.path), self._documents.get(request.path)
        if (page is None and document is None) or request.method not in ("GET", "HEAD"):
            return web.Response(status=404)
        if request.path != "/live" and not bears(request, self._token):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        if document is not None:
            return web.Response(body=await document(), content_type="application/json")
        assert page is not None
        return page(request)

    def _metrics(self, request: web.BaseRequest) -> web.Response:
        """All metrics, or those asked for: `/metrics?name[]=feedback_events_total`, as Prometheus clients have it."""
        names = request.query.getall("name[]", [])
        asked = self._registry.restricted_registry(names) if names else self._registry
        return web.Response(body=generate_latest(asked), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _ready(self, _: web.BaseRequest) -> web.Response:
        ready, details = self._readiness()
        return web.json_response({"ready": ready, **details}, status=200 if ready else 503)

    def _live(self, _: web.BaseRequest) -> web.Response:
        return web.json_response({"live": True})


def bears(request: web.BaseRequest, token: str) -> bool:
    """Whether a request bears a token, where one is asked for."""
    sent = request.headers.get("Authorization", "").encode(errors="replace")
    return not token or hmac.compare_digest(sent, f"Bearer {token}".encode())


class StatusServer(PageServer):
    """Serves the pages that every process has, and documents of its own."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        readiness: Callable[[], Readiness],
        registry: CollectorRegistry,
        refuse: Callable[[str], None],
        token: str = "",
        documents: Mapping[str, Document] = MappingProxyType({}),
    ) -> None:
        pages = StatusPages(readiness=readiness, registry=registry, token=token, documents=documents)
        super().__init__(host, port, pages.answer, refuse=refuse)


class _FewConnections(web.Server):
    """Ends the oldest connection where there are too many."""

    def __init__(self, answer: Page, *, connections_max: int, **options: Any) -> None:
        super().__init__(answer, **options)
        self._connections_max = connections_max

    def connection_made(self, handler: web.RequestHandler, transport: Transport) -> None:
        super().connection_made(handler, transport)
        alive = [one.transport for one in self.connections if one.transport and not one.transport.is_closing()]
        if len(alive) > self._connections_max:
            alive[0].abort()
