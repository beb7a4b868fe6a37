"""The logs of states, read whole as a worker does that opens them: beginning and end alone do not tell what is between.

Whoever has a partition open has read its log, and looks at it since; so this is for logs that nobody has open.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from aiokafka.errors import KafkaError

from processors.durability.changelog import Changelog, ForeignError, LostError, provenance_of
from processors.durability.inspection import NoAnswerError
from processors.durability.log import Log
from processors.durability.provenance import Contradiction, foreign, incomplete
from processors.rules import RulesError
from processors.settings import Settings
from processors.worker import durability, feedback, kafka_log
from schemas.topics import state_topic
from sinks.metrics.worker import WorkerMetrics


class Reading(NamedTuple):
    """What the log of a state holds."""

    last: bytes | None
    """The message that ends the last checkpoint; None: there is none."""
    lost: str | None
    """What is missing, as "has a gap after checkpoint 3"; None: nothing is."""


async def read(log: Log, new: Callable[[], Changelog]) -> Reading:
    """Read a log to its end, also behind what is missing; `new` makes an empty state's. Raises ForeignError."""
    changelog, last, lost = new(), None, None
    async for messages in log.read():
        for message in messages:
            try:
                changelog.apply(message)
            except LostError as error:
                lost, changelog = lost or error.what, new()
                changelog.apply(message)
            if provenance_of(message) is not None:
                last = message
    if lost is None:
        try:
            changelog.check_whole()
        except LostError as error:
            lost = error.what
    return Reading(last, lost)


def changelogs(settings: Settings) -> Callable[[int], Changelog]:
    """Make what makes a partition's empty changelog, of the tables that a worker has. Raises RulesError."""
    operator, config = feedback(settings, WorkerMetrics()), durability(settings)
    return lambda number: Changelog(operator.create(number), config.inputs, config.log_limits)


def unopenable(settings: Settings, numbers: Iterable[int]) -> list[Contradiction]:
    """Read the logs of partitions that nobody has open: why a worker could not open them. Raises NoAnswerError."""
    wanted = list(numbers)
    if not wanted:
        return []
    try:
        new = changelogs(settings)
    except RulesError as error:
        return [Contradiction("rules", f"{error}", "see `oidor policies check`; states cannot be read until then")]
    try:
        return asyncio.run(_unopenable(settings, wanted, new))
    except (KafkaError, OSError) as error:
        raise NoAnswerError(f"Kafka did not say what the states hold: {error!r}") from error


async def _unopenable(
    settings: Settings, numbers: Iterable[int], new: Callable[[int], Changelog]
) -> list[Contradiction]:
    found = []
    for number in numbers:
        log = kafka_log(number, settings)
        try:
            wrong = await _wrong(log, state_topic(settings.app_id), number, partial(new, number))
        finally:
            await log.close()
        if wrong is not None:
            found.append(wrong)
    return found


async def _wrong(log: Log, topic: str, number: int, new: Callable[[], Changelog]) -> Contradiction | None:
    try:
        if (await read(log, new)).lost is None:
            return None
        # A worker that opens the log meanwhile deletes of it what nobody needs: what lacks is missed twice.
        lost = (await read(log, new)).lost
    except ForeignError as error:
        return foreign(topic, number, error.what)
    return None if lost is None else incomplete(topic, number, lost)
