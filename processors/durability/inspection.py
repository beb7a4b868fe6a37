"""`Inspection`: whether topics are those that the states were computed from: before joining, at opening, and then on.

What is found before this process joins its group, ends it: nobody was fenced yet, and somebody has to decide. What is
found later stops the partitions that it concerns, which wait in Kafka, and stands on `/ready`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from aiokafka.errors import KafkaError
from faust.types import TP
from mode.utils.logging import get_logger

from processors.durability import provenance
from processors.durability.changelog import StateError, provenance_of, state_log
from processors.durability.cluster import KEPT, Cluster
from processors.durability.partition import DurablePartition
from processors.durability.provenance import Contradiction, InputTopic, Provenance, StateLog, is_other
from processors.runtime.timeouts import until_set
from schemas.errors import OidorError
from schemas.topics import NO_ID, TopicIdentity

logger = get_logger(__name__)

LOOK_EVERY_SECONDS: Final = 30.0
"""Between two looks: what is wrong is named within a minute, the time that answers take included."""
_SUSPICION_SECONDS: Final = 2.0
"""Between two looks while something seems wrong."""


class NoAnswerError(OidorError):
    """No broker answers, or none that can now: it may when it is asked again later."""


async def look_before_joining(
    cluster: Cluster, inputs: Mapping[str, str], partitions: int, state_topic: str
) -> list[Contradiction]:
    """Compare what the states of all partitions recorded with the cluster: why no process may join.

    `inputs`: logical name -> Kafka's. What may move meanwhile, under other members, is asked for in an order in which
    it can only seem better than it is. Raises NoAnswerError.
    """
    try:
        topics = await cluster.topics([*inputs.values(), state_topic])
        numbers = range(min(partitions, topics[state_topic].partitions) if state_topic in topics else 0)
        tps = [TP(name, number) for name in inputs.values() for number in numbers if _has(topics, name, number)]
        committed = await cluster.committed(tps)
        logs = await state_logs(cluster, state_topic, numbers)
        recorded = {number: log.last for number, log in logs.items() if log.last is not None}
        of_inputs = await _contradictions_of_inputs(cluster, recorded, inputs, partitions, topics)
    except (KafkaError, OSError) as error:
        raise NoAnswerError(f"Kafka did not say what its topics are like: {error!r}") from error
    found: list[Contradiction] = []
    for number in numbers:
        log = logs[number]
        of_group = {name: committed.get(TP(name, number), 0) for name in inputs.values()}
        found += provenance.contradictions_of_log(state_topic, number, log, of_group)
        found += of_inputs.get(number, ())
    return found


async def last_versions(cluster: Cluster, state_topic: str) -> dict[int, int]:
    """The versions of the last checkpoints by partition, of those that have any. Raises NoAnswerError."""
    try:
        topic = (await cluster.topics([state_topic])).get(state_topic)
        last = await cluster.last(state_topic, range(topic.partitions)) if topic is not None else {}
    except (KafkaError, OSError) as error:
        raise NoAnswerError(f"Kafka did not say what its topics are like: {error!r}") from error
    recorded = {number: provenance_of(message) for number, message in last.items()}
    return {number: one.version for number, one in recorded.items() if one is not None}


async def state_logs(cluster: Cluster, topic: str, numbers: Iterable[int]) -> dict[int, StateLog]:
    """Ask for the logs of states. First messages first: what is deleted meanwhile, nobody needs any more then."""
    first = await cluster.first(topic, numbers)
    last = await cluster.last(topic, numbers)
    low = await cluster.begins(topic, numbers)
    return {number: state_log(low[number], first.get(number), last.get(number)) for number in numbers}


async def grown_again(cluster: Cluster, recorded: Mapping[int, Provenance], inputs: Mapping[str, str]) -> frozenset[TP]:
    """Ask for the last records that were read, by partition: of which inputs another lies there, or none.

    A log that was cut, and has grown again, ends where nobody would miss anything. Where retention or compaction may
    have deleted the record nothing is known.
    """
    known = {
        TP(inputs[topic], number): one
        for number, of_partition in recorded.items()
        for topic, one in of_partition.last_records.items()
        if topic in inputs
    }
    there = await cluster.records_at({tp: one.offset for tp, one in known.items()})
    holes = {tp.topic for tp, one in there.items() if one is None}
    compacted = await cluster.compacted(holes) if holes else frozenset()
    others = (tp for tp, one in there.items() if is_other(known[tp], one, compacted=tp.topic in compacted))
    return frozenset(others)


async def _contradictions_of_inputs(
    cluster: Cluster,
    recorded: Mapping[int, Provenance],
    inputs: Mapping[str, str],
    partitions: int,
    topics: Mapping[str, TopicIdentity],
) -> dict[int, list[Contradiction]]:
    """What checkpoints recorded, by partition, against the settings and the cluster; the gravest alone where one is."""
    found: dict[int, list[Contradiction]] = {}
    for number, one in recorded.items():
        found[number] = list(provenance.contradictions_of_settings(one, inputs, partitions))
        if not found[number]:
            found[number] = list(provenance.contradictions_of_topics(one.inputs, one.partitions, topics))
    alike = {number: one for number, one in recorded.items() if not found[number]}
    tps = [TP(name, number) for number in alike for name in inputs.values() if _has(topics, name, number)]
    ends = {(tp.topic, tp.partition): end for tp, end in (await cluster.ends(tps)).items()}
    others = await grown_again(cluster, alike, inputs)
    for number, one in alike.items():
        found[number] += provenance.contradictions_of_ends(number, inputs, one.offsets, ends)
        found[number] += provenance.contradictions_of_records(number, inputs, one.last_records, others)
    return found


def _has(topics: Mapping[str, TopicIdentity], name: str, number: int) -> bool:
    return name in topics and number < topics[name].partitions


class Inspection:
    """Looks at the topics while a process runs."""

    def __init__(self, cluster: Cluster, inputs: Mapping[str, str], partitions: int, state_topic: str) -> None:
        """`inputs`: logical name -> Kafka's."""
        self.problems: list[str] = []
        """What the last look found, a line each."""
        self._cluster, self._inputs, self._partitions, self._state = cluster, inputs, partitions, state_topic
        self._known: dict[str, InputTopic] = {}
        """By logical name, and that of the state by its own: as they were when this process first saw them."""
        self._suspicion = asyncio.Event()

    def suspect(self) -> None:
        """Look soon: something seems wrong."""
        self._suspicion.set()

    async def at_opening(self, part: DurablePartition, found: bool) -> None:
        """Compare what a partition has just read with the cluster; `found`: whether it had a state.

        Raises StateError when no process may open it. What else is wrong stops it, until a look finds it well again.
        """
        topics = await self._topics()
        tps = [TP(name, part.number) for name in self._inputs.values()]
        if not found:
            committed = {tp.topic: offset for tp, offset in (await self._cluster.committed(tps)).items()}
            empty = StateLog(0, None, None)
            for line in provenance.told(provenance.contradictions_of_log(self._state, part.number, empty, committed)):
                raise StateError(line)
        recorded = part.provenance
        part.contradicted = (await self._of_inputs([part], topics))[part.number]
        if part.contradicted:
            self.suspect()
        part.compute_from({topic: self._as_recorded(recorded, topic, topics) for topic in self._inputs})

    async def run(self, parts: Callable[[], Iterable[DurablePartition]]) -> None:
        """Look every now and then, for ever. Without an answer what was found last stands."""
        try:
            while True:
                await until_set(self._suspicion, LOOK_EVERY_SECONDS)
                self._suspicion.clear()
                try:
                    await self.look([part for part in parts() if part.ready])
                except (KafkaError, OSError) as error:
                    logger.info("The topics could not be looked at, next attempt soon: %r", error)
                await asyncio.sleep(_SUSPICION_SECONDS)
        finally:
            await self._cluster.close()

    async def look(self, parts: Iterable[DurablePartition]) -> None:
        """Compare the open partitions, and the topics of this process, with the cluster."""
        opened = list(parts)
        raised = {part.number: part.doubts.raised for part in opened}
        topics = await self._topics()
        inputs = {topic: known for topic, known in self._known.items() if topic in self._inputs}
        found = list(provenance.contradictions_of_topics(inputs, self._partitions, topics))
        found += provenance.contradictions_of_state(self._known[self._state], topics)
        if self._state in topics:
            found += [_retained(self._state, *one) for one in (await self._cluster.retention(self._state)).items()]
            found += await self._of_logs(opened)
        of_inputs = await self._of_inputs(opened, topics)
        for part in opened:
            if part.ready:
                part.contradicted = of_inputs[part.number]
                found += part.contradicted
                if not part.contradicted:
                    part.doubts.settle(raised[part.number])
                    part.wake.set()
        problems = provenance.told(found)
        for problem in problems:
            if problem not in self.problems:
                logger.error("%s", problem)
        self.problems = problems

    async def _topics(self) -> Mapping[str, TopicIdentity]:
        topics = await self._cluster.topics([*self._inputs.values(), self._state])
        for topic, name in (*self._inputs.items(), (self._state, self._state)):
            known = self._known.get(topic, InputTopic(name))
            if known.id == NO_ID:
                self._known[topic] = InputTopic(name, topics[name].id if name in topics else NO_ID)
        return topics

    async def _of_inputs(
        self, parts: Iterable[DurablePartition], topics: Mapping[str, TopicIdentity]
    ) -> dict[int, list[Contradiction]]:
        recorded = {part.number: part.provenance for part in parts}
        return await _contradictions_of_inputs(self._cluster, recorded, self._inputs, self._partitions, topics)

    async def _of_logs(self, parts: Iterable[DurablePartition]) -> list[Contradiction]:
        """Logs of states that were cut under those who keep them."""
        by_number = {part.number: part for part in parts}
        first = await self._cluster.first(self._state, by_number)
        return [
            found
            for number, part in by_number.items()
            # Another process may delete what this one knows as needed, once it has taken the partition over.
            if part.ready and (found := self._of_log(number, first.get(number), part.provenance)) is not None
        ]

    def _of_log(self, number: int, first: bytes | None, last: Provenance) -> Contradiction | None:
        if first is None:  # an open partition has written one checkpoint at least
            return provenance.emptied(self._state, number)
        log = state_log(0, first, None)._replace(last=last)
        return next(provenance.contradictions_of_log(self._state, number, log, {}), None)

    def _as_recorded(self, recorded: Provenance, topic: str, topics: Mapping[str, TopicIdentity]) -> InputTopic:
        """What the next checkpoint records of an input: what the last one did, an id that was not known then apart."""
        name = self._inputs[topic]
        known = recorded.inputs.get(topic, InputTopic(name))
        return known if known.id != NO_ID or name not in topics else known._replace(id=topics[name].id)


def _retained(topic: str, setting: str, value: str) -> Contradiction:
    seen = f"{topic} has {setting}={value}, which would delete live state"
    return Contradiction(f"retention {setting}", seen, f"set {setting}={KEPT} (Oidor deletes what is old)")
