"""`oidor inputs accept` where it could harm: a state of another release, a worker that hangs, an open transaction."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from deploy.cli import inputs
from deploy.cli.topics import create
from processors.durability.changelog import accepted
from processors.settings import Settings
from processors.worker import kafka_cluster, kafka_log
from schemas.topics import CONTACTS, state_topic
from tests.attacks.installation import opened
from tests.stack.running import Installation, command, installed
from tests.stack.test_changed_topics import (
    CASES,
    admin,
    cases,
    doctor,
    follow,
    make_again,
    publish,
    refusal,
    until_known,
)

__all__ = ["admin"]
pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2, "checkpoint_interval": 0.5}
ROOT = {"PYTHONPATH": str(Path(__file__).parents[2])}
MISSED_SECONDS = 9
"""More than the session timeout: who is silent for so long is no member any more."""


def test_a_state_of_another_release_is_named_as_that_kept_and_gone_on_with_as_the_message_says(
    settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        newer = oidor.start("worker", module="tests.stack.other_encoding_worker", env=ROOT)
        oidor.start("warehouse")
        publish(oidor, "A")
        until_known(oidor, "A")
        newer.terminate(10)

        said = refusal(oidor)
        what = f"{state_topic(settings.app_id)}[0] was written by a newer release of Oidor (its encoding is "
        assert what in said
        assert "run the version that wrote it, or a new OIDOR_APP_ID on a new database" in said
        code, found = doctor(settings)
        assert (code, "by a newer release" in found, "is empty" in found) == (1, True, False), found
        refused = command(settings, "inputs", "accept", "--from", "end")
        assert (refused.returncode, what in refused.stderr, "nothing deleted" in refused.stderr) == (2, True, True)

        oidor.start("worker", module="tests.stack.other_encoding_worker", env=ROOT)
        publish(oidor, "B")
        until_known(oidor, "B")
        others = {"app_id": f"{settings.app_id}-anew", "clickhouse_database": f"{settings.clickhouse_database}_anew"}
        with installed(settings.model_copy(update=others), tmp_path / "anew") as anew:
            anew.start("worker")
            anew.start("warehouse")
            until_known(anew, "A")


def test_a_worker_that_hangs_and_goes_on_under_an_acceptance_breaks_no_state(
    settings: Settings, admin: KafkaAdminClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with installed(settings, tmp_path) as oidor:
        worker = oidor.start("worker")
        oidor.start("warehouse")
        publish(oidor, "A")
        until_known(oidor, "A")
        worker.pause()
        time.sleep(MISSED_SECONDS)
        make_again(admin, settings, settings.input_prefix + CONTACTS)
        publish(oidor, "B")
        decide = inputs._changes

        async def slow(*known: Any) -> Any:
            changes = await decide(*known)
            worker.resume()
            await asyncio.sleep(2.5)
            return changes

        with monkeypatch.context() as patched:
            patched.setattr(inputs, "_changes", slow)
            try:
                said = str(inputs.accept(settings, "beginning"))
            except inputs.AcceptError as error:
                said = str(error)
        worker.kill()
        assert "go on at" in said or "a worker has opened a partition meanwhile" in said, said
        if "go on at" not in said:
            time.sleep(MISSED_SECONDS)
            assert command(settings, "inputs", "accept", "--from", "beginning").returncode == 0

        worker = oidor.start("worker")
        until_known(oidor, "B")
        worker.terminate(10)
        asyncio.run(lose_a_checkpoint(settings))
        said = refusal_while_it_runs(oidor)
        assert "has a gap after checkpoint" in said
        code, found = doctor(settings)
        assert (code, "has a gap after checkpoint" in found) == (1, True), found
        assert "partitions [0] begin anew" in follow(settings, said)
        oidor.start("worker")
        publish(oidor, "C")
        until_known(oidor, "C")


async def lose_a_checkpoint(settings: Settings) -> None:
    """Let the log of a state go on behind a checkpoint that is not there."""
    cluster, log = kafka_cluster(settings), kafka_log(0, settings)
    last = (await cluster.last(state_topic(settings.app_id), [0]))[0]
    for _ in range(2):
        following = accepted(last, {}, {}, 0)
        assert following is not None
        last = following
    await log.open()
    await log.transaction([], [last])
    await log.close()
    await cluster.close()


def refusal_while_it_runs(oidor: Installation) -> str:
    """What a worker says that finds, once it has joined, that it must not go on."""
    worker = oidor.launch("worker")
    assert worker.wait(30) == 2, worker.tail(20)
    (line,) = [line for line in worker.tail(50).splitlines() if "CRITICAL" in line]
    return line


def test_an_open_transaction_holds_back_what_is_read_since_a_moment_and_other_names_are_accepted_as_told(
    settings: Settings, admin: KafkaAdminClient, tmp_path: Path
) -> None:
    name = settings.input_prefix + CONTACTS
    with installed(settings, tmp_path) as oidor:
        worker = oidor.start("worker")
        oidor.start("warehouse")
        publish(oidor, "A")
        until_known(oidor, "A")
        worker.terminate(10)
        make_again(admin, settings, name)
        publish(oidor, "B")
        done = command(settings, "inputs", "accept", "--from", "end")
        assert f"0 records that are there will be read, {CASES} are skipped" in done.stdout, done.stderr

        make_again(admin, settings, name)
        upstream = KafkaProducer(bootstrap_servers=settings.brokers, transactional_id=f"crm-{settings.app_id}")
        upstream.init_transactions()
        upstream.begin_transaction()
        for number in range(settings.partitions):
            body = json.dumps(opened(f"T{number}", "c")).encode()
            upstream.send(name, body, b"c", partition=number, timestamp_ms=time.time_ns() // 1_000_000)
        upstream.flush()
        time.sleep(1.1)
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        publish(oidor, "C")
        done = command(settings, "inputs", "accept", "--from", moment)
        assert "0 records that are there will be read, 0 are skipped" in done.stdout, done.stdout + done.stderr
        worker = oidor.start("worker")
        upstream.commit_transaction()
        upstream.close()
        until_known(oidor, "C")
        assert cases(oidor, "B") == 0
        worker.terminate(10)

        oidor.settings = settings.model_copy(update={"input_prefix": f"m{settings.input_prefix}"})
        create(oidor.settings)
        publish(oidor, "D")
        said = refusal(oidor)
        assert f"computed from {name}, and m{name} is to be read" in said
        follow(oidor.settings, said)
        oidor.start("worker")
        until_known(oidor, "D")
