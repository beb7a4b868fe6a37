"""Moments as a ticket writes them: RFC 3339 outside, milliseconds since the epoch inside."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from deploy.traffic.messages import rfc3339

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment_ms(value: object) -> int:
    """Milliseconds of a moment of RFC 3339. Raises `ValueError`."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{value!r} is no moment of RFC 3339 with a zone, such as 2026-11-24T16:30:00Z")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def is_moment(column: str) -> bool:
    """Whether a column of a row holds milliseconds since the epoch."""
    return column.endswith(("_at", "_since")) or column in ("minute", "day")


def shown(column: str, value: Any) -> Any:
    """A value of a row, moments as RFC 3339."""
    return rfc3339(value) if is_moment(column) and isinstance(value, int) else value
