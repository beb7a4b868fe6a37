"""`oidor publish`: what it refuses. What it sends is tested with `deploy.traffic`."""

import time
from collections.abc import Iterable

import pytest

from deploy.traffic.messages import Message
from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_scenario_that_is_not_there_is_told_with_those_that_are(run: Run) -> None:
    line = mistake(run("publish", "--scenario", "flood"))
    assert line == "unknown scenario flood: choose of demo, steady, storm-log, servicenow, cfpb"


def test_a_broker_that_does_not_answer_is_told(run: Run) -> None:
    assert mistake(run("publish", "--limit", "1")).startswith("no Kafka at 127.0.0.1:1: start it, or set OIDOR_BROKERS")


@pytest.mark.parametrize(("options", "begins", "speed"), [(["--live"], 0, 1), ([], -3600, None)])
def test_live_traffic_begins_now_and_goes_at_the_speed_of_life(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: list[str], begins: int, speed: float | None
) -> None:
    sent: list[Message] = []
    speeds: list[float | None] = []

    def publish(messages: Iterable[Message], *_: object, speed: float | None, **__: object) -> int:
        sent.extend(messages)
        speeds.append(speed)
        return len(sent)

    monkeypatch.setattr("deploy.traffic.publish.publish", publish)
    now = time.time()
    assert run("publish", "--limit", "400", "--hours", "1", *options).stdout == "published 400 messages\n"

    times = [message.timestamp_ms / 1000 - now - begins for message in sent]
    assert -1 <= times[0] <= 120
    assert times == sorted(times)
    assert 1800 < times[-1] < 5400
    assert speeds == [speed]
