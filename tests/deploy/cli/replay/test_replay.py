"""What a replay shares with its installation, and the times that it takes."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy.cli.replay.replay import ReplayError, beside
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


def test_an_empty_setting_begins_at_the_first_record() -> None:
    assert Settings(replay_from="").replay_from is None
