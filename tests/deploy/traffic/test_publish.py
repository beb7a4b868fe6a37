"""What cannot be sent is told in one line. Sending itself is seen on real servers."""

import pytest

from deploy.traffic.messages import Message
from deploy.traffic.publish import PublishError, publish
from schemas.topics import SURVEYS


@pytest.mark.parametrize("options", [{"speed": 0}, {"rate": -1.0}])
def test_a_pace_that_never_sends_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(PublishError, match="must be more than 0"):
        publish([], "127.0.0.1:1", **options)  # type: ignore[arg-type]


def test_a_broker_that_is_not_there_is_said_in_one_line() -> None:
    with pytest.raises(PublishError, match=r"no Kafka at 127\.0\.0\.1:1: start it, or set OIDOR_BROKERS") as error:
        publish([Message(SURVEYS, "k", b"{}", 0)], "127.0.0.1:1")
    assert "\n" not in str(error.value)
