"""Which topics are made, and which existing ones are refused. The broker's side is in tests/stack."""

import time
from typing import Any

import pytest

from deploy.cli.topics import HIDDEN, Existing, TopicError, administrator, check, plan, problems
from processors.settings import Settings
from schemas.topics import ACTIONS, AHEAD_LIMIT, INPUTS

GOOD = {
    "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "min.insync.replicas": "2",
    "max.message.bytes": "1048588", "message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": "300000",
}  # fmt: skip


def settings(**others: Any) -> Settings:
    named: dict[str, Any] = {"app_id": "shop", "input_prefix": "eu-", "topic_prefix": "eu-", "partitions": 6}
    return Settings(**(named | others))


def existing(replication: int = 1) -> dict[str, Existing]:
    """All topics as they should be."""
    return {
        one.name: shape(
            one.partitions,
            replication=replication,
            cleanup_policy=one.topic.cleanup,
            message_timestamp_type=one.config["message.timestamp.type"],
        )
        for one in plan(settings())
    }


def shape(partitions: int = 6, replication: int = 1, **config: str) -> Existing:
    return Existing(partitions, replication, GOOD | {name.replace("_", "."): value for name, value in config.items()})


def test_the_prefix_is_on_every_topic_but_the_state() -> None:
    assert [one.name for one in plan(settings())] == [
        "eu-contact-events", "eu-complaint-events", "eu-survey-events", "eu-feedback-rows", "eu-feedback-incidents",
        "eu-feedback-rejected", "eu-feedback-actions", "shop-state",
    ]  # fmt: skip


@pytest.mark.parametrize(("days", "milliseconds"), [(7, "604800000"), (0.5, "43200000"), (-1, "-1")])
def test_inputs_keep_as_long_as_the_settings_say(days: float, milliseconds: str) -> None:
    config = plan(settings(input_retention_days=days))[0].config
    assert config["retention.ms"] == milliseconds


@pytest.mark.parametrize(("replication", "in_sync"), [(1, None), (3, "2")])
def test_the_state_asks_for_two_copies_in_sync_where_there_are_copies(replication: int, in_sync: str | None) -> None:
    state = plan(settings(replication=replication))[-1]
    assert state.config.get("min.insync.replicas") == in_sync
    assert (state.partitions, state.replication) == (6, replication)


def test_topics_as_they_should_be_have_no_problem() -> None:
    assert problems(settings(), plan(settings()), existing()) == []


def test_a_missing_topic_is_told_with_the_command_that_makes_it() -> None:
    found = problems(settings(), plan(settings()), {})
    assert [problem.missing for problem in found] == [True] * 8
    assert str(found[0]) == "eu-contact-events: does not exist: run `oidor topics create`"


