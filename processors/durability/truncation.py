"""`Truncation`: when the beginning of a log is deleted that its state does not need any more."""

from collections import deque
from typing import Final, NamedTuple

from processors.durability.changelog import Delta

_CHECKPOINTS: Final = 50
_BYTES: Final = 4_000_000
_SHARE: Final = 1 / 8
_WITHIN_CHECKPOINTS: Final = 1_000


class _Start(NamedTuple):
    """Where a checkpoint of this process begins in the log."""

    sequence: int
    offset: int
    written_before: int
    """Bytes of the checkpoints before it."""


class Truncation:
    """Knows the deltas that this process committed; what lies before them stays until the first of them goes.

    A deletion costs a connection, so it must be worth it: 50 checkpoints or 4 MB, and an eighth of what is known of the
    log. After a thousand checkpoints whatever is not needed goes.
    """

    def __init__(self) -> None:
        self._starts: deque[_Start] = deque()
        self._written = self._truncated_at = 0

    def committed(self, delta: Delta, offset: int) -> int | None:
        """Note a delta whose first message is at `offset`; returns before which offset to delete, if it is time."""
        self._starts.append(_Start(delta.sequence, offset, self._written))
        self._written += sum(map(len, delta.messages))
        unneeded = delta.needed_from - self._starts[0].sequence
        overdue = delta.sequence - self._truncated_at >= _WITHIN_CHECKPOINTS
        if unneeded <= 0 or not (overdue or self._is_worth_it(unneeded)):
            return None
        self._truncated_at = delta.sequence
        for _ in range(unneeded):
            self._starts.popleft()
        return self._starts[0].offset

    def _is_worth_it(self, unneeded: int) -> bool:
        length = self._starts[unneeded].written_before - self._starts[0].written_before
        is_much = unneeded >= _CHECKPOINTS or length >= _BYTES
        return is_much and unneeded >= _SHARE * len(self._starts)
