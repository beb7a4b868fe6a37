"""Messages can be moved in time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from deploy.traffic.messages import shifted
from deploy.traffic.scenarios import DEMO, journeys
from schemas.events.envelope import Event
from tests.deploy.traffic.published import judged

START = datetime(2026, 11, 16, tzinfo=UTC)
CLEAN = replace(DEMO, duplicates=0, late=0, malformed=0)


def test_shifted_messages_are_the_same_events_at_another_time() -> None:
    original = list(journeys(CLEAN, 7, START, limit=500))
    day = 86_400_000
    moved = list(shifted(original, day))
    for before, after in zip(original, moved, strict=True):
        old, new = judged(before), judged(after)
        assert isinstance(old, Event)
        assert isinstance(new, Event)
        assert new.occurred_at == old.occurred_at + timedelta(days=1)
        assert new.occurred_at.utcoffset() == old.occurred_at.utcoffset()
        assert after.timestamp_ms == before.timestamp_ms + day
    assert list(shifted(moved, -day)) == original
