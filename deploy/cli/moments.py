"""Moments as options take them."""

from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.errors import OidorError

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def moment(option: str, text: str) -> datetime:
    """Parse RFC 3339, or an age such as 36h or 7d. Raises OidorError, which names the option."""
    if text[:-1].isdigit() and text[-1:] in _UNITS:
        return datetime.now(UTC) - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        example = "2026-11-22T08:00:00Z"
        raise OidorError(f"{option} {text}: give RFC 3339 with a zone, as {example}, or an age as 36h or 7d")
    return found
