"""SLA policy packs: which promise holds for which case. Data in YAML, checked here.

A pack lists, for each clock metric, targets in order; the first whose `when` fits the case is the promise. Packs are
asked in the order in which they are configured; of two versions of one pack, the one in force when the clock starts.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from schemas.taxonomy import Channel, ClockMetric, Priority, Relationship, TopicClass
from schemas.topics import InputTopic


class PolicyError(Exception):
    """A pack that cannot be used; one line that names the file and what to change."""


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


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class When(_Strict):
    """What a case must be for a target to hold; a list names alternatives, what is not named fits all."""

    topic: tuple[InputTopic, ...] = ()
    channel: tuple[Channel, ...] = ()
    priority: tuple[Priority, ...] = ()
    kind: tuple[str, ...] = ()
    topic_class: tuple[TopicClass, ...] = ()
    relationship: tuple[Relationship, ...] = ()
    segment: tuple[str, ...] = ()
    area: tuple[str, ...] = ()

    def conditions(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple((name, values) for name, values in self if values)


class TargetRule(_Strict):
    when: When = When()
    target: Annotated[Duration, AfterValidator(_positive)] | None = None
    """Milliseconds; a rule without a target says that nothing is promised, and ends the search in its pack."""
    grace: Duration | None = None
    """Milliseconds that a deadline waits for stop events in flight; the setting `grace` when not given."""
    warn_at: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Shares of the target at which a running clock warns, rising."""


class Policy(_Strict):
    policy_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    version: str
    valid_from: AwareDatetime = datetime(2000, 1, 1, tzinfo=UTC)
    clocks: Mapping[ClockMetric, tuple[TargetRule, ...]]

    @property
    def valid_from_ms(self) -> int:
        return (self.valid_from - _EPOCH) // timedelta(milliseconds=1)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Target(BaseModel):
    """The promise that one clock runs on."""

    model_config = ConfigDict(frozen=True)

    policy_id: str
    policy_version: str
    target_ms: int
    grace_ms: int
    warn_ms: tuple[int, ...]
    """Milliseconds after the start at which the clock warns."""


class PolicyBook:
    """All packs in force, asked by metric, moment and the facts of a case."""

    def __init__(self, policies: Iterable[Policy], *, grace_ms: int) -> None:
        by_id: dict[str, list[Policy]] = {}
        for policy in policies:
            by_id.setdefault(policy.policy_id, []).append(policy)
        self._packs = [_Pack(versions, grace_ms) for versions in by_id.values()]
        self.policy_ids = tuple(by_id)
        self.longest_grace_ms = max((pack.longest_grace_ms for pack in self._packs), default=0)

    def target(self, metric: ClockMetric, started_at: int, facts: Mapping[str, str]) -> Target | None:
        """The first promise that fits; None when there is none for this metric."""
        for pack in self._packs:
            target = pack.target(metric, started_at, facts)
            if target is not None:
                return target
        return None


class _Pack:
    """The versions of one policy, newest first."""

    def __init__(self, versions: Sequence[Policy], grace_ms: int) -> None:
        ordered = sorted(versions, key=lambda policy: policy.valid_from_ms, reverse=True)
        self._versions = [(policy.valid_from_ms, _rules(policy, grace_ms)) for policy in ordered]
        targets = [target for _, rules in self._versions for listed in rules.values() for _, target in listed if target]
        self.longest_grace_ms = max((target.grace_ms for target in targets), default=0)

    def target(self, metric: ClockMetric, started_at: int, facts: Mapping[str, str]) -> Target | None:
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


_Conditions = tuple[tuple[str, tuple[str, ...]], ...]
_Rules = Mapping[ClockMetric, Sequence[tuple[_Conditions, Target | None]]]


def _rules(policy: Policy, grace_ms: int) -> _Rules:
    return {
        metric: [(rule.when.conditions(), _target(policy, rule, grace_ms)) for rule in rules]
        for metric, rules in policy.clocks.items()
    }


def _target(policy: Policy, rule: TargetRule, grace_ms: int) -> Target | None:
    if rule.target is None:
        return None
    return Target(
        policy_id=policy.policy_id,
        policy_version=policy.version,
        target_ms=rule.target,
        grace_ms=grace_ms if rule.grace is None else rule.grace,
        warn_ms=tuple(sorted(round(rule.target * share) for share in rule.warn_at)),
    )


def load(path: Path) -> Policy:
    """Read one pack. Raises `PolicyError`."""
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"unknown policy pack {path}: {error.strerror}; see OIDOR_POLICIES") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise PolicyError(f"{path}: {where}: {first['msg']}") from error


def load_all(paths: Iterable[Path], *, grace_ms: int) -> PolicyBook:
    """Read every pack. Raises `PolicyError`, also for two packs of one id and version."""
    policies: list[Policy] = []
    for path in paths:
        policy = load(path)
        if any((policy.policy_id, policy.version) == (other.policy_id, other.version) for other in policies):
            raise PolicyError(f"{path}: policy {policy.policy_id} version {policy.version} is loaded already")
        policies.append(policy)
    return PolicyBook(policies, grace_ms=grace_ms)
