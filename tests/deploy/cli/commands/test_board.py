"""`oidor board`: what it refuses before it starts. That it works is seen in a browser, on real servers."""

import socket

import pytest

from tests.deploy.cli.commands.conftest import Run, mistake


def test_a_port_that_is_taken_is_told_with_the_setting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("OIDOR_BOARD_PORT", str(taken.getsockname()[1]))
        said = mistake(run("board"))
    assert "OIDOR_BOARD_PORT" in said
