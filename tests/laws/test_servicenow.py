"""The real ServiceNow log through `step`: its resolution clocks against a computation that knows only the CSV."""

from collections import Counter
from pathlib import Path

import pytest

from deploy.traffic.readers import servicenow
from processors.pipeline.step import EMPTY, step
from schemas.topics import INPUTS
from tests.laws.servicenow_by_hand import resolution_clocks
from tests.processors.feed import DAY, FakeBatch, FakeRecord, Feed, rules
from tests.processors.views import Views

POLICIES = Path(__file__).parents[2] / "deploy" / "policies"


@pytest.mark.parametrize(("pack", "pausing"), [("default", False), ("servicenow-demo", True)])
def test_every_resolution_clock_agrees_with_an_independent_computation(pack: str, pausing: bool) -> None:
    feed, views = Feed(rules(policies=(POLICIES / f"{pack}.yaml",))), Views()
    records = [
        FakeRecord(message.topic, 0, offset, message.timestamp_ms, message.key.encode(), message.value)
        for offset, message in enumerate(servicenow())
    ]
    step(feed.state, FakeBatch(records[0].topic, tuple(records)), 0)
    for topic in INPUTS:
        feed.state.advance_watermark(topic, records[-1].timestamp + 60 * DAY)
    views.insert(feed.checkpoint())
    step(feed.state, EMPTY, feed.state.now)
    views.insert(feed.checkpoint())
    found = Counter(
        (row["entity_id"], row["instance"], row["state"], row["started_at"], row["due_at"], row["stopped_at"])
        for row in views.clocks()
        if row["metric"] == "resolve"
    )
    expected = Counter(resolution_clocks(pausing=pausing))
    assert found == expected
    assert {row["policy_id"] for row in views.clocks() if row["metric"] == "resolve"} == {pack}
    paused = [row for row in views.clocks() if row["paused_ms"]]
    assert (len(paused) > 50) is pausing
