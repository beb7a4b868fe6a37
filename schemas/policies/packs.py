"""SLA policy packs: which promise holds for which case. Data in YAML, checked here.

A pack lists, for each clock metric, targets in order; the first whose `when` fits the case is the promise. Packs are
asked in the order in which they are configured; of two versions of one pack, the one in force when the clock starts.

    clocks:
      resolve:
        - {when: {kind: [praise]}}                              # nothing is promised
        - when: {priority: [urgent]}
          target: 4h                                            # elapsed; with a calendar: business time
          calendar: es-madrid-split
          pausable: true
          pause_reasons: [info, evidence]
      final_response:
        - {working_days: 15, calendar: es-working-days, legal: true}
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    model_validator,
)

from schemas.policies.versions import Versioned, read_versions
from schemas.policies.yaml_lines import YamlRefusedError, load_with_lines, read_model
from schemas.taxonomy import Channel, ClockMetric, Priority, Relationship, TopicClass, WaitReason
from schemas.topics import InputTopic


def _milliseconds(value: object) -> int:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('a duration is a number and a unit, such as "20s", "15min", "8h" or "2d"')
    return int(match[1]) * _UNITS[match[2]]


_DURATION: Final = re.compile(r"(\d+)\s*(s|min|h|d)")
_UNITS: Final = {"s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}

Duration = Annotated[int, BeforeValidator(_milliseconds)]
"""Milliseconds; written "20s", "15min", "8h", "2d"."""


def _positive(value: int) -> int:
    if value <= 0:
        raise ValueError("a target is longer than nothing")
    return value


def written(duration_ms: int, *, largest: str = "d") -> str:
    """A duration as a pack writes it, in the largest unit that needs no fraction: 4h."""
    units = [unit for unit in ("d", "h", "min", "s") if _UNITS[unit] <= _UNITS[largest]]
    unit = next((unit for unit in units if duration_ms % _UNITS[unit] == 0), "s")
    return f"{duration_ms / _UNITS[unit]:g}{unit}"


@lru_cache(maxsize=1_024)
def in_words(duration_ms: int, *, largest: str = "d") -> str:
    """A duration for people, in its two largest units, the rest cut off: 4 h, 2 d 3 h, 1 h 30 min."""
    left, parts = duration_ms, list[str]()
    for unit in ("d", "h", "min", "s"):
        if _UNITS[unit] <= _UNITS[largest] and len(parts) < 2:
            amount, rest = divmod(left, _UNITS[unit])
            if amount:
                parts.append(f"{amount} {unit}")
                left = rest
            elif parts:
                break
    return " ".join(parts) or "less than 1 s"


OnReopen = Literal["continue", "restart", "none"]
OnPriorityChange = Literal["recompute", "keep"]
PauseOn = Literal["waiting_customer", "waiting_third_party"]
PAUSE_REASONS: Final[tuple[str, ...]] = get_args(WaitReason)
WARN_AT: Final = (0.5, 0.8)
LEGAL_WARN_AT: Final = (0.5, 0.8, 0.95)
MAX_PAUSE_MS: Final = 5 * _UNITS["d"]
LEAST_ESCALATION_GRACE_MS: Final = 15 * _UNITS["min"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class When(_Strict):
    """What a case must be for a target to hold; a list names alternatives, what is not named fits all."""

    topic: tuple[InputTopic, ...] = ()
    source: tuple[str, ...] = ()
    channel: tuple[Channel, ...] = ()
    priority: tuple[Priority, ...] = ()
    kind: tuple[str, ...] = ()
    topic_class: tuple[TopicClass, ...] = ()
    relationship: tuple[Relationship, ...] = ()
    segment: tuple[str, ...] = ()
    area: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()
    """The last that a contact waited in: fits nothing before it was queued."""

    def conditions(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple((name, values) for name, values in self if values)

    def covers(self, other: "When") -> bool:
        """Does it fit all that `other` fits?"""
        theirs = dict(other.conditions())
        return all(name in theirs and set(theirs[name]) <= set(values) for name, values in self.conditions())


class TargetRule(_Strict):
    """What is promised to the cases that `when` fits."""

    when: When = When()
    target: Annotated[Duration, AfterValidator(_positive)] | None = None
    """Milliseconds; a rule without a target says that nothing is promised, and ends the search in its pack."""
    working_days: PositiveInt | None = None
    """Instead of `target`: due at the end of this working day, the day of receipt not counted."""
    calendar: str | None = None
    """Whose business time, or working days; elapsed time when not given."""
    grace: Duration | None = None
    """Milliseconds that a deadline waits for stop events in flight; the setting `grace` when not given."""
    warn_at: tuple[Annotated[float, Field(gt=0, lt=1)], ...] | None = None
    """Shares of the target at which a running clock warns; 0.5 and 0.8 when not given, of legal clocks also 0.95."""
    legal: bool = False
    """Never pauses, and no change of priority makes it longer."""
    pausable: bool = False
    pause_on: tuple[PauseOn, ...] = ("waiting_customer", "waiting_third_party")
    pause_reasons: tuple[WaitReason, ...] = ()
    """Reasons that pause the clock, none named: all. An event that gives none has `other`."""
    max_pause: Annotated[Duration, AfterValidator(_positive)] = Field(MAX_PAUSE_MS, validate_default=False)
    """Milliseconds, elapsed, after which a forgotten pause ends."""
    on_priority_change: OnPriorityChange = "recompute"
    """`keep`: the target of the start holds whatever becomes of priority and class."""
    on_reopen: OnReopen = "continue"
    """What a reopening gives: what was left of the target, all of it again, or nothing."""
    grace_on_escalation: Duration | None = None
    """Milliseconds of the clock's own time after a change whose deadline is already past; when not given, the greater
    of 15 min and a tenth of the new target.
    """
    extended_working_days: PositiveInt | None = None
    """Working days from the start, once a holding response was sent in time; none: it extends nothing."""

    @model_validator(mode="before")
    @classmethod
    def _business_days_are_not_24_hours(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("calendar") and str(content.get("target", "")).endswith("d"):
            raise ValueError("a day of business time is ambiguous: write hours, or working_days")
        return content

    @model_validator(mode="after")
    def _consistent(self) -> "TargetRule":
        if self.target is not None and self.working_days is not None:
            raise ValueError("a promise has a target or working_days, not both")
        if (self.working_days or self.extended_working_days) and self.calendar is None:
            raise ValueError("working days need the calendar that counts them")
        if self.legal and self.pausable:
            raise ValueError("a legal clock never pauses: take away pausable, or legal")
        return self

    @property
    def promises(self) -> bool:
        return self.target is not None or self.working_days is not None


SHORT_ABANDON_MS: Final = 5 * _UNITS["s"]


class ShortAbandonRule(_Strict):
    """How soon a caller of the cases that `when` fits may leave without having waited (K07)."""

    when: When = When()
    below: Duration
    """Milliseconds; "0s": whoever leaves has waited."""


class Policy(_Strict, Versioned):
    """One version of one pack."""

    policy_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    clocks: Mapping[ClockMetric, tuple[TargetRule, ...]]
    short_abandon: tuple[ShortAbandonRule, ...] = ()
    """The first that fits at the queueing holds; 5 s where none does."""

    def unreachable(self) -> Iterator[tuple[ClockMetric, int, int]]:
        """Rules that never hold: metric, their position, and that of the earlier rule that fits all they fit."""
        for metric, rules in self.clocks.items():
            for later, rule in enumerate(rules):
                for earlier in range(later):
                    if rules[earlier].when.covers(rule.when):
                        yield metric, later, earlier
                        break


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The promise that one clock runs on. Durations are milliseconds: of business time when there is a calendar."""

    policy_id: str
    policy_version: str
    rule: int = 0
    """Its position among the rules of its metric."""
    target_ms: int = 0
    """0 when it is in working days."""
    working_days: int = 0
    calendar_id: str = ""
    """'': elapsed time."""
    grace_ms: int
    warn_at: tuple[float, ...] = ()
    """Shares of the target, rising."""
    legal: bool = False
    pause_on: frozenset[tuple[str, str]] = frozenset()
    """(what is waited for, reason) that pause it; empty: nothing does."""
    max_pause_ms: int = MAX_PAUSE_MS
    recomputes: bool = True
    on_reopen: OnReopen = "continue"
    escalation_grace_ms: int | None = None
    extended_working_days: int = 0
    is_told: bool = False
    """Whether its moment is what the customer was told, and not what the policy says."""

    def told(self, duration_ms: int) -> "Target":
        """The same promise, due when the customer was told that it would be."""
        return replace(
            self, target_ms=duration_ms, working_days=0, calendar_id="", pause_on=frozenset(), recomputes=False,
            is_told=True,
        )  # fmt: skip

    @property
    def written(self) -> str:
        """As configured: "4h", "8h es-madrid-split", "15 working_days es-working-days"; "as told" the customer."""
        if self.is_told:
            return "as told"
        return _promise_written(self.target_ms, self.working_days, self.calendar_id)

    @property
    def in_words(self) -> str:
        """For people: "4 h", "8 h of es-madrid-split", "15 working days of es-working-days"."""
        whose = f" of {self.calendar_id}" if self.calendar_id else ""
        if self.working_days:
            return f"{self.working_days} working day{'s' if self.working_days > 1 else ''}{whose}"
        return f"{in_words(self.target_ms, largest='h' if self.calendar_id else 'd')}{whose}"


