"""Makes the Kafka topics that Oidor needs, and refuses those that exist in another shape. Never alters one."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import (
    InvalidConfigurationError,
    InvalidReplicationFactorError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from processors.runtime.refusals import AWAY, BUSY, SEE_ACLS, account, denial, why_shut_out
from processors.runtime.security import aiokafka_client, kafka_python_client
from processors.settings import Settings
from schemas.errors import OidorError
from schemas.topics import AHEAD_LIMIT, DAY_MS, INPUTS, RECORD_AHEAD_MS, Topic, registry, state_topic

_CONNECT_MS: Final = 8_000
_REQUEST_MS: Final = 8_000
_PROPAGATION_SECONDS: Final = 10.0
_CONFIGS: Final = (
    "cleanup.policy", "retention.ms", "retention.bytes", "min.insync.replicas", "max.message.bytes",
    "message.timestamp.type", AHEAD_LIMIT,
)  # fmt: skip


class TopicError(OidorError):
    """Topics that cannot be used; the text says what is wrong and what to do."""


class AwayError(TopicError):
    """No broker answers, or none that can now: it may when it is asked again later."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A topic as it is to be made; `config` by Kafka's own names."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]
    topic: Topic


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one topic, and what to do."""

    topic: str
    text: str
    missing: bool = False
    warning: bool = False
    """One can work with it, at a risk that the text names: the topic may be somebody else's."""

    def __str__(self) -> str:
        return f"{self.topic}: {self.text}"


@dataclass(frozen=True, slots=True)
class Existing:
    """A topic as the broker has it; `replication` is that of its least copied partition."""

    partitions: int
    replication: int
    config: Mapping[str, str]
    """By Kafka's own names; empty when this account may not see it."""
    operations: frozenset[str] | None = None
    """What this account may do with it, by Kafka's own names; None when the broker does not say."""

    @property
    def hidden(self) -> bool:
        """Whether this account may not even see it: there may be none."""
        return not self.partitions


HIDDEN: Final = Existing(0, 0, {}, frozenset())


def plan(settings: Settings) -> list[Planned]:
    """List every topic that Oidor needs; asks no broker."""
    days = settings.input_retention_days
    copies = settings.replication
    return [
        Planned(_name(settings, topic), topic.partitions or settings.partitions, copies, topic.config(copies), topic)
        for topic in registry(settings.app_id, -1 if days < 0 else round(days * DAY_MS))
    ]


def _name(settings: Settings, topic: Topic) -> str:
    """The state topic carries the application id already, which no two installations of a cluster share."""
    if topic.name == state_topic(settings.app_id):
        return topic.name
    return (settings.input_prefix if topic.name in INPUTS else settings.topic_prefix) + topic.name


def create(settings: Settings) -> list[str]:
    """Create what is missing; returns the names of what was created.

    Raises TopicError when the broker cannot be reached or refuses. When a topic exists in a wrong shape, nothing is
    created.
    """
    planned = plan(settings)
    with administrator(settings) as admin:
        existing = described(admin, planned)
        if wrong := [one for one in problems(settings, planned, existing) if not (one.missing or one.warning)]:
            raise TopicError("; ".join(map(str, wrong)))
        missing = [one for one in planned if one.name not in existing]
        for one in missing:
            _create(admin, one)
        if missing:
            admin.wait_for_topics([one.name for one in missing])
            # Somebody else may have made one in the meantime, in another shape.
            if wrong := [one for one in _settled(settings, planned, admin) if not one.warning]:
                raise TopicError("; ".join(map(str, wrong)))
    return [one.name for one in missing]


def _settled(settings: Settings, planned: list[Planned], admin: KafkaAdminClient) -> list[Problem]:
    """Find what is wrong once every broker knows what was created: any of them may answer."""
    deadline = time.monotonic() + _PROPAGATION_SECONDS
    while True:
        wrong = problems(settings, planned, described(admin, planned))
        if not any(problem.missing for problem in wrong) or time.monotonic() > deadline:
            return wrong
        time.sleep(0.2)


def check(settings: Settings, names: Collection[str] | None = None) -> list[Problem]:
    """Find what is missing or wrong, with these topics only if they are given; nothing but warnings when one can start.

    Raises AwayError when no broker answers.
    """
    planned = [one for one in plan(settings) if names is None or one.name in names]
    with administrator(settings) as admin:
        return problems(settings, planned, described(admin, planned))


