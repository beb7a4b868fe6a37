"""Topics that are others than a state recorded: no record is skipped in silence, and the way back works as told."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import NewPartitions

from deploy.cli.topics import create
from deploy.local.stack import Service, fetch
from deploy.traffic.messages import Message
from processors.settings import Settings
from schemas.topics import CONTACTS, INPUTS, state_topic
from tests.attacks.installation import opened, resolved
from tests.stack.running import Installation, command, installed, until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2, "checkpoint_interval": 0.5}
CASES = 20
NOTICED_SECONDS = 60


@pytest.fixture
def admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=settings.brokers)
    yield client
    client.close()


def publish(oidor: Installation, letter: str, *, resolve: bool = False) -> None:
    make = resolved if resolve else opened
    bodies = [make(f"{letter}{number}", f"c{number}") for number in range(CASES)]
    oidor.publish(
        Message(CONTACTS, body["customer"]["id"], json.dumps(body).encode(), time.time_ns() // 1_000_000)
        for body in bodies
    )


def cases(oidor: Installation, letter: str) -> int:
    ((count,),) = oidor.ask(f"SELECT count() FROM v_cases WHERE entity_id LIKE '{letter}%' AND opened_at IS NOT NULL")
    return int(count)


def until_known(oidor: Installation, letter: str) -> None:
    until(lambda: cases(oidor, letter) == CASES, 30, f"{CASES} cases {letter}")


@contextmanager
def at_work(settings: Settings, home: Path) -> Iterator[tuple[Installation, Service]]:
    """An installation that has read and stored a first batch of cases, and its worker."""
    with installed(settings, home) as oidor:
        worker = oidor.start("worker")
        oidor.start("warehouse")
        publish(oidor, "A")
        until_known(oidor, "A")
        yield oidor, worker


def refusal(oidor: Installation) -> str:
    """What a worker says that must not start."""
    worker = oidor.launch("worker")
    assert worker.wait(30) == 2, worker.tail(20)
    (line,) = [line for line in worker.tail(50).splitlines() if "oidor:" in line]
    return line


def problems(service: Service) -> str:
    status, page = fetch(service.ready_url)
    return "" if status == 200 else str(json.loads(page)["problems"])


def follow(settings: Settings, said: str) -> str:
    """Run the command that a message names, as it names it, once whoever was stopped has left the group."""
    (named,) = set(re.findall(r"`oidor (inputs accept --from \w+)`", said))
    runs: list[CompletedProcess[str]] = []

    def alone() -> bool:
        runs.append(command(settings, *named.split()))
        return "stop all of them first" not in runs[-1].stderr

    until(alone, 30, "the last member has left")
    assert runs[-1].returncode == 0, runs[-1].stderr
    return runs[-1].stdout


def doctor(settings: Settings) -> tuple[int, str]:
    done = command(settings, "doctor")
    cells = (line.replace("│", " ") for line in done.stdout.splitlines())
    return done.returncode, " ".join(" ".join(cells).split()) + done.stderr


def until_all_is_accounted_for(oidor: Installation, *letters: str) -> None:
    """Every record that was read stands in the database, of former topics too, and so the doctor says."""
    until(lambda: oidor.open_differences() == 0, 30, "nothing differs")
    events = "SELECT count() FROM v_events WHERE entity_id LIKE '{}%' AND event_type = 'contact.opened'"
    assert [oidor.ask(events.format(letter)) for letter in letters] == [[(CASES,)]] * len(letters)
    code, found = doctor(oidor.settings)
    assert (code, "every record is accounted for" in found) == (0, True), found


def make_again(admin: KafkaAdminClient, settings: Settings, name: str) -> None:
    admin.delete_topics([name])
    until(lambda: name not in admin.list_topics(), 20, f"{name} is deleted")
    time.sleep(1)
    assert name in create(settings)


def test_an_input_that_is_made_again_is_refused_and_read_from_its_first_record_once_it_is_accepted(
    settings: Settings, admin: KafkaAdminClient, tmp_path: Path
) -> None:
    with at_work(settings, tmp_path) as (oidor, worker):
        refused = command(settings, "inputs", "accept", "--from", "beginning")
        assert (refused.returncode, "1 workers run" in refused.stderr) == (2, True), refused.stderr

        worker.terminate(10)
        make_again(admin, settings, settings.input_prefix + CONTACTS)
        publish(oidor, "B")
        said = refusal(oidor)
        assert f"{settings.input_prefix}contact-events is not the topic that was read before" in said
        code, found = doctor(settings)
        assert (code, "wrong provenance" in found) == (1, True), found

        report = follow(settings, said)
        assert f"{CASES} records that are there will be read, 0 are skipped" in report
        oidor.start("worker")
        until_known(oidor, "B")
        assert "nothing to accept" not in report
        until_all_is_accounted_for(oidor, "A", "B")


def test_an_input_that_is_made_again_under_a_worker_is_named_within_a_minute(
    settings: Settings, admin: KafkaAdminClient, tmp_path: Path
) -> None:
    with at_work(settings, tmp_path) as (oidor, worker):
        make_again(admin, settings, settings.input_prefix + CONTACTS)
        until(
            lambda: "is not the topic that was read before" in problems(worker), NOTICED_SECONDS, "the worker says so"
        )
        publish(oidor, "B")
        said = problems(worker)
        worker.terminate(10)
        follow(settings, said)
        oidor.start("worker")
        until_known(oidor, "B")
        until_all_is_accounted_for(oidor, "A", "B")


def test_a_state_that_lost_its_beginning_or_all_is_refused_and_begun_anew_once_that_is_accepted(
    settings: Settings, admin: KafkaAdminClient, tmp_path: Path
) -> None:
    state = state_topic(settings.app_id)
    with at_work(settings, tmp_path) as (oidor, worker):
        publish(oidor, "L")
        until_known(oidor, "L")
        # As retention does it, within seconds: checkpoints that are needed go, the last ones stay.
        ends = {TopicPartition(state, number): 3 for number in range(settings.partitions)}
        admin.delete_records(ends)
        until(lambda: "begins with checkpoint" in problems(worker), NOTICED_SECONDS, "the worker says so")
        worker.terminate(10)
        said = refusal(oidor)
        assert f"{state}[0] begins with checkpoint" in said
        assert "begin anew" in follow(settings, said)
        worker = oidor.start("worker")
        until_known(oidor, "A")  # the inputs still held them
        until_all_is_accounted_for(oidor, "A", "L")

        worker.terminate(10)
        make_again(admin, settings, state)
        said = refusal(oidor)
        assert f"{state}[0] is empty, and {settings.input_prefix}contact-events[0] was read up to" in said
        assert "begin anew" in follow(settings, said)
        oidor.start("worker")
        publish(oidor, "A", resolve=True)
        until(
            lambda: oidor.ask("SELECT countIf(state = 'resolved') FROM v_cases")[0][0] == CASES, 30, "all are resolved"
        )
        assert cases(oidor, "A") == CASES
        until_all_is_accounted_for(oidor, "A", "L")


def test_a_second_installation_with_the_same_application_id_is_refused_before_it_disturbs_the_first(
    settings: Settings, tmp_path: Path
) -> None:
    others: dict[str, Any] = {"input_prefix": "staging-", "topic_prefix": "staging-"}
    with at_work(settings, tmp_path / "production") as (production, worker):
        with installed(settings.model_copy(update=others), tmp_path / "staging") as staging:
            publish(staging, "S")
            said = refusal(staging)
        assert f"computed from {settings.input_prefix}contact-events, and staging-contact-events is to be read" in said
        assert "give this one its own" in said
        assert fetch(worker.ready_url)[0] == 200
        assert "Fenced" not in worker.tail(1_000)
        publish(production, "L")
        until_known(production, "L")


def test_partitions_that_are_added_under_a_worker_are_named_within_a_minute_and_refused_at_the_next_start(
    settings: Settings, admin: KafkaAdminClient, tmp_path: Path
) -> None:
    with at_work(settings, tmp_path) as (oidor, worker):
        admin.create_partitions({settings.input_prefix + topic: NewPartitions(4) for topic in INPUTS})

        until(lambda: "has 4 partitions, the state was written with 2" in problems(worker), NOTICED_SECONDS, "said so")
        until(lambda: oidor.metric("feedback_topic_contradictions") > 0, 5, "the next tick counts it")
        worker.terminate(10)
        code, found = doctor(settings)
        assert (code, "4 partitions" in found) == (1, True), found
        assert "has 4 partitions, OIDOR_PARTITIONS is 2" in refusal(oidor)