@pytest.mark.parametrize(
    ("name", "found", "said"),
    [
        ("shop-state", {"retention_ms": "604800000"}, "has retention.ms=604800000, which would delete live state"),
        ("shop-state", {"retention_bytes": "1000"}, "set retention.bytes=-1"),
        ("shop-state", {"cleanup_policy": "compact"}, "has cleanup.policy=compact, which would delete state"),
        ("shop-state", {"replication": 3, "min_insync_replicas": "1"}, "has min.insync.replicas=1 with 3 copies"),
        ("shop-state", {"partitions": 5}, "has 5 partitions, OIDOR_PARTITIONS is 6"),
        ("eu-survey-events", {"partitions": 12}, "has 12 partitions, OIDOR_PARTITIONS is 6"),
        ("eu-feedback-rows", {"partitions": 1}, "has 1 partitions, OIDOR_PARTITIONS is 6"),
        ("eu-feedback-actions", {"partitions": 6}, "has 6 partitions, and needs 1"),
        ("eu-contact-events", {"cleanup_policy": "compact,delete"}, "which would delete all but the last record"),
        (
            "eu-feedback-incidents",
            {"cleanup_policy": "delete"},
            "incidents that are still open: set cleanup.policy=com",
        ),
        ("shop-state", {"message_timestamp_type": "CreateTime"}, "set message.timestamp.type=LogAppendTime"),
        ("eu-feedback-rows", {"max_message_bytes": "1000"}, "max.message.bytes=1000, OIDOR_MESSAGE_BYTES is 900000"),
    ],
)
def test_a_topic_in_a_wrong_shape_is_refused_with_what_to_do(name: str, found: dict[str, Any], said: str) -> None:
    others = existing()
    right = {one.replace(".", "_"): others[name].config[one] for one in ("cleanup.policy", "message.timestamp.type")}
    wrong = shape(**(right | {"partitions": others[name].partitions} | found))
    [problem] = problems(settings(), plan(settings()), others | {name: wrong})
    assert problem.topic == name
    assert said in problem.text
    assert not problem.missing


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({AHEAD_LIMIT: "3600000"}, "have its owner set message.timestamp.after.max.ms=300000"),
        ({AHEAD_LIMIT: None}, "its broker knows no message.timestamp.after.max.ms"),
        ({"message.timestamp.type": "LogAppendTime"}, "whatever is published of the past counts as late"),
    ],
)
def test_an_input_that_lets_time_be_moved_is_warned_of_for_it_may_be_somebody_elses(
    found: dict[str, str | None], said: str
) -> None:
    config = {name: value for name, value in (GOOD | found).items() if value is not None}
    changed = existing() | {"eu-contact-events": Existing(6, 1, config)}
    [problem] = problems(settings(), plan(settings()), changed)
    assert problem.warning
    assert said in problem.text


def test_inputs_are_made_with_a_limit_for_records_from_the_future_and_the_state_with_the_brokers_time() -> None:
    planned = {one.topic.name: one.config for one in plan(settings())}
    assert {name for name, config in planned.items() if config.get(AHEAD_LIMIT) == "300000"} == set(INPUTS)
    assert {name for name, one in planned.items() if one["message.timestamp.type"] == "LogAppendTime"} == {
        ACTIONS, "shop-state",
    }  # fmt: skip


def test_a_state_with_fewer_copies_than_wanted_is_refused() -> None:
    wanted = settings(replication=3)
    [problem] = problems(wanted, plan(wanted), existing(replication=1))
    assert "shop-state: has 1 copies, OIDOR_REPLICATION is 3" in str(problem)


def test_a_finite_retention_of_inputs_is_nobodys_problem() -> None:
    changed = existing() | {"eu-contact-events": shape(retention_ms="1000", max_message_bytes="1000")}
    assert problems(settings(), plan(settings()), changed) == []


def test_an_unreachable_broker_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.cli.topics._CONNECT_MS", 200)
    with pytest.raises(TopicError) as caught:
        check(settings(brokers="127.0.0.1:1"))
    assert (
        str(caught.value) == "cannot reach Kafka at 127.0.0.1:1; start it with `oidor demo --keep` or set OIDOR_BROKERS"
    )


def test_where_nobody_listens_it_is_said_as_soon_as_is_asked_for() -> None:
    began = time.monotonic()
    nowhere = settings(brokers="127.0.0.1:1")
    with pytest.raises(TopicError, match="cannot reach Kafka"), administrator(nowhere, absent_ms=50):
        pass
    assert time.monotonic() - began < 4


def test_a_topic_that_is_not_ours_to_see_is_not_said_to_be_missing() -> None:
    seen = existing() | {"eu-contact-events": HIDDEN, "shop-state": Existing(6, 1, {}, frozenset({"DESCRIBE"}))}
    hidden, unreadable = map(str, problems(settings(), plan(settings()), seen))
    assert hidden.startswith(
        "eu-contact-events: not visible to this account: missing, or no DESCRIBE: `oidor topics acls`"
    )
    assert unreadable.startswith("shop-state: this account lacks DESCRIBE_CONFIGS: `oidor topics acls`")
