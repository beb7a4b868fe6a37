"""An input lost its end and has grown again before anybody looked: it is said, and the way back works as told."""

import shutil
from pathlib import Path

import pytest

from deploy.local.kafka.server import LocalKafka
from processors.settings import Settings
from schemas.topics import CONTACTS
from tests.stack.running import installed, until
from tests.stack.test_changed_topics import (
    NOTICED_SECONDS,
    cases,
    doctor,
    follow,
    problems,
    publish,
    refusal,
    until_known,
)

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 1, "checkpoint_interval": 0.2}


@pytest.mark.parametrize("running", [True, False], ids=["under a worker", "while nobody runs"])
def test_records_where_others_were_read_are_not_passed_over(
    settings: Settings, kafka: LocalKafka, tmp_path: Path, running: bool
) -> None:
    name = settings.input_prefix + CONTACTS
    log, older = kafka.home / "data0" / f"{name}-0", tmp_path / "older"
    with installed(settings, tmp_path) as oidor:
        worker = oidor.start("worker")
        oidor.start("warehouse")
        publish(oidor, "A")
        until_known(oidor, "A")
        kafka.stop()
        shutil.copytree(log, older)
        kafka.start()
        publish(oidor, "L")
        until_known(oidor, "L")

        if not running:
            worker.terminate(10)
        kafka.kill(0)
        shutil.rmtree(log)
        older.rename(log)
        kafka.start()
        publish(oidor, "N")
        publish(oidor, "O")
        if running:
            until(lambda: "was cut" in problems(worker), NOTICED_SECONDS, "the worker says so")
            said = problems(worker)
            worker.terminate(10)
        else:
            code, found = doctor(settings)
            assert (code, "has not the record at" in found) == (1, True), found
            said = refusal(oidor)
        assert f"{name}[0]" in said

        follow(settings, said)
        oidor.start("worker")
        until_known(oidor, "N")
        until_known(oidor, "O")
        assert cases(oidor, "A") == cases(oidor, "L") == cases(oidor, "N")
