"""Refusals: what a pack asks for and cannot have. Whatever is not refused has an effect on some case.

Three questions, asked of every rule: can its metric do that, does a key that it sets have what it needs beside it, and
is there a case that the rule fits and no rule before it?
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Final

from schemas.policies.abilities import ABILITIES, OF_NO_OTHER, Ability
from schemas.policies.policy import Policy, TargetRule, When
from schemas.taxonomy import ClockMetric, Priority, TopicClass
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS, InputTopic

Location = tuple[str | int, ...]
"""Keys and positions of lists, from the top of the pack."""
Refusal = tuple[Location, str]
"""Where something stands that has no effect, and why: with what would have one."""
Deciding = Mapping[ClockMetric, frozenset[str]]
"""Metric -> the facts that may change of a case, and that decide about its promise."""

NEVER_CHANGES: Final = frozenset({"topic", "source"})
CELLS_MAX: Final = 50_000
"""Sorts of cases that a list of rules may tell apart to be looked at case by case."""


def refusals(
    policy: Policy, beside: Deciding | None = None, category_of: Callable[[str], str] = str
) -> Iterator[Refusal]:
    """What of a pack has no effect.

    `beside` is what decides in the packs that are in force with it; `category_of` says under which category cases come
    that their source calls so.
    """
    if policy.recompute_open and "valid_from" not in policy.model_fields_set:
        yield ("recompute_open",), "no clock ran before it: say valid_from, from when on it holds for those that run"
    yield from _unmapped(policy, category_of)
    for metric, rules in policy.clocks.items():
        deciding = beside.get(metric, frozenset()) if beside else frozenset[str]()
        yield from _of_metric(metric, rules, deciding)
    yield from _of_short_abandon(policy)


def oddities(policy: Policy) -> Iterator[Refusal]:
    """What of a pack has an effect, but perhaps another one than is thought."""
    for metric, rules in policy.clocks.items():
        ability = ABILITIES[metric]
        for index, rule in enumerate(rules):
            says_of_what = rule.when.model_fields_set & {"topic", "kind", "topic_class", "queue"}
            if ability.begun_elsewhere and rule.promises and not says_of_what:
                (topic,) = ability.topics
                yield ("clocks", metric, index), f"holds for {topic} alone, as `topic` would say: {ability.of_no_other}"


def deciding(policies: Iterable[Policy]) -> Deciding:
    """What may change of a case, and decides about its promises."""
    found: dict[ClockMetric, frozenset[str]] = {}
    for policy in policies:
        for metric, rules in policy.clocks.items():
            found[metric] = found.get(metric, frozenset()).union(*(_changing(metric, rule) for rule in rules))
    return found


def _changing(metric: ClockMetric, rule: TargetRule) -> frozenset[str]:
    """A wait keeps the target of the queue that it began in."""
    fixed = NEVER_CHANGES | {"queue"} if metric == "answer" else NEVER_CHANGES
    return frozenset(name for name, _ in rule.when.conditions()) - fixed


def _of_metric(metric: ClockMetric, rules: Sequence[TargetRule], beside: frozenset[str]) -> Iterator[Refusal]:
    changing = beside
    for index, rule in enumerate(rules):
        at: Location = ("clocks", metric, index)
        changing |= _changing(metric, rule)
        for key, reason in _impossible(metric, rule):
            yield (*at, key), f"{metric} {reason}"
        for key, reason in _without_effect(rule, changes=bool(changing)):
            yield (*at, key), reason
        for name, reason in _unfitting(rule.when, metric):
            yield (*at, "when", *name), reason
    for index, reason in _unreached([rule.when for rule in rules], metric, [rule.promises for rule in rules]):
        yield ("clocks", metric, index), reason


# Can the metric do that?


def _impossible(metric: ClockMetric, rule: TargetRule) -> Iterator[tuple[str, str]]:
    ability, said = ABILITIES[metric], rule.model_fields_set
    if ability.no_pause and rule.pausable:
        yield "pausable", f"cannot pause: {ability.no_pause}"
    only_appointments = (rule.pause_on, set(rule.pause_reasons)) == (("waiting_customer",), {"schedule"})
    if metric == "answer" and rule.pausable and only_appointments:
        yield "pause_reasons", "does not pause for an appointment, which ends the wait: name another reason"
    for key in ("on_priority_change", "grace_on_escalation"):
        if ability.no_change and key in said:
            yield key, f"keeps its target: {ability.no_change}"
    if ability.no_reopening and "on_reopen" in said:
        yield "on_reopen", f"is not reopened: {ability.no_reopening}"
    if rule.per == "team" and ability.no_teams:
        yield "per", f"has no clock of each team: {ability.no_teams}"
    elif rule.per == "team" and rule.legal:
        yield "per", "of the law is owed to the customer, whoever has the case: take away legal, or `per: team`"
    if rule.extended_working_days is not None:
        if ability.no_extension:
            yield "extended_working_days", f"is not extended: {ability.no_extension}"
        elif COMPLAINTS not in (rule.when.topic or ability.topics):
            yield "extended_working_days", "of a contact is not extended: only complaints have holding responses"


# Has a key what it needs beside it?


def _without_effect(rule: TargetRule, *, changes: bool) -> Iterator[tuple[str, str]]:
    said = rule.model_fields_set
    if not rule.promises:
        for key in sorted(said - {"when"}):
            yield key, "a rule without target or working_days promises nothing: nothing else in it has an effect"
        return
    for key in ("pause_on", "pause_reasons", "max_pause"):
        if key in said and not rule.pausable:
            yield key, "has no effect without `pausable: true`"
        elif key in said and not getattr(rule, key):
            yield key, "is empty: name what pauses the clock, or leave it out, then all does"
    days = rule.extended_working_days
    if days is not None and rule.working_days is not None and days <= rule.working_days:
        yield "extended_working_days", f"extends nothing: it must be more than the {rule.working_days} working_days"
    if not changes:
        if rule.on_priority_change == "keep":
            yield "on_priority_change", f"nothing is there to keep it from: {_ASK}"
        if rule.grace_on_escalation is not None:
            yield "grace_on_escalation", f"no change leads to this rule: {_ASK}"


_ASK: Final = "neither this rule nor one before it asks for what may change of a case, such as its priority"


# Is there a case that it fits?


def _unfitting(when: When, metric: ClockMetric | None) -> Iterator[tuple[Location, str]]:
    """What a condition names and no case of the metric is; without a metric: of a wait in a queue."""
    for name in sorted(when.model_fields_set):
        if getattr(when, name) in ((), None):
            yield (name,), "is empty, so it fits all: name at least one, or leave it out"
    topics = topics_of(metric)
    for index, topic in enumerate(when.topic):
        if topic not in topics:
            yield ("topic", index), f"{metric or 'a wait'} is not for {topic}: {why_not(metric, topic)}"
    mine = [topic for topic in topics if not when.topic or topic in when.topic]
    for name, values in when.conditions():
        known = [possible_values(metric, topic, name) for topic in mine]
        if name == "topic" or not known or any(one is None for one in known):
            continue
        possible = {value for one in known if one is not None for value in one}
        for index, value in enumerate(values):
            if value not in possible:
                which = ", ".join(sorted(map(str, possible))) or "none has any"
                whose = f"{metric} clock of {' or '.join(mine)}" if metric else "wait in a queue"
                yield (name, index), f"there is no {whose} with {name} {value}: {which}"


def _unmapped(policy: Policy, category_of: Callable[[str], str]) -> Iterator[Refusal]:
    listed: list[tuple[Location, When]] = [
        *(
            (("clocks", metric, index), rule.when)
            for metric, rules in policy.clocks.items()
            for index, rule in enumerate(rules)
        ),
        *((("short_abandon", index), rule.when) for index, rule in enumerate(policy.short_abandon)),
    ]
    for at, when in listed:
        for index, category in enumerate(when.category):
            if (mapped := category_of(category)) != category:
                yield (*at, "when", "category", index), f"cases of {category} come under {mapped!r}: write that"


def topics_of(metric: ClockMetric | None) -> tuple[InputTopic, ...]:
    """The topics whose cases can have a clock of a metric; without a metric: a wait in a queue."""
    return (CONTACTS,) if metric is None else ABILITIES[metric].topics


def why_not(metric: ClockMetric | None, topic: str) -> str:
    """Why cases of a topic have no clock of a metric; without a metric: no wait in a queue."""
    if metric is None:
        return "only contacts wait"
    return OF_NO_OTHER if topic == SURVEYS else ABILITIES[metric].of_no_other


_PRIORITIES: Final[tuple[Priority, ...]] = ("low", "normal", "high", "urgent")
_CLOSED: Final[Mapping[str, tuple[object, ...]]] = {"priority": _PRIORITIES, "vulnerable": (False, True)}
"""What every case has one of."""


def possible_values(metric: ClockMetric | None, topic: InputTopic, name: str) -> tuple[object, ...] | None:
    """What a case of a topic that can have a clock of a metric can have, of what it has any; None: anything."""
    if name == "topic":
        return (topic,)
    if name == "kind":
        return (_WAITS if metric is None else ABILITIES[metric]).kinds(topic)
    if (name == "topic_class" and topic != COMPLAINTS) or (name == "queue" and topic != CONTACTS):
        return ()
    if name == "priority" and topic == SURVEYS:
        return ()
    return _TOPIC_CLASSES if name == "topic_class" else _CLOSED.get(name)


def always_has(name: str) -> bool:
    """Has every case one of the `possible_values`?"""
    return name == "kind" or name in _CLOSED


_TOPIC_CLASSES: Final[tuple[TopicClass, ...]] = (
    "general", "billing_undue_charge", "service_continuity", "data_protection", "payment_service", "other",
)  # fmt: skip
_WAITS: Final = Ability(topics=(CONTACTS,))


def _unreached(
    listed: Sequence[When], metric: ClockMetric | None, promising: Sequence[bool]
) -> Iterator[tuple[int, str]]:
    """Rules that no case is left for, by position, and those that promise nothing where nothing would be promised."""
    first_for: list[set[int]] = [set() for _ in listed]
    idle = {index for index, promises in enumerate(promising) if not promises}
    for topic in topics_of(metric):
        cases = _cases(listed, metric, topic)
        for fitting in _pairwise(listed, topic) if cases is None else cases:
            for index in fitting:
                first_for[index].add(fitting[0])
            if cases is None or any(promising[index] for index in fitting):
                idle.discard(fitting[0])
    for index, earlier in enumerate(first_for):
        if earlier and index not in earlier:
            rules = " and ".join(f"rule {one + 1}" for one in sorted(earlier))
            fit = "fits" if len(earlier) == 1 else "fit"
            yield index, f"never reached: {rules} of this list {fit} all that it fits"
        elif earlier and index in idle:
            yield (
                index,
                "promises nothing to whom no rule after it promises anything: give it a target, or leave it out",
            )


def _cases(listed: Sequence[When], metric: ClockMetric | None, topic: InputTopic) -> Iterator[list[int]] | None:
    """The rules that fit, in order, for every sort of case of a topic that they tell apart; None: too many."""
    conditions = [dict(when.conditions()) for when in listed]
    names = sorted({name for one in conditions for name in one} - {"topic"})
    told_apart = [_told_apart(conditions, name, possible_values(metric, topic, name)) for name in names]
    if prod(map(len, told_apart)) > CELLS_MAX:
        return None
    cases = ({"topic": topic, **dict(zip(names, values, strict=True))} for values in product(*told_apart))
    fitting = (
        [index for index, one in enumerate(conditions) if all(case[name] in one[name] for name in one)]
        for case in cases
    )
    return filter(None, fitting)


def _told_apart(
    conditions: Sequence[Mapping[str, Collection[object]]], name: str, possible: Collection[object] | None
) -> list[object]:
    """The values that rules name and cases can have, and one that stands for all others."""
    named = {value for one in conditions for value in one.get(name, ()) if possible is None or value in possible}
    exhausted = name in _CLOSED and named == set(_CLOSED[name])
    return [*sorted(named, key=str), *(() if exhausted else (_ANOTHER,))]


_ANOTHER: Final = object()
"""A value that no rule names."""


def _pairwise(listed: Sequence[When], topic: InputTopic) -> Iterator[list[int]]:
    """For each rule the first that fits all that it fits."""
    for index, when in enumerate(listed):
        if not when.topic or topic in when.topic:
            yield [next(earlier for earlier, one in enumerate(listed) if earlier == index or one.covers(when)), index]


def _of_short_abandon(policy: Policy) -> Iterator[Refusal]:
    listed = [rule.when for rule in policy.short_abandon]
    for index, when in enumerate(listed):
        for name, reason in _unfitting(when, None):
            yield ("short_abandon", index, "when", *name), reason
    for index, reason in _unreached(listed, None, [True] * len(listed)):
        yield ("short_abandon", index), reason