@cache  # every row of a clock says it
def _promise_written(target_ms: int, working_days: int, calendar_id: str) -> str:
    if working_days:
        return f"{working_days} working_days {calendar_id}"
    return f"{written(target_ms, largest='h' if calendar_id else 'd')} {calendar_id}".rstrip()


class PolicyBook:
    """All packs in force, asked by metric, moment and the facts of a case."""

    def __init__(self, policies: Iterable[Policy], *, grace_ms: int) -> None:
        by_id: dict[str, list[Policy]] = {}
        self._policies, self._grace_ms = tuple(policies), grace_ms
        for policy in self._policies:
            by_id.setdefault(policy.policy_id, []).append(policy)
        self._packs = [_Pack(versions, grace_ms) for versions in by_id.values()]
        self.policy_ids = tuple(by_id)
        self.metrics = frozenset(metric for pack in self._packs for metric in pack.metrics)
        """Those that any pack names."""
        self.longest_grace_ms = max((pack.longest_grace_ms for pack in self._packs), default=0)

    def target(self, metric: ClockMetric, started_at: int, facts: Mapping[str, object]) -> Target | None:
        """The first promise that fits; None when there is none for this metric."""
        for pack in self._packs:
            target = pack.target(metric, started_at, facts)
            if target is not None:
                return target
        return None

    @cached_property
    def content(self) -> str:
        """What decides about kept and broken, as text: equal for packs that promise the same, in any process.

        A default is not written, so that a new one changes nothing; nor how a version is called, or when a clock warns.
        """
        unsaid: Any = {"version": True, "clocks": {"__all__": {"__all__": {"warn_at"}}}}
        packs = [policy.model_dump(mode="json", exclude_defaults=True, exclude=unsaid) for policy in self._policies]
        return json.dumps([self._grace_ms, packs], sort_keys=True)

    @property
    def calendar_ids(self) -> frozenset[str]:
        """The calendars that its packs name."""
        rules = (rule for policy in self._policies for listed in policy.clocks.values() for rule in listed)
        return frozenset(rule.calendar for rule in rules if rule.calendar is not None)

    def short_abandon_ms(self, at: int, facts: Mapping[str, object]) -> int:
        """The first threshold that fits; 5 s when no pack has one."""
        for pack in self._packs:
            short_ms = pack.short_abandon_ms(at, facts)
            if short_ms is not None:
                return short_ms
        return SHORT_ABANDON_MS


