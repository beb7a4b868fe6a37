"""Kills every process announced to it as soon as its parent is gone. A script of its own: it starts in milliseconds.

Its argument is the parent's process, which may be gone before this has begun. Its standard input is a pipe whose other
end the parent holds. The lines: `+PID` watch the group of that process, `-PID` forget it. The parent is gone when the
pipe ends, or when somebody else has become our parent: a child that is stopped before it has become its program holds
the pipe open too.
"""

import contextlib
import os
import select
import signal
import sys

CHECK_SECONDS = 0.5


def follow(lines: str, watched: set[int]) -> None:
    """Change `watched` as whole lines say."""
    for line in lines.splitlines():
        pid = int(line[1:])
        (watched.add if line[0] == "+" else watched.discard)(pid)


def watch(pipe: int, parent: int) -> None:
    """Read until the pipe ends; once the parent is gone, kill what is watched and what still announces itself."""
    watched: set[int] = set()
    rest = b""
    ended = False
    while not ended:
        if select.select([pipe], [], [], CHECK_SECONDS)[0]:
            data = os.read(pipe, 65_536)
            whole, newline, rest = (rest + data).rpartition(b"\n")
            follow((whole + newline).decode(), watched)
            ended = not data
        if ended or os.getppid() != parent:
            for group in watched:
                with contextlib.suppress(OSError):
                    os.killpg(group, signal.SIGKILL)
            watched.clear()


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the end of the parent ends the watch
    watch(sys.stdin.fileno(), int(sys.argv[1]))
