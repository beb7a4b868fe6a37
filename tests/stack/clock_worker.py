"""`oidor` with a wall clock that is off by what a file says, seconds; the monotonic clock is right.

While there is a file CLOCK_BELIEVED its clock counts, whatever the broker says.
"""

import os
import time
from pathlib import Path
from typing import Final

from processors.durability.wall_clock import WallClock
from processors.runtime.timeouts import wall_ms

_FILE: Final = Path(os.environ["CLOCK_FILE"])
_LOOK_SECONDS: Final = 0.3
_time, _time_ns = time.time, time.time_ns
_last_look, _offset = 0.0, 0.0


def _off() -> float:
    global _last_look, _offset
    if time.monotonic() - _last_look > _LOOK_SECONDS:
        _last_look = time.monotonic()
        try:
            _offset = float(_FILE.read_text())
        except ValueError:  # it is being written
            return _offset
    return _offset


_BELIEVED: Final = Path(os.environ.get("CLOCK_BELIEVED", "/nowhere"))


class _Believed(WallClock):
    """While it is believed it counts, and nothing lies ahead of it."""

    def answered(self, broker: int | None) -> None:
        super().answered(wall_ms() if _BELIEVED.exists() else broker)

    @property
    def time(self) -> int | None:
        return wall_ms() if _BELIEVED.exists() else super().time


if __name__ == "__main__":
    vars(time)["time"] = lambda: _time() + _off()
    vars(time)["time_ns"] = lambda: _time_ns() + int(_off() * 1e9)
    from processors.durability import partition

    vars(partition)["WallClock"] = _Believed
    from deploy.cli.main import main

    main()
