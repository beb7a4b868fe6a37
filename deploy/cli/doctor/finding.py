"""`Finding`: one thing that the doctor looked at."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether it is well, what was seen, and what to do."""

    check: str
    well: bool
    seen: str
    to_do: str = ""


def moment(ms: int) -> str:
    """A moment, ms since the epoch, as findings say it: to the second, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
