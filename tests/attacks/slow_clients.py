"""Six hundred HTTP requests that never end; of 256 files that a worker may open, some must stay for a rebalance.

`python -m tests.attacks.slow_clients`
"""

import os
import resource
import socket
import time
from typing import Final

from deploy.local.stack import Service
from tests.attacks.installation import READ_SECONDS, end, ready, say, target

REQUESTS: Final = 600
FILES: Final = 256


def files_of(worker: Service) -> int:
    return len(os.listdir(f"/proc/{worker.pid}/fd"))


def half_requests(port: int) -> list[socket.socket]:
    """Connections with a request whose headers do not end, as many as are taken."""
    connections: list[socket.socket] = []
    for _ in range(REQUESTS):
        connection = socket.socket()
        connection.settimeout(2)
        try:
            connection.connect(("127.0.0.1", port))
            connection.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
        except OSError as error:
            say("connection", len(connections), error)
            break
        connections.append(connection)
    return connections


def main() -> bool:
    with target() as attacked:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, limits[1]))
        worker = attacked.installation.launch("worker")
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        worker.wait_ready(READ_SECONDS)
        attacked.start("warehouse")
        connections = half_requests(int(worker.ready_url.rpartition(":")[2].partition("/")[0]))
        time.sleep(3)
        say("half requests", len(connections), "files", files_of(worker))
        attacked.open_cases("A", 20)
        time.sleep(8)
        say("read", attacked.installation.read(), "of 20; ready", ready(worker))
        other = attacked.installation.launch("worker")  # a rebalance needs new connections
        time.sleep(15)
        other.terminate(10)
        time.sleep(12)
        attacked.open_cases("C", 20)
        time.sleep(10)
        read = attacked.installation.read()
        say("after a rebalance and back: read", read, "of 40; alive", worker.alive, worker.exit_code)
        return worker.alive and read == 40


if __name__ == "__main__":
    end(main)
