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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from schemas.policies.abilities import ABILITIES
from schemas.policies.durations import in_words, written
from schemas.policies.policy import (
    LEGAL_WARN_AT,
    MAX_PAUSE_MS,
    PAUSE_REASONS,
    SHORT_ABANDON_MS,
    WARN_AT,
    Conditions,
    OnReopen,
    Policy,
    TargetRule,
)
from schemas.policies.refusals import deciding, oddities, refusals
from schemas.policies.texts import PolicyText
from schemas.policies.versions import read_versions
from schemas.policies.yaml_lines import YamlRefusedError, load_with_lines, text_of
from schemas.taxonomy import ClockMetric


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The promise that one clock runs on. Durations are milliseconds: of business time when there is a calendar."""

    policy_id: str
    policy_version: str
    policy_digest: str = ""
    """Of the text of the pack."""
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
    per_team: bool = False
    recomputes: bool = True
    on_reopen: OnReopen = "continue"
    escalation_grace_ms: int | None = None
    extended_working_days: int = 0
    is_told: bool = False
    """Whether its moment is what the customer was told, and not what the policy says."""
    written: str = field(init=False, compare=False)
    """As configured: "4h", "8h es-madrid-split", "15 working_days es-working-days"; "as told" the customer."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "written", self._written())  # once: whatever is counted under it says it

    def told(self, duration_ms: int) -> "Target":
        """The same promise, due when the customer was told that it would be."""
        return replace(
            self, target_ms=duration_ms, working_days=0, calendar_id="", pause_on=frozenset(), recomputes=False,
            is_told=True,
        )  # fmt: skip

    def _written(self) -> str:
        if self.is_told:
            return "as told"
        if self.working_days:
            return f"{self.working_days} working_days {self.calendar_id}"
        return f"{written(self.target_ms, largest='h' if self.calendar_id else 'd')} {self.calendar_id}".rstrip()

    @property
    def in_words(self) -> str:
        """For people: "4 h", "8 h of es-madrid-split", "15 working days of es-working-days"."""
        whose = f" of {self.calendar_id}" if self.calendar_id else ""
        if self.working_days:
            return f"{self.working_days} working day{'s' if self.working_days > 1 else ''}{whose}"
        return f"{in_words(self.target_ms, largest='h' if self.calendar_id else 'd')}{whose}"


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
        self.deciding = deciding(self._policies)
        self.renewals = frozenset(policy.valid_from_ms for policy in self._policies if policy.recompute_open)
        """When versions come into force that hold for open clocks, too, ms."""
        self.per_team = any(
            rule.per == "team" for one in self._policies for rules in one.clocks.values() for rule in rules
        )
        """Whether any clock is a team's."""
        self.longest_grace_ms = max((pack.longest_grace_ms for pack in self._packs), default=0)
        self.shortest_grace_ms = min((pack.shortest_grace_ms for pack in self._packs), default=grace_ms)

    def target(
        self, metric: ClockMetric, started_at: int, facts: Mapping[str, object], at: int | None = None
    ) -> Target | None:
        """The first promise that fits; None when there is none for this metric.

        In the versions in force when the clock started; at `at` (ms), in later ones that hold for open clocks by then.
        """
        for pack in self._packs:
            target = pack.target(metric, started_at, facts, started_at if at is None else at)
            if target is not None:
                return target
        return None

    def decisions(self, metric: ClockMetric, at: int) -> "list[Decisions]":
        """What `target` asks, pack by pack: the rules of the versions in force at a moment (ms)."""
        return [pack.decisions(metric, at) for pack in self._packs]

    def short_abandons(self, at: int) -> list[Sequence[tuple[Conditions, int]]]:
        """What `short_abandon_ms` asks, pack by pack."""
        return [pack.short_abandons(at) for pack in self._packs]

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Its packs, in the order in which they are asked."""
        return self._policies

    @cached_property
    def content(self) -> str:
        """What decides about kept and broken, as text: equal for packs that promise the same, in any process.

        A default is not written, so that a new one changes nothing; nor how a version is called, or when a clock warns.
        """
        unsaid: Any = {
            "version": True, "attainment": True, "oldest_case": True, "clocks": {"__all__": {"__all__": {"warn_at"}}},
        }  # fmt: skip
        packs = [policy.model_dump(mode="json", exclude_defaults=True, exclude=unsaid) for policy in self._policies]
        return json.dumps([self._grace_ms, packs], sort_keys=True)

    def in_force(self, at: int) -> Iterator[Policy]:
        """Of each pack the version in force at a moment, ms."""
        for policy_id in self.policy_ids:
            versions = [one for one in self._policies if one.policy_id == policy_id and one.valid_from_ms <= at]
            yield from sorted(versions, key=lambda one: one.valid_from_ms)[-1:]

    @property
    def texts(self) -> list[PolicyText]:
        """Of its packs, in the order in which they are asked."""
        return [PolicyText.of("pack", one.policy_id, one.version, one.text) for one in self._policies if one.text]

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
        self._versions = [(policy.valid_from_ms, policy.recompute_open, _rules(policy, grace_ms)) for policy in ordered]
        self._short_abandon = [
            (policy.valid_from_ms, [(rule.when.conditions(), rule.below) for rule in policy.short_abandon])
            for policy in ordered
        ]
        targets = [
            target for _, _, rules in self._versions for listed in rules.values() for _, target in listed if target
        ]
        self.longest_grace_ms = max((target.grace_ms for target in targets), default=0)
        self.shortest_grace_ms = min((target.grace_ms for target in targets), default=grace_ms)
        self.metrics = frozenset(metric for _, _, rules in self._versions for metric in rules)

    def target(self, metric: ClockMetric, started_at: int, facts: Mapping[str, object], at: int) -> Target | None:
        for valid_from, recomputes, rules in self._versions:
            if started_at >= valid_from or (recomputes and at >= valid_from):
                for conditions, target in rules.get(metric, ()):
                    for name, values in conditions:
                        if facts.get(name) not in values:
                            break
                    else:
                        return target
                return None
        return None

    def decisions(self, metric: ClockMetric, at: int) -> "Decisions":
        rules = next((rules for valid_from, _, rules in self._versions if at >= valid_from), None)
        return () if rules is None else rules.get(metric, ())

    def short_abandons(self, at: int) -> Sequence[tuple[Conditions, int]]:
        return next((rules for valid_from, rules in self._short_abandon if at >= valid_from), ())

    def short_abandon_ms(self, at: int, facts: Mapping[str, object]) -> int | None:
        for conditions, below_ms in self.short_abandons(at):
            if all(facts.get(name) in values for name, values in conditions):
                return below_ms
        return None


Decisions = Sequence[tuple[Conditions, Target | None]]
"""Rules in order: what fits, and what is promised then."""
_Rules = Mapping[ClockMetric, Decisions]


def _rules(policy: Policy, grace_ms: int) -> _Rules:
    return {
        metric: [
            (_conditions(metric, rule), _target(policy, index, rule, grace_ms)) for index, rule in enumerate(rules)
        ]
        for metric, rules in policy.clocks.items()
    }


def _conditions(metric: ClockMetric, rule: TargetRule) -> Conditions:
    conditions, ability = rule.when.conditions(), ABILITIES[metric]
    return conditions if rule.when.topic or not ability.begun_elsewhere else (("topic", ability.topics), *conditions)


def _target(policy: Policy, index: int, rule: TargetRule, grace_ms: int) -> Target | None:
    if not rule.promises:
        return None
    warn_at = (LEGAL_WARN_AT if rule.legal else WARN_AT) if rule.warn_at is None else rule.warn_at
    reasons = rule.pause_reasons or PAUSE_REASONS
    return Target(
        policy_id=policy.policy_id,
        policy_version=policy.version,
        policy_digest=policy.digest,
        rule=index,
        target_ms=rule.target or 0,
        working_days=rule.working_days or 0,
        calendar_id=rule.calendar or "",
        grace_ms=grace_ms if rule.grace is None else rule.grace,
        warn_at=tuple(sorted(set(warn_at))),
        legal=rule.legal,
        pause_on=frozenset((what, why) for what in rule.pause_on for why in reasons) if rule.pausable else frozenset(),
        max_pause_ms=rule.max_pause,
        per_team=rule.per == "team",
        recomputes=rule.on_priority_change == "recompute",
        on_reopen=rule.on_reopen,
        escalation_grace_ms=rule.grace_on_escalation,
        extended_working_days=rule.extended_working_days or 0,
    )


def load(path: Path, calendar_ids: Collection[str]) -> Policy:
    """Read one pack; calendars that it names must be among `calendar_ids`. Raises `YamlRefusedError`."""
    if not path.exists():
        raise YamlRefusedError(f"unknown policy pack {path}: no such file; see OIDOR_POLICIES")
    return read(text_of(path), str(path), calendar_ids)


def read(text: str, name: str, calendar_ids: Collection[str]) -> Policy:
    """Read one pack from its text; `name` is the file's, for messages. Raises `YamlRefusedError`."""
    policy = Policy.read(text, name)
    for metric, rules in policy.clocks.items():
        for index, rule in enumerate(rules):
            if rule.calendar is not None and rule.calendar not in calendar_ids:
                known = ", ".join(sorted(calendar_ids)) or "none: see OIDOR_CALENDARS"
                line, where = _place(policy, name, ("clocks", metric, index, "calendar"))
                raise YamlRefusedError(f"{name}:{line}: {where}: unknown calendar {rule.calendar!r}; known: {known}")
    return policy


