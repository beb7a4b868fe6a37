"""Durations as packs write them, and in words."""

import re
from functools import lru_cache
from typing import Annotated, Final

from pydantic import BeforeValidator


def _milliseconds(value: object) -> int:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('a duration is a number and a unit, such as "20s", "15min", "8h" or "2d"')
    return int(match[1]) * _UNITS[match[2]]


_DURATION: Final = re.compile(r"(\d+)\s*(s|min|h|d)")
_UNITS: Final = {"s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}

Duration = Annotated[int, BeforeValidator(_milliseconds)]
"""Milliseconds; written "20s", "15min", "8h", "2d"."""


def written(duration_ms: int, *, largest: str = "d") -> str:
    """A duration as a pack writes it, in the largest unit that needs no fraction: 4h."""
    units = [unit for unit in ("d", "h", "min", "s") if _UNITS[unit] <= _UNITS[largest]]
    unit = next((unit for unit in units if duration_ms % _UNITS[unit] == 0), "s")
    return f"{duration_ms / _UNITS[unit]:g}{unit}"


@lru_cache(maxsize=1_024)
def in_words(duration_ms: int, *, largest: str = "d") -> str:
    """A duration for people, in its two largest units, the rest cut off: 4 h, 2 d 3 h, 1 h 30 min."""
    left, parts = duration_ms, list[str]()
    for unit in ("d", "h", "min", "s"):
        if _UNITS[unit] <= _UNITS[largest] and len(parts) < 2:
            amount, rest = divmod(left, _UNITS[unit])
            if amount:
                parts.append(f"{amount} {unit}")
                left = rest
            elif parts:
                break
    return " ".join(parts) or "less than 1 s"
