"""What an alarm is set on tells what was told in time; what was told long after it happened counts beside it.

The policy is the default: a contact of normal priority by e-mail is to be answered within 8 h and resolved within 24 h,
with warnings at half of it and at 0.8.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from processors.state.gauges import Labels
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Feed, Happening, event, rules

RULES = rules()
LATER = 30 * DAY


def contact(what: str, at: int, arrives: int | None = None, entity: str = "C1", **fields: Any) -> Happening:
    said = {"direction": "inbound", "channel": "email"} if what == "opened" else {}
    return event(f"contact.{what}", entity, at, arrives=arrives, **said | fields)


def handed_on(at: int, from_: str, to: str, arrives: int | None = None) -> Happening:
    return contact("transferred", at, arrives, **{"from": from_, "to": to, "kind": "cold"})


def counted(*log: Happening, until: int | None = None) -> Counter[tuple[str, ...]]:
    """What counts by now, without what the gauges tell of policy, area and priority."""
    feed = Feed(RULES)
    feed.feed(*log)
    feed.until(max(one.record_at for one in log) - T0 if until is None else until)
    live = feed.state.gauges
    feed.checkpoint()
    feed.restart()
    assert feed.state.gauges == live, "after a crash too"
    told = Counter[tuple[str, ...]]()
    for labels, amount in live.items():
        told[_short(labels)] += amount
    return told


def _short(labels: Labels) -> tuple[str, ...]:
    name, *rest = labels
    if name == "imported_sla_clocks":
        return name, rest[0], rest[2]
    if name.startswith("sla_"):
        return name, rest[1]
    if name.endswith(("incidents", "incidents_open")):
        return name, rest[0]
    return (name,)


BACKLOG, OLD_BACKLOG = ("backlog_cases",), ("imported_cases",)


def running(metric: str) -> tuple[str, ...]:
    return "sla_on_track", metric


def overdue(metric: str) -> tuple[str, ...]:
    return "sla_overdue", metric


def imported(state: str, metric: str) -> tuple[str, ...]:
    return "imported_sla_clocks", state, metric


P01, P02, P08, P10 = (("incidents_open", f"P{number}") for number in ("01", "02", "08", "10"))
OLD_P01, OLD_P02, OLD_P08, OLD_P10 = (("imported_incidents", f"P{n}") for n in ("01", "02", "08", "10"))

CASES: dict[str, tuple[tuple[Happening, ...], int | None, set[tuple[str, ...]]]] = {
    "a contact that is opened now": (
        (contact("opened", 0),), None,
        {BACKLOG, running("first_response"), running("resolve")},
    ),
    "one that breaks its promises while we watch": (
        (contact("opened", 0),), 25 * HOUR,
        {BACKLOG, overdue("first_response"), overdue("resolve"), P02},
    ),
    "one told nine minutes late is still one of now": (
        (contact("opened", 0, 9 * MINUTE),), None,
        {BACKLOG, running("first_response"), running("resolve")},
    ),
    "one told ten minutes late is not, and its promises run": (
        (contact("opened", 0, 10 * MINUTE),), None,
        {OLD_BACKLOG, imported("on_track", "first_response"), imported("on_track", "resolve")},
    ),
    "whose deadlines pass later is overdue as anything is": (
        (contact("opened", 0, 10 * MINUTE),), 25 * HOUR,
        {OLD_BACKLOG, overdue("first_response"), overdue("resolve"), P02},
    ),
    "one of last month": (
        (contact("opened", 0, LATER),), None,
        {OLD_BACKLOG, imported("overdue", "first_response"), imported("overdue", "resolve"), OLD_P02},
    ),
    "one of half a day ago: one promise is broken, another has warned": (
        (contact("opened", 0, 20 * HOUR),), None,
        {OLD_BACKLOG, imported("overdue", "first_response"), imported("at_risk", "resolve"), OLD_P02, OLD_P01},
    ),
    "and breaks the other while we watch": (
        (contact("opened", 0, 20 * HOUR),), 25 * HOUR,
        {OLD_BACKLOG, imported("overdue", "first_response"), overdue("resolve"), OLD_P02, P02},
    ),
    "one of last month is of now once something happens in it, and what is asked now is owed now": (
        (
            contact("opened", 0, LATER),
            contact("agent_replied", HOUR, LATER, actor={"kind": "human"}),
            contact("assigned", LATER, owner="ana"),
        ), None,
        {BACKLOG, imported("overdue", "resolve"), OLD_P02},
    ),
    "the opening of a case that we know already, repaired after a weekend": (
        (contact("assigned", HOUR, owner="ana"), contact("opened", 0, 3 * DAY)), None,
        {BACKLOG, imported("overdue", "first_response"), imported("overdue", "resolve"), OLD_P02},
    ),
    "last month's call in a queue": (
        (
            contact("opened", 0, 20 * HOUR, channel="phone", direction="inbound"),
            contact("queued", 1, 20 * HOUR, queue="sales"),
        ), None,
        {OLD_BACKLOG, imported("overdue", "answer"), imported("at_risk", "resolve"), OLD_P02, OLD_P01},
    ),
    "last month's ping-pong": (
        (
            contact("opened", 0, LATER),
            handed_on(1, "a", "b", LATER), handed_on(2, "b", "a", LATER),
        ), None,
        {OLD_BACKLOG, imported("overdue", "first_response"), imported("overdue", "resolve"), OLD_P02, OLD_P10},
    ),
    "one of last month that is handed to and fro now": (
        (
            contact("opened", 0, LATER),
            handed_on(LATER + 1, "a", "b"), handed_on(LATER + 2, "b", "a"),
        ), None,
        {BACKLOG, imported("overdue", "first_response"), imported("overdue", "resolve"), OLD_P02, P10},
    ),
    "a customer who came three times last month": (
        tuple(contact("opened", n * HOUR, LATER, entity=f"C{n}", category="billing") for n in range(3)), None,
        {OLD_BACKLOG, imported("overdue", "first_response"), imported("overdue", "resolve"), OLD_P02, OLD_P08},
    ),
    "a customer who comes for the third time now, and twice came before the import": (
        (
            *(contact("opened", LATER - n * HOUR, LATER, entity=f"C{n}", category="billing") for n in (30, 40)),
            contact("opened", LATER, entity="C3", category="billing"),
        ), None,
        {
            OLD_BACKLOG, imported("overdue", "first_response"), imported("overdue", "resolve"), OLD_P02,
            BACKLOG, running("first_response"), running("resolve"), P08,
        },
    ),
}  # fmt: skip
"""What it is of -> what arrived, until when, and what counts."""


@pytest.mark.parametrize(("log", "until", "expected"), CASES.values(), ids=CASES)
def test_what_counts_where(log: tuple[Happening, ...], until: int | None, expected: set[tuple[str, ...]]) -> None:
    assert set(counted(*log, until=until)) == expected


def test_a_pause_of_last_month_is_none_of_now() -> None:
    demo = Path(__file__).parents[3] / "deploy" / "policies" / "servicenow-demo.yaml"
    for arrives, gauge in ((5 * MINUTE, "sla_paused"), (DAY, "imported_sla_clocks")):
        feed = Feed(rules(policies=(demo,)))
        feed.feed(
            contact("opened", 0, arrives, source="servicenow-demo", priority="high"),
            contact("waiting_customer", 1, arrives, source="servicenow-demo", reason="info"),
        )
        feed.until(arrives)
        paused = {labels[0] for labels in feed.state.gauges if "paused" in " ".join(labels)}
        assert paused == {gauge}


def test_an_import_leaves_every_gauge_of_what_is_open_as_it_was() -> None:
    feed = Feed(RULES)
    for number in range(20):
        feed.feed(contact("opened", LATER + number, entity=f"LIVE{number}", customer=f"l{number}"))
    feed.until(LATER + MINUTE)
    before = dict(feed.state.gauges)
    feed.feed(
        *(
            event(
                "complaint.opened", f"OLD{number}", number * MINUTE, arrives=LATER + MINUTE, kind="claim",
                channel="web_form", customer=f"o{number % 50}", category="billing",
            )
            for number in range(300)
        )
    )  # fmt: skip
    feed.until(LATER + 2 * MINUTE)
    after = dict(feed.state.gauges)
    assert {labels: n for labels, n in after.items() if not labels[0].startswith("imported_")} == before
    assert sum(n for labels, n in after.items() if labels[0] == "imported_cases") == 300


def test_what_is_imported_leaves_its_gauges_when_it_is_over() -> None:
    feed = Feed(RULES)
    feed.feed(contact("opened", 0, LATER), contact("resolved", LATER + 1), contact("closed", LATER + 2))
    feed.until(LATER + DAY)
    assert not feed.state.gauges
