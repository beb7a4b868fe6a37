"""`Finding`: one thing that the doctor looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether it is well, what was seen, and what to do."""

    check: str
    well: bool
    seen: str
    to_do: str = ""
