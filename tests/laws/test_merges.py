"""Merges as a law: random forests of them, with circles, other partitions and withdrawals, in any order of arrival."""

from random import Random
from typing import Any, Final

import pytest

from processors.sla.clocks import outcome
from tests.laws.disturbances import END, EVERY_CLOCK, undisturbed
from tests.processors.feed import HOUR, MINUTE, SECOND, T0, Feed, Happening, event, rules
from tests.processors.views import Views, differences

ANY_ORDER: Final = rules(policies=(EVERY_CLOCK,), disorder=60 * 86_400, kpi_memory=90 * 86_400)
_CASES: Final = 6
_STEPS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("customer_replied", {}),
    ("agent_replied", {"actor": {"kind": "human"}}),
    ("answered", {"actor": {"kind": "human"}}),
    ("human_requested", {}),
    ("waiting_customer", {"reason": "info"}),
    ("resumed", {}),
    ("transferred", {"from": "n1", "to": "n2"}),
    ("resolved", {"resolution": "solved"}),
    ("reopened", {"reason": "not_fixed"}),
    ("closed", {}),
]


def forest(seed: int) -> list[Happening]:
    """Contacts that are merged into each other, into themselves, into one that is never here, and out of it again."""
    random, log = Random(seed), list[Happening]()
    for number in range(_CASES):
        at = random.randrange(8) * HOUR
        channel = random.choice(["email", "chat"])
        log.append(event("contact.opened", f"M{number}", at, direction="inbound", channel=channel, org_unit="es/a/n1"))
    for step in range(random.randrange(8, 26)):
        at = random.randrange(16 * 60) * MINUTE + random.randrange(3) * SECOND
        entity = f"M{random.randrange(_CASES)}"
        what, fields = random.choice(_STEPS)
        log.append(event(f"contact.{what}", entity, at, event_id=f"s{step}", **fields))
    merges = []
    for number in range(random.randrange(1, 9)):
        at = random.randrange(2, 16) * HOUR + random.randrange(3) * random.choice([0, MINUTE])
        into = random.choice([f"M{other}" for other in range(_CASES)] + ["elsewhere"])
        merges.append(event("contact.merged", f"M{random.randrange(_CASES)}", at, event_id=f"m{number}", into=into))
    log += merges
    for number, merge in enumerate(random.sample(merges, len(merges) // 3)):
        entity, at = merge.event["entity_id"], merge.record_at - T0 + random.randrange(5) * HOUR
        said: dict[str, Any] = {"voids_event_id": merge.event["event_id"]}
        what = "voided"
        if random.random() < 0.4:
            what = "corrected"
            said = {
                "corrects_event_id": merge.event["event_id"],
                "values": {"into": f"M{random.randrange(_CASES)}"},
            }
        log.append(event(f"contact.{what}", entity, at, event_id=f"v{number}", **said))
    if random.random() < 0.3:
        log.append(event("contact.voided", f"M{random.randrange(_CASES)}", 20 * HOUR, event_id="gone"))
    return sorted(log, key=lambda happening: happening.record_at)


@pytest.mark.parametrize("seed", range(16))
def test_a_forest_of_merges_reads_the_same_in_whatever_order_it_came(seed: int) -> None:
    log, random = forest(seed), Random(seed)
    expected = undisturbed(log, ANY_ORDER)
    for _ in range(3):
        shuffled = [*log, *random.sample(log, 3)]
        random.shuffle(shuffled)
        feed, views = Feed(ANY_ORDER), Views()
        for happening in shuffled:
            feed.feed(happening)
            if random.random() < 0.2:
                feed.until(happening.record_at - T0)
            if random.random() < 0.2:
                views.insert(feed.checkpoint())
            if random.random() < 0.1:
                feed.restart()
        feed.until(END)
        views.insert(feed.checkpoint())
        assert differences(views, expected) == []


def test_the_forests_have_everything_that_the_law_is_about() -> None:
    feeds = []
    for seed in range(16):
        feed = Feed(ANY_ORDER)
        feed.feed(*forest(seed))
        feed.until(END)
        feeds.append(feed)
    cases = [case for feed in feeds for case in feed.state.cases.values()]
    inherited = {outcome(clock, T0 + END) for case in cases for clock in case.fold.clocks if clock.inherited_at}
    assert {"met", "breached"} <= inherited
    assert any(case.standing.ignored for case in cases), "a circle"
    assert any(case.standing.elsewhere for case in cases), "another partition"
    assert any(case.fold.forwarded for case in cases), "something said in a merged thread"
    assert any(case.fold.merged and case.fold.absorbed for case in cases), "a chain"
