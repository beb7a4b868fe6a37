"""`step` alone: in this process, without Kafka, CPU microseconds per event, checkpoints and their encoding included.

The total is measured over the real functions, untouched. Where it goes is measured in rounds of their own, in which the
functions of each stage are wrapped by timers where the pipeline calls them. A timer counts what its function takes
without the timed functions that it calls; what a timer costs itself, measured on an empty function, is subtracted, from
its own stage and from the one around it. `other` is what the total has and the stages have not.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from deploy.cli.settings import ShippedSettings
from deploy.traffic.messages import Message
from processors.durability.changelog import Changelog, LogLimits
from processors.patterns import registry
from processors.pipeline import deadlines, eviction, folding, live, step
from processors.rules import Rules
from processors.runtime.slices import Slice
from processors.runtime.tuning import tune_gc
from processors.settings import Settings
from processors.state import partition, pending
from processors.state.partition import PartitionState
from schemas.topics import INPUTS
from sinks import messages
from tests.bench.corpus import PARTITIONS, rounds_of

WINDOW: Final = 6_000
"""Messages between two checkpoints of all partitions: a second of a worker that catches up."""

STAGES: Final[dict[str, tuple[tuple[Any, str], ...]]] = {
    "decode+admit": ((step, "decode"), (step, "admit"), (step, "occurred_ms")),
    "deduplicate": ((step, "_recognise"),),
    "redact+enrich": (
        (step, "mask_event"),
        (step, "map_category"),
        (step, "text_topics"),
        (step, "_payload"),
        (step, "warnings_of"),
    ),
    "fold+evaluate": (
        (step, "case_event"),
        (folding, "fold_event"),
        (folding, "apply"),
        (deadlines, "fire"),
    ),
    "kpis": ((PartitionState, "add_sample"), (eviction, "keep_bounds")),
    "rows": (
        (step, "event_row"),
        (step, "rejected_row"),
        (live, "observe_accepted"),
        (pending, "case_row"),
        (pending, "clock_row"),
        (partition, "partial_rows"),
    ),
    "checkpoint+encode": ((PartitionState, "checkpoint"), (messages, "messages")),
}
"""Stage -> the functions that are it, each with the module or class in which it is looked up."""

Round = list[Slice]


class StepCost(NamedTuple):
    """CPU microseconds per event; medians over the rounds."""

    total: float
    stages: dict[str, float]
    checkpoint_bytes: float
    """Bytes that checkpoints write, per event."""
    all_clocks: float
    """Cost with all nine metrics promised in business time, of the cost with four in elapsed time as 1."""


def measure(messages: Sequence[Message], rounds: int) -> StepCost:
    """Take in the whole log `rounds` times untouched, and as often with timers."""
    log, settings = list(rounds_of(messages, WINDOW)), ShippedSettings(_env_file=None)
    rules = Rules.of(settings, registry.DECLARED)
    tune_gc()  # as the worker does
    totals, traced, size = [], [], 0
    for _ in range(rounds):
        seconds, size = _take_in(log, rules, settings)
        totals.append(seconds / len(messages) * 1e6)
        traced.append(_stages(log, rules, settings))
    total = median(totals)
    stages = {name: median(one[name] for one in traced) / len(messages) * 1e6 for name in STAGES}
    stages |= {"other": total - sum(stages.values())}
    return StepCost(total, stages, size / len(messages), _all_clocks(log[: len(log) // 2], rounds))


_PACKS: Final = Path(__file__).parent / "packs"
_PAIRS_A_ROUND: Final = 3
"""More pairs of shorter runs: what else the machine does is in both of a pair."""


def _all_clocks(log: Sequence[Round], rounds: int) -> float:
    few, all_ = (
        ShippedSettings(_env_file=None, policies=(_PACKS / f"{name}-clocks.yaml",)) for name in ("four", "all")
    )
    ratios = []
    for _ in range(rounds * _PAIRS_A_ROUND):
        least, most = (_take_in(log, Rules.of(settings, registry.DECLARED), settings)[0] for settings in (few, all_))
        ratios.append(most / least)
    return median(ratios)


def _take_in(log: Sequence[Round], rules: Rules, settings: Settings) -> tuple[float, int]:
    """CPU seconds for the whole log in empty states, and the bytes that its checkpoints have."""
    states = [PartitionState(number, rules) for number in range(PARTITIONS)]
    limits = LogLimits(settings.message_bytes, settings.log_to_state)
    changelogs = [Changelog(state, INPUTS, limits) for state in states]
    page_window_ms = round(settings.page_window * 1000)
    written = 0
    gc.collect()
    began = time.process_time()
    for slices in log:
        for batch in slices:
            state = states[batch.partition]
            step.step(state, batch, state.now)
            state.advance_watermark(batch.topic, max(record.timestamp for record in batch))
        for state, changelog in zip(states, changelogs, strict=True):
            wall = state.watermarks.max_timestamp.get("contact-events", 0)
            checkpoint = state.checkpoint(changelog.begin(), wall)
            delta = changelog.write()
            encoded = messages.messages(
                checkpoint,
                prefix="",
                wall=wall,
                page_window_ms=page_window_ms,
                message_bytes=settings.message_bytes,
            )
            written += sum(len(message.value) for message in encoded) + sum(map(len, delta.messages))
    return time.process_time() - began, written


class _Frame:
    """A timed call under way, and the nanoseconds of those within it."""

    __slots__ = ("stage", "within")

    def __init__(self, stage: str) -> None:
        self.stage, self.within = stage, 0


class _Timers:
    """Exclusive time of each stage: a stack of what the timed functions within a timed function took."""

    def __init__(self) -> None:
        self.ns: dict[str, int] = {}
        self.calls: dict[str, int] = {}
        self.inner_calls: dict[str, int] = {}
        """Timed calls that a stage made: what surrounds their clock was counted to it."""
        self._stack: list[_Frame] = [_Frame("")]

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        stack, clock = self._stack, time.thread_time_ns
        ns, calls, inner_calls = self.ns, self.calls, self.inner_calls
        for counts in (ns, calls, inner_calls):
            counts.setdefault(stage, 0)

        def timed(*args: Any, **kwargs: Any) -> Any:
            around = stack[-1]
            frame = _Frame(stage)
            stack.append(frame)
            began = clock()
            try:
                return function(*args, **kwargs)
            finally:
                took = clock() - began
                stack.pop()
                around.within += took
                ns[stage] += took - frame.within
                calls[stage] += 1
                inner_calls[around.stage] = inner_calls.get(around.stage, 0) + 1

        return timed

    def timed_generator(self, stage: str, function: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        return self.timed(stage, lambda *args, **kwargs: iter(list(function(*args, **kwargs))))

    def seconds(self, inside_ns: float, around_ns: float) -> dict[str, float]:
        """Per stage, less what the timers cost within their own clock and around it."""
        return {
            stage: (spent - inside_ns * self.calls[stage] - around_ns * self.inner_calls.get(stage, 0)) / 1e9
            for stage, spent in self.ns.items()
        }


def _stages(log: Sequence[Round], rules: Rules, settings: Settings) -> dict[str, float]:
    """CPU seconds of each stage for the whole log."""
    timers = _Timers()
    with ExitStack() as patched:
        for stage, functions in STAGES.items():
            for owner, name in functions:
                wrap = timers.timed_generator if name == "messages" else timers.timed
                patched.enter_context(patch.object(owner, name, wrap(stage, getattr(owner, name))))
        with _steady_collector():
            _take_in(log, rules, settings)
    return timers.seconds(*_timer_cost())


@contextmanager
def _steady_collector() -> Iterator[None]:
    """Without the garbage collector, which would fall upon whichever stage is under way; `other` has it then."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _timer_cost() -> tuple[float, float]:
    """Nanoseconds of one timer: (within its clock, around it)."""
    timers, calls = _Timers(), 100_000

    def nothing(one: object, two: object) -> None:
        pass

    timed = timers.timed("inner", nothing)

    def many(function: Callable[..., Any]) -> int:
        began = time.thread_time_ns()
        for _ in range(calls):
            function(1, 2)
        return time.thread_time_ns() - began

    bare, whole = many(nothing), many(timed)
    within = timers.ns["inner"] / calls - bare / calls / 2  # half of a bare call is the call, half the function
    return within, (whole - timers.ns["inner"]) / calls
