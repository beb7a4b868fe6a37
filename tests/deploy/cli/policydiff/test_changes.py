"""What the diff says of a case is what both sets of rules promise to it: for any packs, and any case."""

from collections.abc import Mapping
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.cli.policydiff.changes import RuleSet, changes, decided
from deploy.cli.policydiff.words import lines
from processors.sla.business_time import CalendarBook
from schemas.policies.calendars import CalendarDefinition
from schemas.policies.policy import Policy
from schemas.policies.refusals import always_has, possible_values, topics_of
from schemas.taxonomy import ClockMetric

law: Final = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
METRICS: Final[tuple[ClockMetric, ...]] = ("resolve", "first_response", "follow_up")
MOMENTS: Final = (946_684_800_000, 1_767_225_600_000, 1_798_761_600_000)
"""When versions come into force: 2000, 2026 and 2027."""
NAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "topic": ("contact-events", "complaint-events"),
    "kind": ("inbound", "praise", "claim", "csat"),
    "priority": ("low", "normal", "high", "urgent"),
    "channel": ("phone", "chat"),
    "segment": ("vip", "smb"),
    "topic_class": ("general", "other"),
}


def condition(name: str, bits: int) -> Any:
    if name == "vulnerable":
        return bool(bits & 1)
    return [value for index, value in enumerate(NAMED[name]) if bits >> index & 1] or [NAMED[name][0]]


whens = st.dictionaries(st.sampled_from([*sorted(NAMED), "vulnerable"]), st.integers(0, 15), max_size=2).map(
    lambda chosen: {name: condition(name, bits) for name, bits in chosen.items()}
)
promises: st.SearchStrategy[dict[str, Any]] = st.sampled_from([
    {},
    {"target": "4h"},
    {"target": "8h"},
    {"target": "4h", "calendar": "office"},
    {"target": "4h", "legal": True},
    {"target": "4h", "pausable": True},
    {"target": "4h", "per": "team"},
])  # fmt: skip
rules = st.builds(lambda when, promise: {"when": when, **promise}, whens, promises)


@st.composite
def packs(draw: st.DrawFn) -> tuple[Policy, ...]:
    found = []
    for policy_id in ("first", "second")[: draw(st.integers(0, 2))]:
        for version in range(draw(st.integers(1, 2))):
            clocks = {metric: draw(st.lists(rules, max_size=4)) for metric in METRICS}
            short = [{"when": draw(whens), "below": draw(st.sampled_from(["5s", "9s"]))}] if draw(st.booleans()) else []
            begin = ("2000-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
            valid_from = begin[version and draw(st.integers(1, 2))]
            content = {"policy_id": policy_id, "version": str(version), "clocks": clocks, "short_abandon": short}
            found.append(Policy.model_validate({**content, "valid_from": valid_from}))
    return tuple(found)


def office(closes: str) -> CalendarDefinition:
    hours = {"monday": [f"09:00-{closes}"]}
    return CalendarDefinition.model_validate({"calendar_id": "office", "version": "1", "zone": "UTC", "weekly": hours})


rule_sets = st.builds(
    lambda policies, closes: RuleSet(policies, CalendarBook([office(closes)]), 60_000),
    packs(),
    st.sampled_from(["14:00", "14:00", "15:00"]),
)


@st.composite
def facts(draw: st.DrawFn, metric: ClockMetric | None) -> dict[str, object]:
    """Of a case that can be."""
    case: dict[str, object] = {"topic": draw(st.sampled_from(topics_of(metric)))}
    case["vulnerable"] = draw(st.booleans())
    for name in sorted(NAMED.keys() - {"topic"}):
        possible = possible_values(metric, case["topic"], name)  # type: ignore[arg-type]
        values = [*(NAMED[name] if possible is None else possible)]
        if not always_has(name) or not values:
            values += ["", "something else"] if possible is None else [""]
        case[name] = draw(st.sampled_from(values))
    return case


@law
@given(rule_sets, rule_sets, st.data())
def test_a_case_is_promised_something_else_if_and_only_if_a_change_concerns_it(
    old: RuleSet, new: RuleSet, data: st.DataObject
) -> None:
    said = changes(old, new)
    for _ in range(8):
        metric = data.draw(st.sampled_from(METRICS))
        case, at = data.draw(facts(metric)), data.draw(st.sampled_from(MOMENTS)) + data.draw(st.integers(-1, 1))
        before, after = decided(old, metric, at, case), decided(new, metric, at, case)
        concerning = [change for change in said if change.concerns(metric, at, case)]
        assert [(change.before, change.after) for change in concerning] == (
            [(before, after)] if before != after else []
        )


@law
@given(rule_sets, rule_sets, st.data())
def test_who_did_not_wait_is_another_if_and_only_if_a_change_concerns_them(
    old: RuleSet, new: RuleSet, data: st.DataObject
) -> None:
    said = changes(old, new)
    for _ in range(4):
        case, at = data.draw(facts(None)), data.draw(st.sampled_from(MOMENTS))
        before, after = old.book.short_abandon_ms(at, case), new.book.short_abandon_ms(at, case)
        assert any(change.concerns(None, at, case) for change in said) == (before != after)


@law
@given(rule_sets, rule_sets)
def test_each_change_has_its_words_and_the_same_rules_none(old: RuleSet, new: RuleSet) -> None:
    assert changes(old, old) == []
    said = changes(old, new)
    told = [line for line in lines(said, MOMENTS[0]) if line.startswith("  ")]
    assert len(told) == sum(len(change.sorts) for change in said)
    assert len(set(told)) == len(told), "two changes in the same words"
