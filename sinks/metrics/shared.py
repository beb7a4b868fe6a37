"""Families of every process."""

import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import distribution
from typing import Final

from schemas.kpis import DEFINITION_VERSION
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
    "build_info",
    "1, labelled with what runs: two processes that differ in one of them are not of one release.",
    (
        Label("version", "one", 1),
        Label("python", "one", 1),
        Label("commit", "one: `OIDOR_COMMIT`, as an image has it, or what pip installed from git; else empty", 1),
        Label("definitions", "one: the version of all KPI definitions together, as rows say it", 1),
    ),
    room=1,
)

SHARED: Final[tuple[Family, ...]] = (CONSUMER_LAG, ISOLATED_ERRORS, LAST_ANSWER, BUILD)

INSTALLED: Final = distribution("oidor")


def commit(environment: Mapping[str, str] = os.environ, installed: str | None = None) -> str:
    """The commit that this was built from; '' where nobody said it.

    `installed`: what pip wrote of where it came from, the direct_url.json of PEP 610.
    """
    said = environment.get("OIDOR_COMMIT", "")
    return said or str(json.loads(installed or "{}").get("vcs_info", {}).get("commit_id", ""))


def build() -> tuple[str, ...]:
    """The labels of `BUILD` in this process."""
    pip = INSTALLED.read_text("direct_url.json")
    return INSTALLED.version, platform.python_version(), commit(installed=pip), str(DEFINITION_VERSION)
