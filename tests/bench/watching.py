"""How the benchmark looks at a process from outside: its page of metrics, and the CPU that it took."""

import http.client
import os
import re
import time
from types import TracebackType
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

_TICK: Final = os.sysconf("SC_CLK_TCK")


class Seen(NamedTuple):
    """`at`: when the page was asked for, `answered`: when it came; monotonic seconds."""

    at: float
    answered: float
    total: int


class Page:
    """`/metrics` of one process, asked again and again over one connection, each time for one counter.

    The whole page costs the process several milliseconds of CPU: asked for often, that would be what is measured.
    """

    def __init__(self, ready_url: str) -> None:
        address = urlsplit(ready_url)
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._connection.close()

    def total(self, counter: str, label: str = "") -> Seen:
        """The sum of a counter over all its labels, or over those that contain `label`."""
        at = time.monotonic()
        body = self._body(f"/metrics?name[]={counter}")
        answered = time.monotonic()
        values = re.findall(rb"^%b(?:\{.*%b.*\})? (\S+)$" % (counter.encode(), label.encode()), body, re.MULTILINE)
        return Seen(at, answered, round(sum(map(float, values))))

    def _body(self, path: str) -> bytes:
        try:
            self._connection.request("GET", path)
            return self._connection.getresponse().read()
        except ConnectionError:  # the pages end connections on which nobody asks for some seconds
            self._connection.close()
            self._connection.request("GET", path)
            return self._connection.getresponse().read()


def stolen_seconds() -> float:
    """CPU time that the hypervisor gave to others so far, over all cores; 0 on a machine of its own."""
    with open("/proc/stat", "rb") as file:
        return int(file.readline().split()[8]) / _TICK


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads, so far."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK
