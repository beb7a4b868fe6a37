"""What must be there before a process starts; inside Faust its absence would be a traceback."""

import socket

from deploy.cli.topics import check
from processors.settings import Settings
from schemas.errors import OidorError


def require_topics(settings: Settings) -> None:
    """Raise `OidorError` for the first topic that is missing or has the wrong shape."""
    if wrong := [problem for problem in check(settings) if not problem.warning]:
        more = f" ({len(wrong) - 1} more: `oidor topics check`)" if len(wrong) > 1 else ""
        raise OidorError(f"{wrong[0]}{more}")


def require_free_port(settings: Settings, port: int) -> None:
    """Raise `OidorError` when another process listens on a port of `web_host`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.web_host, port))
        except OSError as error:
            raise OidorError(
                f"cannot listen on {settings.web_host}:{port} ({error.strerror}): set OIDOR_WORKER_PORT or "
                "OIDOR_WAREHOUSE_PORT, 0 takes a free one"
            ) from error
