"""Whatever a record holds, `step` raises nothing, finds no error of ours in it, and is done with it in no time.

A failure says the seed, the number and the record: `mutated(seed, number)` and `hostile(seed, number)` make it again.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pytest

from processors.pipeline.step import step
from processors.runtime.timeouts import STEP_SECONDS
from schemas.observations import Observations
from schemas.topics import INPUTS
from tests.collector import collected_as_in_a_worker
from tests.fuzz.hostile import BYTES, Attack, hostile
from tests.fuzz.mutated import mutated
from tests.processors.feed import FakeBatch, FakeRecord, Feed, rules

SEED: Final = 11
CPU_SECONDS: Final = 0.1
"""What one step may take; the watchdog waits two hundred times as long."""
CHECKPOINT_EVERY: Final = 500
RULES: Final = rules()


@dataclass
class Run:
    """What became of many records, and what each of them cost."""

    feed: Feed = field(default_factory=lambda: Feed(RULES))
    costs: list[tuple[float, int]] = field(default_factory=list)
    """CPU seconds of each step, and the number of its record."""
    outcomes: Counter[str] = field(default_factory=Counter)

    def take(self, made: Callable[[int, int], Attack], number: int) -> None:
        attack = made(SEED, number)
        described = f"{made.__name__}({SEED}, {number}): {attack.topic}, key {attack.key!r}, {_shown(attack.value)}"
        for topic in INPUTS:
            self.feed.state.advance_watermark(topic, attack.timestamp)
        offset = self.feed.changelog.offsets[attack.topic]
        rest = [FakeRecord(attack.topic, 0, offset, attack.timestamp, attack.key, attack.value)]
        finished = False
        while not finished:
            observed, seconds = _stepped(self.feed, FakeBatch(attack.topic, tuple(rest)), described)
            assert seconds < CPU_SECONDS, f"{seconds:.3f} s of CPU for {described}"
            wrong = {key for key in observed.counts if key[0] in ("processing_errors", "isolated_errors")}
            assert not wrong, f"{wrong} for {described}"
            self.costs.append((seconds, number))
            self.outcomes.update(key[-1] for key in observed.counts if key[0] == "events")
            rest, finished = rest[observed.processed :], observed.finished
        self.feed.changelog.offsets[attack.topic] = offset + 1
        if offset % CHECKPOINT_EVERY == 0:
            self.feed.checkpoint()
            self.feed.deltas.clear()

    def figures(self) -> str:
        costs = sorted(self.costs)
        median, p99 = (costs[int(share * len(costs))][0] * 1000 for share in (0.5, 0.99))
        most, number = costs[-1]
        told = ", ".join(f"{outcome} {count:,}" for outcome, count in self.outcomes.most_common())
        return f"CPU ms a step: median {median:.2f}, p99 {p99:.2f}, most {most * 1000:.1f} (number {number}); {told}"


def _stepped(feed: Feed, batch: FakeBatch, described: str) -> tuple[Observations, float]:
    """One step, as long as a worker lets one last, and the CPU seconds that it took."""
    began = time.thread_time()
    end = began + STEP_SECONDS
    try:
        observed = step(feed.state, batch, feed.state.now, lambda: time.thread_time() >= end)
    except Exception as error:
        raise AssertionError(f"step raises {error!r} for {described}") from error
    return observed, time.thread_time() - began


def _shown(value: bytes) -> str:
    return repr(value if len(value) <= 2_000 else value[:1_000] + b" ... " + value[-200:])


def fuzzed(made: Callable[[int, int], Attack], numbers: range) -> Run:
    run = Run()
    with collected_as_in_a_worker():
        for number in numbers:
            run.take(made, number)
    print(f"\n{made.__name__}: {len(numbers):,} records, seed {SEED}. {run.figures()}")
    return run


def taken_in(run: Run) -> int:
    return sum(run.outcomes[outcome] for outcome in ("accepted", "warned", "late"))


def test_a_few_thousand_mutated_examples_raise_nothing_and_cost_little() -> None:
    run = fuzzed(mutated, range(4_000))
    assert min(taken_in(run), run.outcomes["rejected"]) > 500


def test_a_few_records_built_to_be_slow_cost_little() -> None:
    run = fuzzed(hostile, range(100))
    assert min(taken_in(run), run.outcomes["rejected"]) > 10


@pytest.mark.stack
def test_a_hundred_thousand_mutated_examples_raise_nothing_and_cost_little() -> None:
    run = fuzzed(mutated, range(100_000))
    assert min(taken_in(run), run.outcomes["rejected"]) > 20_000


@pytest.mark.stack
def test_a_thousand_records_built_to_be_slow_cost_little() -> None:
    fuzzed(hostile, range(1_000))


def test_the_records_are_worth_it() -> None:
    assert mutated(SEED, 7) == mutated(SEED, 7)
    assert len({mutated(SEED, number).value for number in range(500)}) > 400
    assert {mutated(SEED, number).topic for number in range(100)} == set(INPUTS)
    sizes = [len(hostile(SEED, number).value) for number in range(100)]
    assert max(sizes) <= BYTES
    assert sum(size > 0.7 * BYTES for size in sizes) > 60
