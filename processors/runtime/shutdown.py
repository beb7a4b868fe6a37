"""The end of a process: one budget from the signal to the exit, whatever hangs, and a code that says why."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

EXIT_REFUSED: Final = 2
"""Exit code when this process must not go on: someone has to change something first."""
EXIT_STUCK: Final = 70
"""Exit code when this process was found stuck: started again, it works (EX_SOFTWARE)."""
EXIT_NO_BROKER: Final = 75
"""Exit code of a supervised worker that found no broker when it started: later there may be one (EX_TEMPFAIL)."""


class Shutdown:
    """One budget from the signal to the exit. Being cut short is safe: it is a crash, and crashes lose nothing."""

    def __init__(self, budget: float, *, end: Callable[[int], object] = os._exit) -> None:
        """`budget` in seconds; `end` is called with the exit code when it is spent."""
        self.code = 0
        self._budget, self._end = budget, end
        self._timer: threading.Timer | None = None

    def refuse(self, why: str) -> None:
        """Ends a process that must not go on, with exit code 2, and says why in one line."""
        logger.critical("%s", why)
        self.code = EXIT_REFUSED
        os.kill(os.getpid(), signal.SIGTERM)

    def restart(self, why: str) -> None:
        """Ends a process that works once it is started again, with exit code 70, and says why in one line."""
        logger.critical("%s", why)
        self.code = EXIT_STUCK
        os.kill(os.getpid(), signal.SIGTERM)

    def begin(self) -> None:
        """Starts the budget; a second call changes nothing."""
        if self._timer is None:
            self._timer = threading.Timer(self._budget, self._cut)
            self._timer.daemon = True
            self._timer.start()

    def _cut(self) -> None:
        logger.warning("Not done within %g s: leaving without", self._budget)
        self._end(self.code)
