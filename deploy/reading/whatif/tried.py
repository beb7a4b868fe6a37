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
from schemas.policies.packs import Policy, PolicyBook

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
    policies = [packs.load(path, calendars.calendar_ids) for path in configured.configured]
    rules = (rule for policy in policies for listed in policy.clocks.values() for rule in listed)
    named = Counter(rule.calendar for rule in rules if rule.calendar is not None)
    most = min(named, key=lambda calendar: (-named[calendar], calendar), default="")
    return InForce(Promises(PolicyBook(policies, grace_ms=configured.grace_ms), calendars), calendars, most)


def promises(configured: Packs, tried: Tried, span: Span) -> Promises:
    """The promises that are tried. Raises `YamlRefusedError`, `TriedError`."""
    calendars = load_calendars(configured.calendars if tried.calendars is None else tried.calendars)
    given = _given(tried, calendars, span)
    standing = [] if tried.only else [packs.load(path, calendars.calendar_ids) for path in configured.configured]
    return Promises(PolicyBook(_replaced(standing, given), grace_ms=configured.grace_ms), calendars)


def names(configured: Packs, tried: Tried) -> list[str]:
    """What is given, as people call it: packs with their version and, where it says something, their place."""
    calendar_ids = load_calendars(configured.calendars if tried.calendars is None else tried.calendars).calendar_ids
    known = {packs.load(path, calendar_ids).policy_id for path in configured.configured}
    named = [packs.load(path, calendar_ids) for path in tried.files]
    first = "" if tried.only else ", asked before those that are configured"
    return [f"{one.policy_id} {one.version}{'' if one.policy_id in known else first}" for one in named]


def _given(tried: Tried, calendars: CalendarBook, span: Span) -> list[Policy]:
    given = [packs.load(path, calendars.calendar_ids) for path in tried.files]
    for place, policy in enumerate(given):
        if (policy.policy_id, policy.version) in {(one.policy_id, one.version) for one in given[:place]}:
            raise TriedError(f"{tried.files[place]}: policy {policy.policy_id} version {policy.version} is given twice")
    newest = {policy.policy_id: policy for policy in sorted(given, key=lambda policy: policy.valid_from_ms)}
    if tried.undated:
        return [
            policy.model_copy(update={"valid_from": _ALWAYS}) for policy in given if policy is newest[policy.policy_id]
        ]
    for path, policy in zip(tried.files, given, strict=True):
        if policy is newest[policy.policy_id] and policy.valid_from_ms >= span.end:
            raise TriedError(
                f"{path}: {policy.policy_id} {policy.version} holds from {shown(policy.valid_from_ms)} on, after the "
                "span: nothing of it would be tried; give --undated to let it hold from the beginning"
            )
    return given


def _replaced(standing: Sequence[Policy], given: Sequence[Policy]) -> list[Policy]:
    """The packs in the order in which they are asked."""
    known = [policy.policy_id for policy in standing]
    order = [*dict.fromkeys(policy.policy_id for policy in given if policy.policy_id not in known), *known]
    replaced = {policy.policy_id for policy in given}
    kept = [policy for policy in standing if policy.policy_id not in replaced]
    return sorted((*given, *kept), key=lambda policy: order.index(policy.policy_id))
