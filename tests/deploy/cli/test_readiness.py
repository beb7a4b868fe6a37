"""What is missing is told before a process starts."""

import socket

import pytest

from deploy.cli.readiness import require_free_port, require_topics
from deploy.cli.topics import Problem
from processors.settings import Settings
from schemas.errors import OidorError

SETTINGS = Settings(_env_file=None)


def test_a_port_that_is_taken_is_refused_with_the_settings_to_change() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OidorError, match=f"cannot listen on 127.0.0.1:{port} .*OIDOR_WAREHOUSE_PORT .*, 0 takes"):
            require_free_port(SETTINGS, port)
    require_free_port(SETTINGS, 0)


def test_the_first_of_several_wrong_topics_is_told_and_how_many_more_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [Problem("contact-events", "has 1 partitions"), Problem("survey-events", "does not exist", missing=True)]
    monkeypatch.setattr("deploy.cli.readiness.check", lambda *_: wrong)
    with pytest.raises(OidorError) as caught:
        require_topics(SETTINGS, "worker")
    assert str(caught.value) == "contact-events: has 1 partitions (1 more: `oidor topics check`)"


def test_topics_as_they_should_be_are_no_reason_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.cli.readiness.require_access", lambda *_: None)
    monkeypatch.setattr("deploy.cli.readiness.check", lambda *_: [Problem("a", "has no limit", warning=True)])
    require_topics(SETTINGS, "worker")
