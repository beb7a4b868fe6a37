"""What a replay shares with its installation, and the times that it takes."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy.cli.replay.replay import ReplayError, beside, moment
from processors.settings import Settings

BEGAN = datetime(2026, 9, 22, 12, 30, 5, tzinfo=UTC)
INSTALLED = Settings(app_id="hq", topic_prefix="eu-", input_prefix="in-", clickhouse_database="hq", partitions=6)


def test_a_replay_shares_only_its_inputs_and_pages_nobody() -> None:
    target = beside(INSTALLED, BEGAN, BEGAN - timedelta(days=1), None)

    assert (target.app_id, target.topic_prefix) == ("hq-replay-20260922123005", "eu-replay-20260922123005-")
    assert (target.input_prefix, target.partitions) == ("in-", 6)
    assert target.clickhouse_database == "hq_replay"
    assert target.replay_from == BEGAN - timedelta(days=1)
    assert target.page_window < 0.01


def test_the_database_of_the_installation_is_refused() -> None:
    with pytest.raises(ReplayError, match="hq is the database of the installation: give another --into"):
        beside(INSTALLED, BEGAN, None, "hq")


@pytest.mark.parametrize("text", ["2026-09-22T08:00:00Z", "2026-09-22T10:00:00+02:00"])
def test_a_time_is_rfc_3339(text: str) -> None:
    assert moment(text) == datetime(2026, 9, 22, 8, tzinfo=UTC)


@pytest.mark.parametrize(("text", "hours"), [("36h", 36), ("7d", 168), ("90m", 1.5)])
def test_a_time_may_be_an_age(text: str, hours: float) -> None:
    assert abs(datetime.now(UTC) - timedelta(hours=hours) - moment(text)) < timedelta(seconds=5)


@pytest.mark.parametrize("text", ["2026-09-22T08:00:00", "yesterday", "d", ""])
def test_a_time_without_a_zone_or_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ReplayError, match="give RFC 3339 with a zone"):
        moment(text)


def test_an_empty_setting_begins_at_the_first_record() -> None:
    assert Settings(replay_from="").replay_from is None
