"""What a consumer group has committed, asked of a broker that may have just started."""

from typing import Any, cast

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, KafkaError, NotCoordinatorError
from kafka.structs import OffsetAndMetadata

from deploy.cli import offsets
from deploy.cli.offsets import committed_by

PART = TopicPartition("contact-events", 0)


class Starting:
    """A broker that gives these errors before it knows its groups."""

    def __init__(self, *errors: KafkaError) -> None:
        self._errors = [*errors]

    def list_group_offsets(self, names: list[str]) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]:
        if self._errors:
            raise self._errors.pop(0)
        return {name: {PART: OffsetAndMetadata(7, "", -1)} for name in names}


def asked(*errors: KafkaError) -> dict[TopicPartition, int]:
    return committed_by(cast("KafkaAdminClient", cast("Any", Starting(*errors))), "oidor")


def test_a_broker_that_does_not_know_its_groups_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "_COORDINATOR_PAUSE", 0)
    assert asked(NotCoordinatorError(), CoordinatorLoadInProgressError(), NotCoordinatorError()) == {PART: 7}


def test_one_that_never_does_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "_COORDINATOR_SECONDS", 0)
    with pytest.raises(NotCoordinatorError):
        asked(NotCoordinatorError())


def test_a_cluster_without_any_group_has_nothing_of_this_one() -> None:
    assert asked(CoordinatorNotAvailableError()) == {}