def problems(settings: Settings, planned: list[Planned], existing: Mapping[str, Existing]) -> list[Problem]:
    """Compare topics as they are with topics as they must be."""
    found = []
    for one in planned:
        if one.name not in existing:
            found.append(Problem(one.name, "does not exist: run `oidor topics create`", missing=True))
            continue
        shape = existing[one.name]
        if shape.hidden:
            found.append(Problem(one.name, f"not visible to {account(settings)}: missing, or no DESCRIBE: {SEE_ACLS}"))
        elif not shape.config:
            found.append(Problem(one.name, f"{account(settings)} lacks DESCRIBE_CONFIGS: {SEE_ACLS}"))
        else:
            found += [Problem(one.name, text) for text in _faults(settings, one, shape)]
            found += [Problem(one.name, text, warning=True) for text in _risks(one, shape)]
    return found


def _faults(settings: Settings, planned: Planned, existing: Existing) -> Iterator[str]:
    topic, config = planned.topic, existing.config
    if topic.partitions is not None and existing.partitions != topic.partitions:
        yield (
            f"has {existing.partitions} partitions, and needs {topic.partitions}: what is in it is read in one order. "
            "Delete it, which loses nothing that is stored, and run `oidor topics create`"
        )
    elif existing.partitions != planned.partitions:
        yield (
            f"has {existing.partitions} partitions, OIDOR_PARTITIONS is {planned.partitions}: one worker owns a "
            f"partition of all topics, so all need the same number. Set OIDOR_PARTITIONS={existing.partitions} if the "
            "others have it too, else replay into new topics under a new OIDOR_APP_ID"
        )
    policy = config["cleanup.policy"]
    if policy != topic.cleanup:
        yield f"has cleanup.policy={policy}, which would delete {_loss(topic)}: set cleanup.policy={topic.cleanup}"
    if topic.durable:
        yield from _durability_faults(planned, existing)
    if topic.append_time and config["message.timestamp.type"] != topic.timestamp_type:
        yield (
            f"has message.timestamp.type={config['message.timestamp.type']}, so that nobody learns what time it is "
            f"at the broker: set message.timestamp.type={topic.timestamp_type}"
        )
    if topic.name not in INPUTS and int(config["max.message.bytes"]) < settings.message_bytes:
        yield (
            f"has max.message.bytes={config['max.message.bytes']}, OIDOR_MESSAGE_BYTES is {settings.message_bytes}: "
            "raise the one or lower the other"
        )


def _risks(planned: Planned, existing: Existing) -> Iterator[str]:
    if planned.topic.name not in INPUTS:
        return
    limit = existing.config.get(AHEAD_LIMIT)
    if limit is None:
        yield f"its broker knows no {AHEAD_LIMIT}: workers alone keep records from the future from moving time"
    elif int(limit) > RECORD_AHEAD_MS:
        yield (
            f"has {AHEAD_LIMIT}={limit}, so that workers alone keep records from the future from moving time: "
            f"have its owner set {AHEAD_LIMIT}={RECORD_AHEAD_MS}"
        )
    if (kind := existing.config["message.timestamp.type"]) != planned.topic.timestamp_type:
        yield (
            f"has message.timestamp.type={kind}: whatever is published of the past counts as late. "
            f"Have its owner set message.timestamp.type={planned.topic.timestamp_type}"
        )


def _durability_faults(planned: Planned, existing: Existing) -> Iterator[str]:
    for name in ("retention.ms", "retention.bytes"):
        if (value := existing.config[name]) != "-1":
            yield f"has {name}={value}, which would delete live state: set {name}=-1 (Oidor deletes what is old)"
    if existing.replication < planned.replication:
        yield (
            f"has {existing.replication} copies, OIDOR_REPLICATION is {planned.replication}: "
            f"reassign its partitions to {planned.replication} brokers each"
        )
    in_sync = existing.config["min.insync.replicas"]
    if existing.replication >= 3 and int(in_sync) < 2:
        yield (
            f"has min.insync.replicas={in_sync} with {existing.replication} copies, so the loss of one broker can lose "
            "state: set min.insync.replicas=2"
        )


def _loss(topic: Topic) -> str:
    if topic.cleanup == "compact":
        return "incidents that are still open"
    return "state" if topic.durable else "all but the last record of each key"


