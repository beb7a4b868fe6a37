"""What is optional costs its own result when it raises, never the record: it is counted by name, and said.

Optional are the failure patterns and the topics of a text. Neither a case nor a clock nor a KPI depends on them.
"""

import logging
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final

from processors.cases.case import Failure
from processors.state.partition import PartitionState
from schemas.observations import Observations

log = logging.getLogger(__name__)

_FRAMES: Final = 3


def failure(part: str, error: Exception) -> Failure:
    """That an optional part raised."""
    return Failure(part, described(error))


def described(error: Exception) -> str:
    """The type of an error and its place in the code, never its message: that may quote what a customer wrote."""
    places = [f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" for frame in _frames(error)]
    return f"{type(error).__name__} at {' < '.join(reversed(places[-_FRAMES:]))}"


def _frames(error: Exception) -> Iterable[TracebackType]:
    frame = error.__traceback__
    while frame is not None:
        yield frame
        frame = frame.tb_next


def report(state: PartitionState, failures: Iterable[Failure], at: int, observations: Observations) -> None:
    """Count what failed at record time `at`, ms, and keep it in the state's health."""
    for part, error in failures:
        observations.count("isolated_errors", part)
        errors = state.health.failed(part, error, at).errors
        if errors & (errors - 1) == 0:  # 1, 2, 4, 8 ...: a part that fails always would fill the log
            log.error("partition %d: %s failed by itself, %d times so far: %s", state.number, part, errors, error)
