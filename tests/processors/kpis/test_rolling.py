"""Rolling windows: what the KPI minutes in memory say of the last 5 min, 1 h and 24 h, by area."""

from typing import Any

from processors.kpis.rolling import RollingWindows
from processors.worker import census
from schemas.observations import WindowCounts
from sinks.metrics.worker import WorkerMetrics
from tests.processors.feed import HOUR, MINUTE, SECOND, T0, Feed, event, rules

HUMAN = {"kind": "human"}


def call(feed: Feed, entity: str, at: int, area: str | None, answered_after: int | None) -> None:
    said: dict[str, Any] = {"org_unit": area} if area else {}
    feed.feed(
        event("contact.opened", entity, at, customer=entity, channel="phone", direction="inbound", seq=0, **said),
        event("contact.queued", entity, at, customer=entity, queue="q", seq=1),
    )
    if answered_after is not None:
        feed.feed(event("contact.answered", entity, at + answered_after, customer=entity, actor=HUMAN, seq=2))


def rated(feed: Feed, entity: str, at: int, score: int) -> None:
    said: dict[str, Any] = {"customer": entity, "mode": "email", "org_unit": "north"}
    feed.feed(event("survey.answered", entity, at, kind="nps", score=score, **said))


def windows(feed: Feed, at: int) -> dict[tuple[str, str], WindowCounts]:
    return {(window, area): counts for window, area, counts in feed.state.windows.up_to(T0 + at)}


def a_morning() -> Feed:
    feed = Feed(rules())
    call(feed, "C1", 0, "north", 5 * SECOND)
    call(feed, "C2", 2 * HOUR, "north", 50 * SECOND)
    call(feed, "C3", 2 * HOUR + MINUTE, None, 5 * SECOND)
    call(feed, "C4", 2 * HOUR + 2 * MINUTE, "south", None)
    for number, score in enumerate((10, 9, 3)):
        rated(feed, f"S{number}", 2 * HOUR + 2 * MINUTE + number, score)
    feed.until(2 * HOUR + 2 * MINUTE + 10 * SECOND)
    return feed


def test_each_window_has_what_is_decided_of_its_minutes_by_area_and_the_rest_beside() -> None:
    found = windows(a_morning(), 2 * HOUR + 2 * MINUTE + 10 * SECOND)

    assert found["5m", "north"][:3] == (1, 0, 0)
    assert found["24h", "north"][:3] == (2, 1, 0), "an answer in time, and one that was late"
    assert found["5m", ""][:3] == (1, 1, 0), "with no area"
    assert found["5m", "south"][:3] == (0, 0, 1), "who waits now is in no ratio yet"
    nps = found["1h", "north"]
    assert (nps.nps_answered, nps.nps_promoters, nps.nps_detractors) == (3, 2, 1)


def test_an_answer_that_comes_later_puts_a_window_right() -> None:
    feed = a_morning()
    feed.feed(event("contact.answered", "C2", 2 * HOUR + 9 * SECOND, arrives=3 * HOUR, customer="C2", actor=HUMAN))
    feed.until(3 * HOUR)
    assert windows(feed, 3 * HOUR)["24h", "north"][:2] == (2, 2)


def test_windows_of_a_partition_that_was_opened_elsewhere_are_the_same() -> None:
    feed = a_morning()
    feed.checkpoint()
    before = windows(feed, 2 * HOUR + 3 * MINUTE)
    feed.restart()
    assert windows(feed, 2 * HOUR + 3 * MINUTE) == before


def test_a_window_of_no_minutes_amounts_to_nothing() -> None:
    assert list(RollingWindows([]).up_to(T0)) == [(window, "", WindowCounts()) for window in ("5m", "1h", "24h")]


def test_ratios_come_with_the_number_that_they_are_of_and_a_ratio_of_nothing_has_no_series() -> None:
    feed, metrics = a_morning(), WorkerMetrics()
    metrics.count_at_scrapes(lambda: census([feed.state], T0 + 2 * HOUR + 3 * MINUTE))

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"feedback_rolling_{name}", labels)

    assert value("service_level_ratio", window="24h", area="north") == 0.5
    assert value("service_level_decided", window="24h", area="north") == 2
    assert value("service_level_ratio", window="5m", area="south") is None
    assert value("service_level_decided", window="5m", area="south") == 0
    assert value("service_level_undecided", window="5m", area="south") == 1
    assert value("attainment_ratio", window="5m", area="north") == 0
    assert value("nps_ratio", window="1h", area="north") == 1 / 3
    assert value("nps_answers", window="5m", area="") == 0
