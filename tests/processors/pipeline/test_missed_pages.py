"""What broke while nobody could be paged is told once, by an incident of ours, and that ends with the last of it."""

import json
from typing import Any

import pytest

from processors.pipeline import missed_pages
from processors.pipeline.set_back import set_back
from schemas.observations import Observations
from schemas.outputs import IncidentRow
from sinks.messages import incident_json
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, event, rules

RULES = rules()
WINDOW = 10 * MINUTE
HUMAN = {"kind": "human"}


def calls(feed: Feed, *entities: str, at: int = 0, area: str = "billing") -> None:
    """Callers who wait: each clock breaches 20 s later."""
    common: dict[str, Any] = {"direction": "inbound", "channel": "phone", "org_unit": area}
    for entity in entities:
        feed.feed(
            event("contact.opened", entity, at, seq=0, customer=entity, priority="urgent", **common),
            event("contact.queued", entity, at, seq=1, customer=entity, queue="q"),
        )


def answered(feed: Feed, entity: str, at: int) -> None:
    feed.feed(event("contact.answered", entity, at, customer=entity, actor=HUMAN, seq=2))


def look(feed: Feed, at: int) -> Observations:
    return missed_pages.look(feed.state, T0 + at, WINDOW)


def told(feed: Feed) -> list[IncidentRow]:
    return [row for row in feed.checkpoint().incidents if row.pattern == "missed_pages"]


def back_after(feed: Feed, outage: int) -> None:
    """Live ten seconds after T0, then not, for a while."""
    feed.until(10 * SECOND)
    look(feed, 10 * SECOND)
    feed.until(10 * SECOND + outage)
    look(feed, 10 * SECOND + outage)


def test_an_outage_that_is_longer_than_the_page_window_is_told_by_what_it_left_open() -> None:
    feed = Feed(RULES)
    calls(feed, "C1", "C2")
    calls(feed, "C3", area="sales")
    back_after(feed, HOUR)

    (row,) = told(feed)

    assert (row.state, row.severity, row.topic, row.subject, row.opened_at) == (
        "open", "critical", "", "oidor|0", T0 + HOUR + 10 * SECOND,
    )  # fmt: skip
    evidence = json.loads(row.evidence)
    assert set(evidence["still_open"]) == {"billing", "sales"}
    assert sum(evidence["still_open"]["billing"].values()) == 2 * sum(evidence["still_open"]["sales"].values())
    assert json.loads(incident_json(row, 0, row.opened_at + SECOND, WINDOW))["page"], "it pages, where they could not"


@pytest.mark.parametrize("outage", [MINUTE, WINDOW])
def test_a_shorter_one_left_nothing_out(outage: int) -> None:
    feed = Feed(RULES)
    calls(feed, "C1")
    back_after(feed, outage)
    assert told(feed) == []


def test_an_outage_in_which_nothing_broke_is_nobodys_page() -> None:
    feed = Feed(RULES)
    calls(feed, "C1")
    answered(feed, "C1", 9 * SECOND)
    feed.feed(event("contact.resolved", "C1", 9 * SECOND, customer="C1", resolution="solved", seq=3))
    back_after(feed, HOUR)
    assert told(feed) == []


def test_a_backlog_is_told_of_when_it_is_read_and_not_while_it_is() -> None:
    feed = Feed(RULES)
    calls(feed, "C1")
    feed.until(10 * SECOND)
    look(feed, 10 * SECOND)
    for minutes in (5, 30, 45):
        feed.until(minutes * MINUTE)
        look(feed, HOUR)
        assert told(feed) == []
    feed.until(HOUR)
    look(feed, HOUR)
    assert len(told(feed)) == 1


def test_a_log_that_is_read_for_the_first_time_missed_nothing() -> None:
    feed = Feed(RULES)
    calls(feed, "C1")
    feed.until(DAY)
    look(feed, 30 * DAY)
    feed.until(30 * DAY)
    look(feed, 30 * DAY)
    assert told(feed) == []


def test_it_closes_when_nothing_of_it_is_open_any_more() -> None:
    feed = Feed(RULES)
    calls(feed, "C1", "C2")
    back_after(feed, HOUR)
    told(feed)
    for entity, minutes, closed in (("C1", 1, 0), ("C2", 2, 1)):
        at = HOUR + minutes * MINUTE
        answered(feed, entity, at)
        feed.feed(event("contact.resolved", entity, at, customer=entity, resolution="solved", seq=3))
        feed.until(at)
        look(feed, at)
        assert [row.state for row in told(feed)] == ["closed"] * closed, entity
    look(feed, HOUR + 3 * MINUTE)
    assert told(feed) == []


def test_it_survives_a_restart_and_closes_all_the_same() -> None:
    feed = Feed(RULES)
    calls(feed, "C1")
    back_after(feed, HOUR)
    opened = told(feed)
    gauges = feed.state.gauges.items()
    feed.restart()
    assert dict(feed.state.gauges.items()) == dict(gauges)
    look(feed, HOUR + 20 * SECOND)
    assert told(feed) == []
    answered(feed, "C1", HOUR + 30 * SECOND)
    feed.feed(event("contact.resolved", "C1", HOUR + 30 * SECOND, customer="C1", resolution="solved", seq=3))
    look(feed, HOUR + MINUTE)
    (closed,) = told(feed)
    assert (closed.incident_id, closed.state) == (opened[0].incident_id, "closed")


def test_an_outage_that_only_a_wrong_clock_saw_is_taken_back_with_what_it_decided() -> None:
    feed = Feed(RULES)
    calls(feed, "C1")
    back_after(feed, DAY)
    (opened,) = told(feed)
    set_back(feed.state, T0 + 12 * SECOND)
    (taken_back,) = told(feed)
    assert (taken_back.incident_id, taken_back.state) == (opened.incident_id, "withdrawn")
    feed.until(MINUTE)
    look(feed, MINUTE)
    assert told(feed) == [], "nobody was away"


def test_a_second_outage_is_a_page_of_its_own_and_takes_over_what_is_open_of_the_first() -> None:
    feed = Feed(RULES)
    calls(feed, "C1")
    back_after(feed, HOUR)
    (first,) = told(feed)
    calls(feed, "C2", at=HOUR + MINUTE)
    feed.until(3 * HOUR)
    look(feed, 3 * HOUR)

    rows = {row.incident_id: row for row in told(feed)}

    assert rows.pop(first.incident_id).state == "closed"
    (second,) = rows.values()
    assert second.opened_at == T0 + 3 * HOUR
    assert json.loads(second.evidence)["still_open"]["billing"]["critical"] >= 2
