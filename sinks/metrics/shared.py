"""Families of every process."""

from importlib.metadata import version
from typing import Final

from sinks.metrics.family import Counter, Family, Gauge, Label

TOPIC: Final = Label("topic", "the topics that the process reads", 8)

CONSUMER_LAG: Final = Gauge(
    "consumer_lag", "Records on the broker that were not taken in yet.", (TOPIC,), unit="events"
)
ISOLATED_ERRORS: Final = Counter(
    "isolated_errors",
    "Failures of a part of ours that cost its own result, and no record; the last of each is on /ready.",
    (Label("part", "our own patterns, metrics, and stages of the pipeline", 60),),
)
LAST_ANSWER: Final = Gauge(
    "broker_last_answer_timestamp", "Unix time at which Kafka has answered last, whatever was asked.", unit="seconds"
)  # fmt: skip
BUILD: Final = Gauge(
    "build_info", "1, labelled with the versions that run.",
    (Label("version", "one", 1), Label("python", "one", 1)),
)  # fmt: skip

SHARED: Final[tuple[Family, ...]] = (CONSUMER_LAG, ISOLATED_ERRORS, LAST_ANSWER, BUILD)

VERSION: Final = version("oidor")