class _Pack:
    """The versions of one policy, newest first."""

    def __init__(self, versions: Sequence[Policy], grace_ms: int) -> None:
        ordered = sorted(versions, key=lambda policy: policy.valid_from_ms, reverse=True)
        self._versions = [(policy.valid_from_ms, _rules(policy, grace_ms)) for policy in ordered]
        self._short_abandon = [
            (policy.valid_from_ms, [(rule.when.conditions(), rule.below) for rule in policy.short_abandon])
            for policy in ordered
        ]
        targets = [target for _, rules in self._versions for listed in rules.values() for _, target in listed if target]
        self.longest_grace_ms = max((target.grace_ms for target in targets), default=0)
        self.metrics = frozenset(metric for _, rules in self._versions for metric in rules)

    def target(self, metric: ClockMetric, started_at: int, facts: Mapping[str, object]) -> Target | None:
        for valid_from, rules in self._versions:
            if started_at >= valid_from:
                for conditions, target in rules.get(metric, ()):
                    for name, values in conditions:
                        if facts.get(name) not in values:
                            break
                    else:
                        return target
                return None
        return None

    def short_abandon_ms(self, at: int, facts: Mapping[str, object]) -> int | None:
        rules = next((rules for valid_from, rules in self._short_abandon if at >= valid_from), ())
        for conditions, below_ms in rules:
            if all(facts.get(name) in values for name, values in conditions):
                return below_ms
        return None


