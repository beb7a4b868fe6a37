"""The addresses of the board: the page and what belongs to it, its events, the page of a case, and the entrance."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from importlib.resources import files
from typing import Final, Literal
from urllib.parse import quote, unquote

import msgspec
from aiohttp import web

from deploy.board.entrance import Entrance, local_path
from deploy.board.stream import Broadcast
from processors.runtime.status import StatusPages
from schemas.errors import OidorError

CaseTelling = Callable[[str, str], str]
"""The HTML of a case, by TOPIC/SOURCE/ID and language. Raises OidorError."""

Acting = Callable[[str, str, str, str], Awaitable[None]]
"""Publishes an action: what, about which incident, by whom, with a note. Raises OidorError."""

CASE: Final = "/case/"
STREAMS_MAX: Final = 200
CONNECTIONS_MAX: Final = 300
_CASES_AT_ONCE: Final = 2
_CASE_SECONDS: Final = 30.0
_FORM_BYTES: Final = 8_192
_WRONG_TOKEN_SECONDS: Final = 0.5

_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_ASSETS: Final = ("board.css", "board.js", "words.js", "icon.svg")
_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")
_BACK: Final = {"en": "The board", "es": "El tablero"}
_SAFE: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class _Action(msgspec.Struct, frozen=True):
    action: Literal["acknowledged", "acted", "dismissed"]
    incident_id: str
    who: str
    note: str = ""


_action = msgspec.json.Decoder(_Action)


class BoardPages:
    """Answers what a browser or a program asks."""

    def __init__(
        self, status: StatusPages, entrance: Entrance, broadcast: Broadcast, telling: CaseTelling, acting: Acting
    ) -> None:
        self._status, self._entrance, self._broadcast = status, entrance, broadcast
        self._telling, self._acting = telling, acting
        self._files = {name: _read(name) for name in ("board.html", "case.html", "login.html", *_ASSETS)}
        self._telling_now = asyncio.Semaphore(_CASES_AT_ONCE)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path in ("/metrics", "/ready", "/live"):
            return await self._status.answer(request)
        if self._entrance.is_foreign(request):
            return web.Response(
                status=421,
                text="ask by an address or as localhost, or set OIDOR_PAGES_TOKEN_FILE: see docs/security.md\n",
            )
        if request.method == "POST":
            return await self._post(request)
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405)
        if path.lstrip("/") in _ASSETS:
            return self._file(path.lstrip("/"))
        if not self._entrance.admits(request):
            return self._refused(request)
        if path == "/":
            return self._file("board.html")
        if path == "/events":
            return await self._events(request)
        if path.startswith(CASE):
            return await self._case(request)
        return web.Response(status=404, text="There is no such page: the board is at /\n")

    async def _post(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._entrance.is_cross_site(request):
            return web.Response(status=403, text="a page of another site asks\n")
        if request.path == "/login":
            return await self._login(request)
        if request.path == "/actions" and self._entrance.admits(request):
            return await self._act(request)
        return web.Response(status=404 if self._entrance.admits(request) else 401)

    def _file(self, name: str, status: int = 200, **put: str) -> web.Response:
        text = _PLACE.sub(lambda place: put[place[1]], self._files[name]) if put else self._files[name]
        content_type = _TYPES[name.rpartition(".")[2]]
        return web.Response(status=status, text=text, content_type=content_type, headers=_SAFE)

    async def _events(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._broadcast.streams >= STREAMS_MAX:
            return web.Response(status=503, text=f"{STREAMS_MAX} boards are open: start another `oidor board`\n")
        return await self._broadcast.serve(request)

    # Coming in

    def _refused(self, request: web.BaseRequest) -> web.Response:
        if "text/html" not in request.headers.get("Accept", ""):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        return self._file("login.html", 401, next=escape(quote(request.path_qs), quote=True), wrong="hidden")

    async def _login(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.content_length or 0) > _FORM_BYTES:
            return web.Response(status=413)
        form = await request.post()
        onward = local_path(unquote(str(form.get("next", "/"))))
        if not self._entrance.accepts(str(form.get("token", ""))):
            await asyncio.sleep(_WRONG_TOKEN_SECONDS)
            return self._file("login.html", 401, next=escape(quote(onward), quote=True), wrong="")
        response = web.Response(status=303, headers={"Location": onward})
        self._entrance.welcome(response, secure=request.headers.get("X-Forwarded-Proto", request.scheme) == "https")
        return response

    async def _act(self, request: web.BaseRequest) -> web.StreamResponse:
        """Publishes what a person does. JSON only, which no form of another site can send."""
        if request.content_type != "application/json" or (request.content_length or _FORM_BYTES) >= _FORM_BYTES:
            return web.Response(status=415)
        try:
            said = _action.decode(await request.read())
            await self._acting(said.action, said.incident_id, said.who, said.note)
        except (msgspec.DecodeError, OidorError) as error:
            return web.Response(status=400, text=str(error))
        return web.Response(status=204)

    # A case

    async def _case(self, request: web.BaseRequest) -> web.StreamResponse:
        """The telling of a case; where the database does not answer, why there is none."""
        case = unquote(request.rel_url.raw_path.removeprefix(CASE))
        language = _language(request)
        try:
            async with asyncio.timeout(_CASE_SECONDS), self._telling_now:
                article = await asyncio.to_thread(self._telling, case, language)
        except OidorError as error:
            return self._case_page(case, language, f'<p class="trouble">{escape(str(error))}</p>', 503)
        except TimeoutError:
            late = f"the database has not answered within {_CASE_SECONDS:.0f} s"
            return self._case_page(case, language, f'<p class="trouble">{late}</p>', 503)
        return self._case_page(case, language, article)

    def _case_page(self, case: str, language: str, article: str, status: int = 200) -> web.Response:
        return self._file("case.html", status, lang=language, title=escape(case), back=_BACK[language], article=article)


def _language(request: web.BaseRequest) -> str:
    """What was asked for in the address, else what the browser prefers of English and Spanish."""
    asked: str = request.query.get("lang", "") or request.headers.get("Accept-Language", "")
    return "es" if asked.strip().lower().startswith("es") else "en"


def _read(name: str) -> str:
    return (files("deploy.board") / "page" / name).read_text(encoding="utf-8")
