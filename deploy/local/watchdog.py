"""Kills every process it was told of as soon as its parent is gone. A script of its own: it must start in milliseconds.

Its standard input is a pipe whose other end the parent holds. The lines: `+PID` watch the group of that process,
`-PID` forget it. The end of the input is the end of the parent, however it came: an exit, a crash, kill -9.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterable


def watch(lines: Iterable[str]) -> set[int]:
    """Read to the end; the processes that are still to be killed then."""
    watched: set[int] = set()
    for line in lines:
        pid = int(line[1:])
        (watched.add if line[0] == "+" else watched.discard)(pid)
    return watched


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the end of the parent ends the watch
    for group in watch(sys.stdin):
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
