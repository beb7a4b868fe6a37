"""What must be there before a process starts; inside Faust its absence would be a traceback."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from deploy.cli.acls import Principal, require_access, topics_of
from deploy.cli.topics import AwayError, check, require_admission
from processors.settings import Settings
from schemas.errors import OidorError


def require_topics(settings: Settings, principal: Principal) -> None:
    """Raise `OidorError` for the first topic of a process that is missing or has the wrong shape, or is not its to use.

    It asks for no topic that the process does not need: an account may be allowed as little.
    """
    if wrong := [problem for problem in check(settings, topics_of(settings, principal)) if not problem.warning]:
        more = f" ({len(wrong) - 1} more: `oidor topics check`)" if len(wrong) > 1 else ""
        raise OidorError(f"{wrong[0]}{more}")
    require_access(settings, principal)


@contextmanager
def explained(settings: Settings, principal: Principal) -> Iterator[None]:
    """Let a failure in this block be Kafka's refusal, named, where that is what it comes from."""
    require_admission(settings)
    try:
        yield
    except OidorError:
        if require_admission(settings):
            raise  # nobody is there who could say what is allowed
        with suppress(AwayError):
            require_access(settings, principal)
        raise


def require_free_port(settings: Settings, port: int) -> None:
    """Raise `OidorError` when another process listens on a port of `web_host`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.web_host, port))
        except OSError as error:
            raise OidorError(
                f"cannot listen on {settings.web_host}:{port} ({error.strerror}): set OIDOR_WORKER_PORT, "
                "OIDOR_WAREHOUSE_PORT or OIDOR_BOARD_PORT, 0 takes a free one"
            ) from error
