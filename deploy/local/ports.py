"""Free TCP ports of this machine."""

import random
import socket

# Below the range from which Linux and macOS take the ports of outgoing connections: while a killed server is down, no
# client may be given its port, and none may connect to itself there.
_RANGE = range(20_000, 32_000)
_given: set[int] = set()


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Ports that nobody listens on now, and that this process has not handed out before."""
    found: list[int] = []
    for port in random.SystemRandom().sample(_RANGE, len(_RANGE)):
        if len(found) == count:
            return found
        if port not in _given and _is_free(host, port):
            _given.add(port)
            found.append(port)
    raise OSError(f"no free TCP port between {_RANGE.start} and {_RANGE.stop} on {host}")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as candidate:
        try:
            candidate.bind((host, port))
        except OSError:
            return False
        return True


def listens(host: str, port: int) -> bool:
    """Somebody accepts connections there."""
    try:
        socket.create_connection((host, port), 0.5).close()
    except OSError:
        return False
    return True
