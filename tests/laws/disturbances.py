"""A log that is fed as it came, and the same log with checkpoints, time and crashes where hypothesis puts them."""

from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from processors.rules import Rules
from tests.processors.feed import DAY, T0, Feed, Happening, rules
from tests.processors.views import Views

EVERY_CLOCK: Final = Path(__file__).parent / "every_clock.yaml"
RULES: Final = rules(policies=(EVERY_CLOCK,))
END: Final = 40 * DAY
law = settings(max_examples=70, suppress_health_check=[HealthCheck.too_slow])


def undisturbed(log: list[Happening], by: Rules) -> Views:
    feed, views = Feed(by), Views()
    feed.feed(*log)
    return _ended(feed, views)


def in_any_batches(log: list[Happening], by: Rules, data: st.DataObject) -> Views:
    """The views of a run in which time passes, and a checkpoint is made, after any of the events."""
    feed, views = Feed(by), Views()
    for happening in log:
        feed.feed(happening)
        if data.draw(st.booleans()):
            feed.until(happening.record_at - T0)
        if data.draw(st.booleans()):
            views.insert(feed.checkpoint())
    return _ended(feed, views)


def with_crashes(log: list[Happening], by: Rules, data: st.DataObject) -> Views:
    """The same with a crash after any of them: what is read again then comes topic by topic, and no more as it came."""
    feed, views = Feed(by), Views()
    for happening in log:
        feed.feed(happening)
        if data.draw(st.booleans()):
            feed.until(happening.record_at - T0)
        what = data.draw(st.sampled_from(["go on", "commit", "crash"]))
        if what == "commit":
            views.insert(feed.checkpoint())
        elif what == "crash":
            feed.restart()
    return _ended(feed, views)


def _ended(feed: Feed, views: Views) -> Views:
    feed.until(END)
    views.insert(feed.checkpoint())
    return views
