"""`WallClock`: whether our clock counts. It does while it agrees with the broker's; else it is ours that is wrong.

The broker says what time it is there in its answer to every checkpoint. Between two of them the monotonic clock judges,
which nobody sets. While ours does not count, time is held: nothing is taken for over because the clock says so.
"""

from typing import Final

from processors.runtime.timeouts import monotonic_ms, wall_ms
from schemas.observations import CLOCKS_AGREE_MS

DRIFT_MS: Final = 5_000
"""What our clock may move against the monotonic one between two answers of the broker: more is a jump."""
ASKED_SECONDS: Final = 60.0
"""The broker is asked at least so often: where there is nothing to write, by a checkpoint of nothing."""


class WallClock:
    """Our clock, and what the broker said last: for one partition, since others may have another broker."""

    def __init__(self) -> None:
        self._broker: int | None = None
        self._wall = self._at = 0

    def answered(self, broker: int | None) -> None:
        """The broker answers now, and says that it is `broker` there, ms; None: it does not say."""
        if broker is not None:
            self._broker, self._wall, self._at = broker, wall_ms(), monotonic_ms()

    @property
    def time(self) -> int | None:
        """Our clock, ms, while it counts."""
        if self._broker is None or abs(self._wall - self._broker) > CLOCKS_AGREE_MS:
            return None
        wall = wall_ms()
        return wall if abs(wall - self._wall - (monotonic_ms() - self._at)) <= DRIFT_MS else None

    @property
    def broker(self) -> int | None:
        """What time it is at the broker now, ms, as far as is known."""
        return None if self._broker is None else self._broker + monotonic_ms() - self._at

    @property
    def best(self) -> int:
        """What time it is, ms, for what cannot wait: by our clock while it counts, else by the broker's."""
        time = self.time
        if time is not None:
            return time
        broker = self.broker
        return wall_ms() if broker is None else broker

    @property
    def ahead_ms(self) -> int:
        """How far our clock lies ahead of the broker's; behind it, less than 0; as long as nobody knows, 0."""
        broker = self.broker
        return 0 if broker is None else wall_ms() - broker

    def not_ahead(self, moment: int) -> int:
        """A moment that a record claims, ms, or what time it is, where that is earlier and known."""
        return moment if self._broker is None else min(moment, self.best)
