"""`oidor incident`: what it refuses, and what it publishes. Real servers are in tests/stack."""

import pytest

from deploy.cli import actions
from deploy.cli.actions import ActionError
from schemas.actions import AnyAction
from tests.deploy.cli.commands.conftest import Run, mistake


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (("ack", "i"), "acknowledged"),
        (("act", "i", "--note", "called back"), "acted"),
        (("dismiss", "i", "--note", "a test call"), "dismissed"),
    ],
)
def test_what_was_done_is_published_under_the_name_of_who_did_it(
    said: tuple[str, ...], kind: str, run: Run, published: list[AnyAction]
) -> None:
    result = run("incident", *said, "--who", "ana")
    assert result.stdout.splitlines() == [
        f"{kind} by ana: incident i", "Answer by phone was due at 10:05 (was open)",
    ]  # fmt: skip
    assert [(one.action, one.who) for one in published] == [(kind, "ana")]


@pytest.mark.parametrize("kind", ["act", "dismiss"])
def test_what_was_done_and_why_it_is_none_has_to_be_said(kind: str, run: Run, published: list[AnyAction]) -> None:
    assert run("incident", kind, "i").exit_code == 2
    assert "note" in mistake(run("incident", kind, "i", "--note", ""))
    assert published == []


def test_an_incident_that_the_database_does_not_know_is_refused_unless_it_is_not_asked(
    run: Run, published: list[AnyAction]
) -> None:
    assert "knows no" in mistake(run("incident", "ack", "j"))
    assert published == []
    assert run("incident", "ack", "j", "--unchecked").exit_code == 0
    assert len(published) == 1


def test_a_database_that_is_away_stops_nobody_who_is_called_at_night(run: Run) -> None:
    from deploy.cli.settings import load_settings

    assert "was not checked: ClickHouse at 127.0.0.1:1" in actions.require_known(load_settings(), "i")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (("incident", "ack", "a b", "--who", "ana"), "incident_id 'a b': wrong_type"),
        (("incident", "ack", "i", "--who", "ana@example.com"), "who '***************': pii_in_id"),
        (("incident", "act", "i", "--note", "x" * 1001), "note '1001 characters': wrong_type"),
    ],
)
def test_what_the_contract_refuses_is_refused_before_anything_is_asked_or_published(
    said: tuple[str, ...], told: str, run: Run
) -> None:
    assert mistake(run(*said)).startswith(told)


def test_a_broker_that_does_not_answer_is_told(run: Run) -> None:
    assert mistake(run("incident", "ack", "i", "--unchecked")).startswith("cannot reach Kafka at 127.0.0.1:1")


def test_the_user_of_the_machine_is_who_acts_where_nobody_else_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "luis")
    assert actions.about_incident("acknowledged", "i", who="", note="").who == "luis"

    def nobody() -> str:
        raise OSError("no user")

    monkeypatch.setattr("getpass.getuser", nobody)
    with pytest.raises(ActionError, match="--who"):
        actions.about_incident("acknowledged", "i", who="", note="")
