"""The law of order: whatever arrives in whatever order, one set of events is one case. Ties are where it may break.

Every trigger of a contact, and of a complaint, beside every other, at one moment and within two seconds; in every order
of arrival; in a case that is new, that waits, and that is over.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, islice, permutations, product
from random import Random
from typing import Any, Final, cast

import pytest

from processors.cases.case import Case, apply_event
from processors.cases.events import CaseEvent, Facts
from processors.cases.order import RANKS
from processors.cases.standing import Standing
from processors.cases.transitions import trigger_of
from processors.kpis.samples import Sample
from processors.sla.signals import SIGNALS, Trigger
from schemas.topics import COMPLAINTS, CONTACTS
from tests.laws.disturbances import RULES
from tests.processors.feed import HOUR, MINUTE, T0

Kind = tuple[str, dict[str, Any]]

OF_ANY: Final[list[Kind]] = [
    ("opened", {"kind": "inbound", "priority": "urgent", "channel": "phone"}),
    ("identified", {"customer_id": "c9"}),
    ("assigned", {"owner": "ana"}),
    ("transferred", {"from": "n1", "to": "n2"}),
    ("waiting_customer", {"reason": "info"}),
    ("waiting_third_party", {"reason": "info"}),
    ("resumed", {}),
    ("priority_changed", {"priority": "urgent"}),
    ("reclassified", {"category": "delivery"}),
    ("closed", {}),
    ("reopened", {}),
    ("merged", {"into": "C9"}),
    ("absorbed", {"opened_at": T0 - HOUR}),
    ("voided", {}),
]
OF_CONTACTS: Final[list[Kind]] = [
    *OF_ANY,
    ("opened", {"kind": "outbound"}),
    ("queued", {"queue": "q"}),
    ("human_requested", {}),
    ("callback_requested", {}),
    ("answered", {"actor": "human"}),
    ("answered", {"actor": "bot"}),
    ("abandoned", {}),
    ("customer_replied", {}),
    ("customer_replied", {"actor": "system"}),
    ("agent_replied", {"actor": "human"}),
    ("agent_replied", {"actor": "human", "public": False}),
    ("resolved", {"actor": "human", "resolution": "solved"}),
    ("resolved", {"resolution": "duplicate"}),
    ("resolved", {"resolution": "spam"}),
    ("reopened", {"actor": "system", "reason": "customer_reply"}),
]
OF_COMPLAINTS: Final[list[Kind]] = [
    *OF_ANY,
    ("acknowledged", {}),
    ("forwarded_external", {}),
    ("progress_sent", {}),
    ("holding_response_sent", {}),
    ("cause_set", {"element": "people"}),
    ("resolved", {"resolution": "upheld"}),
]
OPENING: Final[Kind] = ("opened", {"kind": "inbound", "channel": "phone"})
BEFORE: Final[dict[str, list[Kind]]] = {
    "nothing before": [],
    "it is open": [OPENING],
    "it waits": [OPENING, ("waiting_customer", {"reason": "info"})],
    "it is over": [OPENING, ("resolved", {"resolution": "solved"})],
}
MOMENT: Final = T0 + HOUR
KINDS: Final = {CONTACTS: OF_CONTACTS, COMPLAINTS: OF_COMPLAINTS}


def events_at(kinds: Iterable[Kind], moments: Iterable[int], prefix: str) -> list[CaseEvent]:
    return [
        CaseEvent(at, -1, f"{prefix}{n}", at, what, cast("Facts", dict(facts)))
        for n, ((what, facts), at) in enumerate(zip(kinds, moments, strict=True))
    ]


def folded(topic: str, events: Iterable[CaseEvent]) -> tuple[Case, dict[Sample, int]]:
    case, samples = Case((topic, "crm", "C1")), dict[Sample, int]()
    case.standing = Standing(found="C9")
    for event in events:
        for sample, sign in apply_event(case, event, RULES.promises)[0]:
            samples[sample] = samples.get(sample, 0) + sign
    return case, {sample: count for sample, count in samples.items() if count}


def reading(case: Case) -> tuple[Any, ...]:
    """All that anybody can see of a case."""
    fold = case.fold
    return (
        fold.state, fold.hold, fold.opened_at, fold.resolved_at, fold.closed_at, fold.first_response_at,
        fold.answered_at, fold.owner, fold.team, fold.facts, fold.transfers, fold.reopens, fold.repeated,
        fold.incomplete, fold.unanswered_since, fold.clocks,
    )  # fmt: skip


def check(topic: str, before: Sequence[Kind], events: Sequence[CaseEvent]) -> None:
    """Any order of arrival is one case, nothing is older than it began, and what is over leaves nothing running."""
    earlier = events_at(before, [T0 + n * MINUTE for n in range(len(before))], "a")
    case, samples = folded(topic, [*earlier, *events])
    expected = reading(case)
    for order in islice(permutations(events), 1, None):
        other, counted = folded(topic, [*earlier, *order])
        assert reading(other) == expected, order
        assert counted == samples, order
    for clock in case.fold.clocks:
        assert clock.is_open or clock.ended_at >= clock.started_at, events
        assert all(start <= end for start, end in clock.ran), events
    if case.is_over:
        kept = {clock.metric for clock in case.fold.clocks if clock.is_open}
        assert kept <= {"final_response", "callback"}, "nobody stops what still runs, and somebody is paged for it"


def ties(topic: str, size: int, span: int) -> Iterator[list[CaseEvent]]:
    """Every subset of so many kinds, at every choice of moments of which the last is up to `span` s after the first."""
    for kinds in combinations(KINDS[topic], size):
        for seconds in product(range(span + 1), repeat=size):
            if min(seconds) == 0:
                yield events_at(kinds, [MOMENT + 1000 * second for second in seconds], "e")


def some(topic: str, count: int, random: Random) -> Iterator[list[CaseEvent]]:
    """Some of the larger subsets, with moments of one second too."""
    for _ in range(count):
        size, span = random.choice([(2, 2), (2, 2), (2, 2), (3, 0), (3, 2), (4, 0), (4, 2)])
        kinds = random.sample(KINDS[topic], size)
        moments = [MOMENT + random.randrange(span + 1) * 1000 + random.choice([0, 0, 412]) for _ in kinds]
        yield events_at(kinds, moments, "e")


@pytest.mark.parametrize("topic", [CONTACTS, COMPLAINTS])
@pytest.mark.parametrize("before", BEFORE)
def test_two_events_of_any_kind_at_one_moment(topic: str, before: str) -> None:
    for events in ties(topic, 2, 0):
        check(topic, BEFORE[before], events)


@pytest.mark.stack
@pytest.mark.parametrize("topic", [CONTACTS, COMPLAINTS])
@pytest.mark.parametrize("before", BEFORE)
def test_two_events_of_any_kind_within_two_seconds(topic: str, before: str) -> None:
    for events in ties(topic, 2, 2):
        check(topic, BEFORE[before], events)


@pytest.mark.parametrize("topic", [CONTACTS, COMPLAINTS])
@pytest.mark.parametrize("before", BEFORE)
def test_three_and_four_events_of_any_kind(topic: str, before: str) -> None:
    for events in some(topic, 50, Random(f"{topic} {before}")):
        check(topic, BEFORE[before], events)


@pytest.mark.stack
@pytest.mark.parametrize("topic", [CONTACTS, COMPLAINTS])
@pytest.mark.parametrize("before", BEFORE)
def test_a_tenth_of_all_three_kinds_and_many_fours(topic: str, before: str) -> None:
    """All of them take three quarters of an hour."""
    random = Random(f"{topic} {before}")
    for events in chain(islice(ties(topic, 3, 2), random.randrange(10), None, 10), some(topic, 500, random)):
        check(topic, BEFORE[before], events)


def test_the_law_is_tried_with_every_trigger_that_moves_a_clock() -> None:
    tried = {trigger_of(event) for kinds in KINDS.values() for event in events_at(kinds, [0] * len(kinds), "e")}
    derived: set[Trigger] = {
        "reopened_unanswered",
        "reopened_by_message",
        "hung_up",
        "left_queue",
        "merged_elsewhere",
        "changed",
    }
    of_surveys = {trigger for trigger in RANKS if trigger.startswith(("answered_", "followup_"))}
    moving = {trigger for table in SIGNALS.values() for trigger in table}
    assert moving - derived - of_surveys <= tried
