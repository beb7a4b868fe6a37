"""Of random packs: what the checker accepts has an effect on some case, and what it refuses has none.

A rule without one of its keys, or a list without one of its rules, gives some journey other clocks. Journeys are all
combinations of what the rules of the pack ask for, each as the case that it is from the beginning, and as one that it
becomes; waited in for every reason, handed on, reopened, answered early, late and never.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

import pytest
import yaml
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from processors.cases.case import advance
from processors.cases.events import CaseEvent, Facts
from processors.cases.fold import Fold
from processors.rules import load_calendars
from processors.sla.promises import Promises
from schemas.policies.abilities import ABILITIES
from schemas.policies.packs import PolicyBook
from schemas.policies.policy import PAUSE_REASONS, Policy
from schemas.policies.refusals import refusals
from schemas.taxonomy import CLOCK_METRICS, ClockMetric
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS
from tests.laws.sla.office import CALENDARS

BOOK: Final = load_calendars(CALENDARS)
MINUTE, HOUR = 60_000, 3_600_000
START: Final = 1_795_795_200_000
"""A Friday, 2026-11-27T16:00Z: an hour before an English office closes."""
Rule = dict[str, Any]

TARGETS: Final = ("30min", "3h", "20h", "90h")
VALUES: Final[Mapping[str, tuple[object, ...]]] = {
    "topic": (CONTACTS, COMPLAINTS, SURVEYS),
    "kind": ("inbound", "outbound", "claim", "praise", "csat"),
    "priority": ("low", "normal", "high", "urgent"),
    "channel": ("phone", "email"),
    "topic_class": ("general", "payment_service"),
    "team": ("l1", "l2"),
    "queue": ("q", "r"),
    "category": ("billing", "vpn"),
    "language": ("es", "pt"),
    "vulnerable": (True, False),
    "source": ("crm", "desk"),
}
WHEN: Final = st.lists(st.sampled_from(sorted(VALUES)), max_size=2, unique=True).flatmap(
    lambda names: st.fixed_dictionaries(
        {
            name: st.booleans()
            if name == "vulnerable"
            else st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=2, unique=True)
            for name in names
        }
    )
)
KEYS: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "calendar": st.just("uk"),
    "legal": st.just(True),
    "warn_at": st.just([0.3]),
    "grace": st.just("7s"),
    "pausable": st.just(True),
    "pause_on": st.sampled_from([["waiting_customer"], ["waiting_third_party"]]),
    "pause_reasons": st.sampled_from([["info"], ["schedule"], ["evidence", "other"]]),
    "max_pause": st.just("2h"),
    "on_priority_change": st.just("keep"),
    "on_reopen": st.sampled_from(["restart", "none"]),
    "extended_working_days": st.just(9),
    "per": st.just("team"),
}
LIKELY: Final = st.sampled_from([(), ("pausable",), ("pausable", "calendar"), ("calendar",)])


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    rule: Rule = {"when": when} if (when := draw(WHEN)) else {}
    if not draw(st.integers(0, 9)):
        return rule or {"when": {"priority": ["low"]}}
    names = {*draw(LIKELY), *draw(st.lists(st.sampled_from(sorted(KEYS)), max_size=2))}
    return {**rule, **{name: draw(KEYS[name]) for name in sorted(names)}}


@st.composite
def lists_of_rules(draw: st.DrawFn) -> tuple[ClockMetric, list[Rule]]:
    """A metric and its rules, each with a target of its own, so that it shows which one holds."""
    metric = draw(st.sampled_from(CLOCK_METRICS))
    listed = draw(st.lists(rules(), min_size=1, max_size=3))
    targets = draw(st.permutations(TARGETS))
    for rule, target in zip(listed, targets, strict=False):
        if set(rule) - {"when"} or not rule:
            rule["target"] = target
    return metric, listed


def policy_of(metric: ClockMetric, listed: Sequence[Rule]) -> Policy | None:
    """The pack; None of one that its model refuses."""
    try:
        return Policy.model_validate({"policy_id": "p", "version": "1", "clocks": {metric: listed}})
    except ValueError:
        return None


# What happens to cases

Happening = tuple[int, str, Facts]
Journey = tuple[str, str, list[Happening]]
"""Topic, source, and what happens when (ms after the opening)."""
BEGUN: Final[Mapping[ClockMetric, list[Happening]]] = {
    "answer": [(0, "queued", {})],
    "human_on_request": [(0, "human_requested", {})],
    "next_response": [(0, "agent_replied", {}), (1, "customer_replied", {})],
    "callback": [(0, "callback_requested", {})],
    "follow_up": [(0, "answered", {"survey": "csat", "score": 1, "scale_max": 5})],
}
LATE: Final = (10 * MINUTE, 1 * HOUR, 4 * HOUR, 25 * HOUR, 120 * HOUR)


def endings(topic: str) -> list[list[Happening]]:
    """What may come after the beginning, whatever the case is."""
    waits: list[list[Happening]] = [
        [(10 * MINUTE, state, {"reason": reason}), (9 * HOUR, "resumed", {})]
        for state in ("waiting_customer", "waiting_third_party")
        for reason in PAUSE_REASONS
    ]
    if topic == SURVEYS:
        return [[]]
    handed: Facts = {"from": "l1", "to": "l3"}
    reopened: list[list[Happening]] = [[(10 * MINUTE, "resolved", {}), (2 * HOUR, "reopened", {})]]
    more: list[list[Happening]] = [[], [(5 * MINUTE, "transferred", handed)], *reopened]
    return [*more, *waits, [(5 * MINUTE, "holding_response_sent", {})]] if topic == COMPLAINTS else [*more, *waits]


def openings(listed: Sequence[Rule], topic: str, kinds: Sequence[str]) -> list[dict[str, object]]:
    """Every case that the rules tell apart, and one that none of them names."""
    asked = {name: [*VALUES[name]] for rule in listed for name in rule.get("when", {}) if name not in ("topic", "kind")}
    asked["kind"] = [*kinds]
    if "source" in asked:
        asked["source"].append("web")
    asked = {
        name: values if name in ("kind", "vulnerable", "priority", "source") else [*values, ""]
        for name, values in asked.items()
    }
    if topic != COMPLAINTS:
        asked.pop("topic_class", None)
    if topic == SURVEYS:
        asked.pop("priority", None)
    if topic != CONTACTS:
        asked.pop("queue", None)
    return [dict(zip(asked, values, strict=True)) for values in product(*asked.values())]


def said(case: Mapping[str, object]) -> Facts:
    facts: dict[str, object] = {name: value for name, value in case.items() if value not in ("", False)}
    team = facts.pop("team", None)
    facts.pop("source", None)
    facts.pop("queue", None)
    return {**facts, **({"org_unit": f"a/b/{team}"} if team else {})}  # type: ignore[typeddict-item]


def journeys(metric: ClockMetric, listed: Sequence[Rule]) -> Iterator[Journey]:
    """All of them begin with a clock of the metric, where anything is promised."""
    ability = ABILITIES[metric]
    for topic in ability.topics:
        cases = openings(listed, topic, ability.kinds(topic))
        for case in cases:
            begun = begin(metric, topic, case)
            for ending in endings(topic):
                yield topic, str(case.get("source", "crm")), [*begun, *ending]
        if topic != SURVEYS:
            for case, other in product(cases, cases):
                if case != other and case["kind"] == other["kind"] and case.get("source") == other.get("source"):
                    yield from becoming(metric, topic, case, other)


def begin(metric: ClockMetric, topic: str, case: Mapping[str, object]) -> list[Happening]:
    begun: list[Happening] = [(0, "invited" if topic == SURVEYS else "opened", said(case))]
    queue: Facts = {"queue": str(case["queue"])} if case.get("queue") else {}
    if queue and metric != "answer":
        begun.append((0, "queued", queue))
    for at, what, facts in BEGUN.get(metric, []):
        begun.append((at, what, queue if what == "queued" else facts))
    if case["kind"] == "outbound" and metric in ("first_response", "update_every"):
        begun += [(1, "resolved", {}), (2, "reopened", {})]
    return begun


def becoming(metric: ClockMetric, topic: str, case: dict[str, object], other: dict[str, object]) -> Iterator[Journey]:
    """A case that becomes another one, sooner or later."""
    differing = {name: value for name, value in other.items() if case.get(name) != value}
    if "" in differing.values() or (case.get("vulnerable") and "vulnerable" in differing):
        return  # nothing takes back what was said
    for at in LATE:
        change: list[Happening] = [(at, "reclassified", said(differing))]
        if "queue" in differing:
            change = [(at, "queued", {**said(differing), "queue": str(differing["queue"])})]
        yield topic, str(case.get("source", "crm")), [*begin(metric, topic, case), *change]


def clocks_of(journey: Journey, promises: Promises) -> tuple[Any, ...]:
    """What becomes of the clocks of a journey, its last moment long past."""
    topic, source, happenings = journey
    fold = Fold((topic, source, "C"))
    for number, (at, what, facts) in enumerate(happenings):
        event = CaseEvent(START + at, number, f"e{number}", START + at, what, facts)
        advance(fold, event, promises, [])
    return tuple(
        (one.instance, one.started_at, one.due_at, one.warn_at, one.phase, one.ended_at, one.paused_ms,
         one.target.legal, one.target.grace_ms, one.attribution)
        for one in fold.clocks
    )  # fmt: skip


def differs(metric: ClockMetric, listed: Sequence[Rule], other: Sequence[Rule], pool: Sequence[Journey]) -> bool:
    """Does any journey have other clocks by one list of rules than by the other?"""
    one, two = (
        Promises(
            PolicyBook(
                [Policy.model_validate({"policy_id": "p", "version": "1", "clocks": {metric: rules}})], grace_ms=0
            ),
            BOOK,
        )
        for rules in (listed, other)
    )
    return any(clocks_of(journey, one) != clocks_of(journey, two) for journey in pool)


def without(listed: Sequence[Rule], index: int, key: str, name: str = "") -> list[Rule]:
    """The list without a key of a rule, or without a name of its `when`."""
    rule = dict(listed[index])
    if name:
        rule["when"] = {other: value for other, value in rule["when"].items() if other != name}
    else:
        del rule[key]
        if key == "pausable":
            for dependent in ("pause_on", "pause_reasons", "max_pause"):
                rule.pop(dependent, None)
    return [*listed[:index], rule, *listed[index + 1 :]]


def parts(metric: ClockMetric, listed: Sequence[Rule]) -> Iterator[tuple[int, str, str, list[Rule]]]:
    """Each key of each rule that says anything, and the list without it."""
    for index, rule in enumerate(listed):
        for name, values in rule.get("when", {}).items():
            if not says_all(metric, rule["when"], name, values):
                yield index, "when", name, without(listed, index, "when", name)
        for key in rule.keys() - {"when", "target", "calendar" if "extended_working_days" in rule else ""}:
            yield index, key, "", without(listed, index, key)


def says_all(metric: ClockMetric, when: Mapping[str, Any], name: str, values: Any) -> bool:
    """Does a condition name all that a case can be, as `topic` of a metric that knows but one?"""
    topics = [topic for topic in ABILITIES[metric].topics if topic in when.get("topic", ABILITIES[metric].topics)]
    if name == "topic":
        return topics == [*ABILITIES[metric].topics]
    return name == "kind" and all(kind in values for topic in topics for kind in ABILITIES[metric].kinds(topic))


def check_accepted(metric: ClockMetric, listed: Sequence[Rule]) -> None:
    pool = list(journeys(metric, listed))
    for index, key, name, rest in parts(metric, listed):
        assert differs(metric, listed, rest, pool), (
            f"{yaml.safe_dump({metric: list(listed)})}rule {index + 1}: {key} {name}"
        )


def check_refused(metric: ClockMetric, policy: Policy, listed: Sequence[Rule]) -> None:
    pool = list(journeys(metric, listed))
    for location, why in refusals(policy):
        if len(location) == 3:  # a rule that is never reached
            rest = [rule for index, rule in enumerate(listed) if index != location[2]]
        elif location[3] == "per":
            continue  # it would do what is not to be done: give a wait, or a deadline of the law, more time
        elif location[3] in listed[int(location[2])] and len(location) == 4:
            rest = without(listed, int(location[2]), str(location[3]))
        else:
            continue  # a value that no case has
        assert not differs(metric, listed, rest, pool), (
            f"{yaml.safe_dump({metric: list(listed)})}refused {location}: {why}"
        )


def check(metric: ClockMetric, listed: list[Rule]) -> None:
    policy = policy_of(metric, listed)
    assume(policy is not None)
    assert policy is not None
    if list(refusals(policy)):
        check_refused(metric, policy, listed)
    else:
        check_accepted(metric, listed)


@settings(max_examples=25, derandomize=True, phases=[Phase.generate])
@given(lists_of_rules())
def test_what_is_accepted_has_an_effect_and_what_is_refused_has_none(made: tuple[ClockMetric, list[Rule]]) -> None:
    check(*made)


@pytest.mark.stack
@settings(max_examples=400)
@given(lists_of_rules())
def test_of_many_packs(made: tuple[ClockMetric, list[Rule]]) -> None:
    check(*made)
