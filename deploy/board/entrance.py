"""Who may see the board: the token of the other pages, borne by a program, or given once by a person with a browser.

A browser keeps a seal of the token in a cookie that no script reads, so that neither its storage nor its addresses ever
have the token itself.
"""

import hashlib
import hmac
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from processors.runtime.status import bears

COOKIE: Final = "oidor_board"
_KEPT_SECONDS: Final = 7 * 86_400
_SEALED: Final = b"the board of oidor, to whoever bore the token"


class Entrance:
    """Decides by a token; without one everybody on this machine may come in, and only by an address or `localhost`."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._seal = hmac.digest(token.encode(), _SEALED, hashlib.sha256).hex()

    def admits(self, request: web.BaseRequest) -> bool:
        """Whether a request comes from somebody who may see the board."""
        if not self._token:
            return True
        sealed = request.cookies.get(COOKIE, "")
        return hmac.compare_digest(sealed.encode(), self._seal.encode()) or (
            "Authorization" in request.headers and bears(request, self._token)
        )

    def is_foreign(self, request: web.BaseRequest) -> bool:
        """Whether a page of somebody else may be asking, by a name of its own that leads here (DNS rebinding).

        With a token it does not matter: a browser sends its cookie to the name that it was given by.
        """
        return not self._token and not _is_plain(urlsplit(f"//{request.host}").hostname or "")

    def is_cross_site(self, request: web.BaseRequest) -> bool:
        """Whether a page of another site wants something done here."""
        origin = request.headers.get("Origin")
        return origin is not None and urlsplit(origin).netloc != request.host

    def accepts(self, token: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(token.strip().encode(), self._token.encode())

    def welcome(self, response: web.StreamResponse, *, secure: bool) -> None:
        """Lets a browser come in again without being asked."""
        response.set_cookie(
            COOKIE, self._seal, max_age=_KEPT_SECONDS, path="/", httponly=True, samesite="Lax", secure=secure
        )


def local_path(path: str) -> str:
    """A path of ours to go on to; anything that leads elsewhere is the board."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _is_plain(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
