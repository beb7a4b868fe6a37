"""A worker that is the real one, but for faults that nothing outside can cause: transactions that fail or hang.

The environment says which; without it nothing fails.

| variable | what |
|---|---|
| `FAULT_SHARE` | of the transactions, so many fail: half of them aborted, half after they were committed |
| `FAULT_HANGING` | partition number whose fifth transaction never ends |
| `FAULT_COMMIT_SECONDS` | instead of the 30 s after which a transaction has failed |
| `FAULT_SOURCES` | records of these sources fail by an error of ours, comma-separated; `*`: of all |
| `FAULT_HANGS_ON` | a step that comes to a record of this source never ends |
| `FAULT_SILENT_SECONDS` | instead of the 20 s after which a process whose event loop hangs ends itself |
| `FAULT_OPEN_TRANSACTION_MS` | instead of the 60 s that an open upstream transaction may hold back time |
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from aiokafka.errors import KafkaTimeoutError

from deploy.cli.settings import load_settings
from processors import worker
from processors.durability import assignment, progress
from processors.durability.kafka_log import KafkaLog
from processors.durability.log import Appended, Outgoing
from processors.pipeline import step
from processors.runtime import service, slices
from processors.runtime.watchdog import Watchdog
from schemas.events.envelope import Event

_SHARE = float(os.environ.get("FAULT_SHARE", "0"))
_HANGING = int(os.environ.get("FAULT_HANGING", "-1"))
_HANGS_AT = 5
_dice = random.Random(8)


class FailingLog(KafkaLog):
    transactions = 0
    """Of the hanging partition, in this process."""

    def __init__(self, number: int, **others: Any) -> None:
        super().__init__(number, **others)
        self._number = number

    async def transaction(self, outputs: Iterable[Outgoing], delta: Sequence[bytes]) -> Appended:
        dice = _dice.random()
        if dice < _SHARE / 2:
            raise KafkaTimeoutError("aborted, for the test")
        if self._number == _HANGING:
            FailingLog.transactions += 1
            if FailingLog.transactions == _HANGS_AT:
                await asyncio.Event().wait()
        appended = await super().transaction(outputs, delta)
        if dice < _SHARE:
            raise KafkaTimeoutError("committed, but the answer is lost, for the test")
        return appended


def _fail_on_records_of(sources: frozenset[str]) -> None:
    working = vars(step)["case_event"]

    def failing(event: Event, *others: Any) -> Any:
        if "*" in sources or event.source in sources:
            raise LookupError("a bad release, for the test")
        return working(event, *others)

    vars(step)["case_event"] = failing


def _hang_on_records_of(source: str) -> None:
    working = vars(step)["case_event"]

    def hanging(event: Event, *others: Any) -> Any:
        if event.source == source:
            time.sleep(3_600)
        return working(event, *others)

    vars(step)["case_event"] = hanging


def main() -> int:
    vars(worker)["KafkaLog"] = FailingLog
    if seconds := os.environ.get("FAULT_COMMIT_SECONDS"):
        vars(assignment)["COMMIT_SECONDS"] = int(seconds)
    if ms := os.environ.get("FAULT_OPEN_TRANSACTION_MS"):
        for module in (slices, progress):
            vars(module)["OPEN_TRANSACTION_MS"] = int(ms)
    if sources := os.environ.get("FAULT_SOURCES"):
        _fail_on_records_of(frozenset(sources.split(",")))
    if source := os.environ.get("FAULT_HANGS_ON"):
        _hang_on_records_of(source)
    if seconds := os.environ.get("FAULT_SILENT_SECONDS"):
        vars(service)["Watchdog"] = partial(Watchdog, silent_seconds=float(seconds))
    return worker.run(load_settings())


if __name__ == "__main__":
    sys.exit(main())
