"""Which promises are tried: the packs that are configured, with others in the place of those of the same name.

    given                       what is tried
    a pack of the same id       in its place, all versions of it are replaced by those given
    a pack of another id        asked before all that are configured: else it might never be asked
    `only`                      the given packs, in the order given, and no others

A version holds from its `valid_from` on, as it would have. A pack that holds only from after the span would change
nothing, and is refused; `undated` lets the newest version given hold from the beginning.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.reading.kept import shown
from deploy.reading.whatif.comparison import Span
from processors.rules import load_calendars
from processors.sla.business_time import CalendarBook
from processors.sla.promises import Promises
from schemas.errors import OidorError
from schemas.policies import packs
from schemas.policies.packs import PolicyBook
from schemas.policies.policy import Policy

_Read = tuple[Path, Policy]
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)


class TriedError(OidorError):
    """Packs that cannot be tried; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Packs:
    """Files, and how they are read."""

    configured: tuple[Path, ...]
    calendars: Path | None
    """The folder of the calendars that are configured."""
    grace_ms: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What is tried instead of that."""

    files: tuple[Path, ...] = ()
    """Packs."""
    calendars: Path | None = None
    """The folder of other calendars; None: those configured."""
    only: bool = False
    undated: bool = False


@dataclass(frozen=True, slots=True)
class InForce:
    """What is configured."""

    promises: Promises
    calendars: CalendarBook
    most_named: str
    """The calendar that most rules name; '': they name none."""


def in_force(configured: Packs) -> InForce:
    """Read what is configured. Raises `YamlRefusedError`."""
    calendars = load_calendars(configured.calendars)
    policies = packs.read_all(configured.configured, calendars.calendar_ids)
    rules = (rule for policy in policies for listed in policy.clocks.values() for rule in listed)
    named = Counter(rule.calendar for rule in rules if rule.calendar is not None)
    most = min(named, key=lambda calendar: (-named[calendar], calendar), default="")
    return InForce(Promises(PolicyBook(policies, grace_ms=configured.grace_ms), calendars), calendars, most)


def promises(configured: Packs, tried: Tried, span: Span) -> Promises:
    """The promises that are tried. Raises `YamlRefusedError`, `TriedError`."""
    calendars = load_calendars(configured.calendars if tried.calendars is None else tried.calendars)
    known = calendars.calendar_ids
    given = [(path, packs.load(path, known)) for path in tried.files]
    newest = {policy.policy_id: path for path, policy in sorted(given, key=lambda one: one[1].valid_from_ms)}
    if tried.undated:
        given = [(path, policy) for path, policy in given if path == newest[policy.policy_id]]
    else:
        _require_that_they_hold([(path, policy) for path, policy in given if path == newest[policy.policy_id]], span)
    standing = [] if tried.only else [(path, packs.load(path, known)) for path in configured.configured]
    policies = packs.read_all(_in_order(standing, given), known)
    if tried.undated:
        policies = tuple(
            one.model_copy(update={"valid_from": _ALWAYS}) if one.policy_id in newest else one for one in policies
        )
    return Promises(PolicyBook(policies, grace_ms=configured.grace_ms), calendars)


def _require_that_they_hold(newest: Sequence[_Read], span: Span) -> None:
    for path, policy in newest:
        if policy.valid_from_ms >= span.end:
            raise TriedError(
                f"{path}: {policy.policy_id} {policy.version} holds from {shown(policy.valid_from_ms)} on, after the "
                "span: nothing of it would be tried; give --undated to let it hold from the beginning"
            )


def _in_order(standing: Sequence[_Read], given: Sequence[_Read]) -> list[Path]:
    """The packs in the order in which they are asked."""
    known = [policy.policy_id for _, policy in standing]
    order = [*dict.fromkeys(policy.policy_id for _, policy in given if policy.policy_id not in known), *known]
    replaced = {policy.policy_id for _, policy in given}
    kept = [one for one in standing if one[1].policy_id not in replaced]
    return [path for path, _ in sorted((*given, *kept), key=lambda one: order.index(one[1].policy_id))]


def names(configured: Packs, tried: Tried) -> list[str]:
    """What is given, as people call it: packs with their version and, where it says something, their place."""
    calendar_ids = load_calendars(configured.calendars if tried.calendars is None else tried.calendars).calendar_ids
    known = {packs.load(path, calendar_ids).policy_id for path in configured.configured}
    named = [packs.load(path, calendar_ids) for path in tried.files]
    first = "" if tried.only else ", asked before those that are configured"
    return [f"{one.policy_id} {one.version}{'' if one.policy_id in known else first}" for one in named]
