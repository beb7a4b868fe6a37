"""Quantities in words, roughly as Grafana writes them in the units that our panels have."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

_TIMES: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))
_SIZES: Final = ((1024.0**3, "GiB"), (1024.0**2, "MiB"), (1024.0, "KiB"), (1.0, "B"))
_COUNTS: Final = ((1e6, "M"), (1e3, "k"), (1.0, ""))
_SUFFIXES: Final = {"cpm": " /min", "reqps": " /s"}


def in_words(value: Any, unit: str) -> str:
    """A value of a panel, or of a cell of a table, in its unit."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%d %b %H:%M}"
    if not isinstance(value, int | float):
        return str(value)
    if unit == "percentunit":
        return f"{100 * value:.1f} %".replace(".0 %", " %")
    if unit == "s":
        return _scaled(value, _TIMES, " ")
    if unit in ("bytes", "Bps"):
        return _scaled(value, _SIZES, " ") + ("/s" if unit == "Bps" else "")
    return _scaled(value, _COUNTS, " ") + _SUFFIXES.get(unit, "")


def _scaled(value: float, scale: Sequence[tuple[float, str]], space: str) -> str:
    size, name = next((step for step in scale if abs(value) >= step[0]), scale[-1])
    if value == 0:
        size, name = next(step for step in scale if step[0] == 1)
    amount = value / size
    digits = 0 if abs(amount) >= 100 or amount == round(amount) else 1
    return f"{amount:.{digits}f}{space if name else ''}{name}"
