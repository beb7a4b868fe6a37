"""What a consumer group has committed and who is in it, asked of a broker that may have just started."""

from typing import Any, cast

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, KafkaError, NotCoordinatorError
from kafka.structs import OffsetAndMetadata

from deploy.cli import offsets
from deploy.cli.offsets import committed_by, members_of

PART = TopicPartition("contact-events", 0)


class Starting:
    """A broker that gives these errors before it knows its groups."""

    def __init__(self, *errors: KafkaError) -> None:
        self._errors = [*errors]

    def list_group_offsets(self, names: list[str]) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]:
        self._fail()
        return {name: {PART: OffsetAndMetadata(7, "", -1)} for name in names}

    def describe_groups(self, names: list[str]) -> dict[str, dict[str, list[str]]]:
        self._fail()
        return {name: {"members": ["a", "b"]} for name in names}

    def _fail(self) -> None:
        if self._errors:
            raise self._errors.pop(0)


def starting(*errors: KafkaError) -> KafkaAdminClient:
    return cast("KafkaAdminClient", cast("Any", Starting(*errors)))


def test_a_broker_that_does_not_know_its_groups_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "_COORDINATOR_PAUSE", 0)
    errors = NotCoordinatorError(), CoordinatorLoadInProgressError(), NotCoordinatorError()
    assert committed_by(starting(*errors), "oidor") == {PART: 7}
    assert members_of(starting(*errors), "oidor") == 2


def test_one_that_never_does_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "_COORDINATOR_SECONDS", 0)
    with pytest.raises(NotCoordinatorError):
        committed_by(starting(NotCoordinatorError()), "oidor")
    with pytest.raises(NotCoordinatorError):
        members_of(starting(NotCoordinatorError()), "oidor")


def test_a_cluster_without_any_group_has_nothing_of_this_one() -> None:
    assert committed_by(starting(CoordinatorNotAvailableError()), "oidor") == {}
    assert members_of(starting(CoordinatorNotAvailableError()), "oidor") == 0