def _create(admin: KafkaAdminClient, planned: Planned) -> None:
    code, reason = _ask_to_create(admin, planned, planned.config)
    if code == InvalidConfigurationError.errno and AHEAD_LIMIT in planned.config:  # a broker that does not know it
        others = {name: value for name, value in planned.config.items() if name != AHEAD_LIMIT}
        code, reason = _ask_to_create(admin, planned, others)
    if code not in (NoError.errno, TopicAlreadyExistsError.errno):  # made by somebody else meanwhile: compared later
        hint = f" (OIDOR_REPLICATION={planned.replication})" if code == InvalidReplicationFactorError.errno else ""
        raise TopicError(f"Kafka refuses to create {planned.name}: {reason or for_code(code).__name__}{hint}")


def _ask_to_create(admin: KafkaAdminClient, planned: Planned, config: Mapping[str, str]) -> tuple[int, str]:
    """Error code and message of the broker."""
    shape = {"num_partitions": planned.partitions, "replication_factor": planned.replication}
    answer = admin.create_topics({planned.name: shape | {"configs": dict(config)}}, raise_errors=False)
    return answer["topics"][0]["error_code"], answer["topics"][0]["error_message"]


def described(admin: KafkaAdminClient, planned: list[Planned]) -> dict[str, Existing]:
    """Describe those of the planned topics that exist, by name; not one that the broker does not know yet.

    They are asked for by name: only so does a broker tell one that is missing from one that is not ours to see.
    """
    answers = {topic["name"]: topic for topic in admin.describe_topics([one.name for one in planned])}
    hidden = [name for name, topic in answers.items() if topic["error_code"] == TopicAuthorizationFailedError.errno]
    shapes = {name: _shape(topic) for name, topic in answers.items() if topic["partitions"]}
    readable = [name for name, shape in shapes.items() if _may_read_config(shape)]
    resources = [ConfigResource("TOPIC", name, dict.fromkeys(_CONFIGS)) for name in sorted(readable)]
    configs = admin.describe_configs(resources, config_filter="all")["topic"] if resources else {}
    for name in readable:
        if not configs.get(name):
            del shapes[name]
            continue
        shapes[name] = replace(shapes[name], config={key: str(one["value"]) for key, one in configs[name].items()})
    return shapes | dict.fromkeys(hidden, HIDDEN)


def _shape(topic: Mapping[str, Any]) -> Existing:
    copies = [len(partition["replica_nodes"]) for partition in topic["partitions"]]
    return Existing(len(copies), min(copies), {}, frozenset(topic["authorized_operations"] or ()) or None)


def _may_read_config(shape: Existing) -> bool:
    return shape.operations is None or "DESCRIBE_CONFIGS" in shape.operations


def require_admission(settings: Settings) -> str:
    """Raise TopicError when Kafka does not let us in; returns '', or why nobody can be reached, who may come."""
    reason = asyncio.run(why_shut_out(aiokafka_client(settings), settings))
    if reason and not reason.startswith(AWAY):
        raise TopicError(reason)
    return reason


@contextlib.contextmanager
def administrator(settings: Settings, *, absent_ms: int | None = None) -> Iterator[KafkaAdminClient]:
    """Connect to the broker. Raises AwayError when none answers within ten seconds, TopicError for what fails then.

    A broker may be about to start: `absent_ms` says how long that is waited for, where nobody listens, instead.
    """
    away = require_admission(settings)  # the client would try a wrong password again until its time is over
    logger = logging.getLogger("kafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # it logs every attempt as an error; ours says it once
    absent = absent_ms is not None and away and BUSY not in away
    try:
        try:
            admin = KafkaAdminClient(
                **kafka_python_client(settings),
                bootstrap_timeout_ms=absent_ms if absent else _CONNECT_MS,
                request_timeout_ms=_REQUEST_MS,
            )
        except (KafkaError, OSError) as error:
            again = require_admission(settings) or away
            raise AwayError(again or f"{AWAY} at {settings.brokers} in time, and now it answers: try again") from error
        try:
            yield admin
        except KafkaError as error:
            kind = AwayError if error.retriable else TopicError
            raise kind(
                denial(error, settings) or f"Kafka at {settings.brokers} did not do what was asked: {error}"
            ) from error
        finally:
            admin.close()
    finally:
        logger.setLevel(level)
