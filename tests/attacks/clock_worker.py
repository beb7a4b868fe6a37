"""`oidor` with a wall clock that is off by what a file says, seconds; the monotonic clock is right."""

import os
import time
from pathlib import Path
from typing import Final

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


if __name__ == "__main__":
    vars(time)["time"] = lambda: _time() + _off()
    vars(time)["time_ns"] = lambda: _time_ns() + int(_off() * 1e9)
    from deploy.cli.main import main

    main()
