"""How a test looks at something again and again, as the watchdog does."""

from collections.abc import Mapping, Sequence
from typing import Any

from processors.runtime.watchdog import Standstill, Symptom


def ends_after(standstill: Standstill, looks: Sequence[tuple[float, Mapping[Any, Symptom]]]) -> float | None:
    """The moment at which something has lasted too long."""
    return next((now for now, symptoms in looks if standstill.look(symptoms, now)), None)