def _place(policy: Policy, name: str, location: tuple[str | int, ...]) -> tuple[int, str]:
    return load_with_lines(policy.text, name).place(location)


def warnings_of(path: Path, policy: Policy) -> Iterator[str]:
    """What is odd about a pack that can be used, one line each."""
    for location, reason in oddities(policy):
        line, where = _place(policy, str(path), location)
        yield f"{path}:{line}: {where}: {reason}"


def read_all(
    paths: Iterable[Path], calendar_ids: Collection[str], category_of: Callable[[str], str] = str
) -> tuple[Policy, ...]:
    """Read packs that are in force together. Raises `YamlRefusedError`, also for what would have no effect in one.

    `category_of` says under which category cases come that their source calls so.
    """
    paths = tuple(paths)
    policies = read_versions(paths, lambda path: load(path, calendar_ids), _clash)
    for path, policy in zip(paths, policies, strict=True):
        found = list(refusals(policy, deciding(other for other in policies if other is not policy), category_of))
        if found:
            (line, where), reason = min((_place(policy, str(path), location), reason) for location, reason in found)
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise YamlRefusedError(f"{path}:{line}: {where}: {reason}{more}")
    return policies


def load_all(
    paths: Iterable[Path],
    *,
    grace_ms: int,
    calendar_ids: Collection[str],
    category_of: Callable[[str], str] = str,
    warn: list[str] | None = None,
) -> PolicyBook:
    """Read every pack; `warn` receives what is odd. Raises `YamlRefusedError`: see `read_all`."""
    paths = tuple(paths)
    policies = read_all(paths, calendar_ids, category_of)
    if warn is not None:
        for path, policy in zip(paths, policies, strict=True):
            warn.extend(warnings_of(path, policy))
    return PolicyBook(policies, grace_ms=grace_ms)


def _clash(policy: Policy, earlier: Policy) -> str | None:
    if (policy.policy_id, policy.version) != (earlier.policy_id, earlier.version):
        return None
    return f"policy {policy.policy_id} version {policy.version} is loaded already"