_Conditions = tuple[tuple[str, tuple[str, ...]], ...]
_Rules = Mapping[ClockMetric, Sequence[tuple[_Conditions, Target | None]]]


def _rules(policy: Policy, grace_ms: int) -> _Rules:
    return {
        metric: [(rule.when.conditions(), _target(policy, index, rule, grace_ms)) for index, rule in enumerate(rules)]
        for metric, rules in policy.clocks.items()
    }


def _target(policy: Policy, index: int, rule: TargetRule, grace_ms: int) -> Target | None:
    if not rule.promises:
        return None
    warn_at = (LEGAL_WARN_AT if rule.legal else WARN_AT) if rule.warn_at is None else rule.warn_at
    reasons = rule.pause_reasons or PAUSE_REASONS
    return Target(
        policy_id=policy.policy_id,
        policy_version=policy.version,
        rule=index,
        target_ms=rule.target or 0,
        working_days=rule.working_days or 0,
        calendar_id=rule.calendar or "",
        grace_ms=grace_ms if rule.grace is None else rule.grace,
        warn_at=tuple(sorted(set(warn_at))),
        legal=rule.legal,
        pause_on=frozenset((what, why) for what in rule.pause_on for why in reasons) if rule.pausable else frozenset(),
        max_pause_ms=rule.max_pause,
        recomputes=rule.on_priority_change == "recompute",
        on_reopen=rule.on_reopen,
        escalation_grace_ms=rule.grace_on_escalation,
        extended_working_days=rule.extended_working_days or 0,
    )


def load(path: Path, calendar_ids: Collection[str]) -> Policy:
    """Read one pack; calendars that it names must be among `calendar_ids`. Raises `YamlRefusedError`."""
    if not path.exists():
        raise YamlRefusedError(f"unknown policy pack {path}: no such file; see OIDOR_POLICIES")
    policy = read_model(path, Policy)
    for metric, rules in policy.clocks.items():
        for index, rule in enumerate(rules):
            if rule.calendar is not None and rule.calendar not in calendar_ids:
                known = ", ".join(sorted(calendar_ids)) or "none: see OIDOR_CALENDARS"
                line, where = _place(path, ("clocks", metric, index, "calendar"))
                raise YamlRefusedError(f"{path}:{line}: {where}: unknown calendar {rule.calendar!r}; known: {known}")
    return policy


def _place(path: Path, location: tuple[str | int, ...]) -> tuple[int, str]:
    return load_with_lines(path.read_text(encoding="utf-8"), str(path)).place(location)


def warnings_of(path: Path, policy: Policy) -> Iterator[str]:
    """What is odd about a pack that can be used, one line each."""
    for metric, later, earlier in policy.unreachable():
        line, where = _place(path, ("clocks", metric, later))
        covering, _ = _place(path, ("clocks", metric, earlier))
        yield f"{path}:{line}: {where}: never reached, the rule of line {covering} fits all that it fits"


def load_all(
    paths: Iterable[Path], *, grace_ms: int, calendar_ids: Collection[str], warn: list[str] | None = None
) -> PolicyBook:
    """Read every pack; `warn` receives what is odd. Raises `YamlRefusedError`, also for one that is loaded already."""
    paths = tuple(paths)
    policies = read_versions(paths, lambda path: load(path, calendar_ids), _clash)
    if warn is not None:
        for path, policy in zip(paths, policies, strict=True):
            warn.extend(warnings_of(path, policy))
    return PolicyBook(policies, grace_ms=grace_ms)


def _clash(policy: Policy, earlier: Policy) -> str | None:
    if (policy.policy_id, policy.version) != (earlier.policy_id, earlier.version):
        return None
    return f"policy {policy.policy_id} version {policy.version} is loaded already"
