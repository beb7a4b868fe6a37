"""`oidor policies diff`: reads what is to be compared, and says what differs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.cli.policydiff.changes import RuleSet, changes, of_packs
from deploy.cli.policydiff.hours import calendar_lines
from deploy.cli.policydiff.words import lines, moment
from processors.sla.business_time import CalendarBook
from schemas.policies import calendars, packs
from schemas.policies.yaml_lines import YamlRefusedError, names_in


def diff(old: str, new: str, calendar_folder: Path | None, *, grace_ms: int) -> list[str]:
    """What changes for whom from one set of rules to another, a line each; none where nothing does.

    Each is a file or a folder, or several of them with commas between, in the order in which packs are asked. Who
    names no calendar has those of `calendar_folder`. Raises `OidorError`.
    """
    before, after = (_read(named, calendar_folder, grace_ms) for named in (old, new))
    said = list(_of_packs(before, after))
    if before.one_version_each and after.one_version_each:
        before, after = before.from_ever(), after.from_ever()
    beginning = min((policy.valid_from_ms for policy in (*before.policies, *after.policies)), default=0)
    said += lines(changes(before, after), beginning)
    return [*said, *calendar_lines(before.calendars, after.calendars)]


def _read(named: str, calendar_folder: Path | None, grace_ms: int) -> RuleSet:
    files = [file for path in named.split(",") if path.strip() for file in _files(Path(path.strip()))]
    of_calendars = [path for path in files if "calendar_id" in names_in(path)]
    if not of_calendars and calendar_folder is not None:
        of_calendars = sorted(calendar_folder.glob("*.yaml"))
    book = CalendarBook(calendars.load_all(of_calendars))
    of_packs_ = [path for path in files if "policy_id" in names_in(path)]
    others = [path for path in files if path not in of_packs_ and path not in of_calendars]
    if others and not (of_packs_ or of_calendars):
        raise YamlRefusedError(f"{others[0]}:1: is no pack and no calendar: it has no policy_id and no calendar_id")
    return RuleSet(packs.read_all(of_packs_, book.calendar_ids), book, grace_ms)


def _files(path: Path) -> Sequence[Path]:
    """A file, or the packs of a folder by name and the calendars in it, or below it in one that is called so."""
    if not path.exists():
        raise YamlRefusedError(f"{path}: there is no such file or folder")
    return [*sorted(path.glob("*.yaml")), *sorted(path.glob("calendars/*.yaml"))] if path.is_dir() else [path]


def _of_packs(old: RuleSet, new: RuleSet) -> Iterator[str]:
    """What is of whole packs: from when on they hold, and what they say of no metric."""
    if old.one_version_each and new.one_version_each:
        begins = {policy.policy_id: policy.valid_from_ms for policy in old.policies}
        for policy in new.policies:
            was = begins.get(policy.policy_id, policy.valid_from_ms)
            if was != policy.valid_from_ms:
                yield f"{policy.policy_id}: in force from {moment(was)} -> {moment(policy.valid_from_ms)}"
    before, after = of_packs(old.policies), of_packs(new.policies)
    for policy_id in before.keys() & after.keys():
        for name, value in after[policy_id].items():
            if before[policy_id].get(name) != value:
                yield f"{policy_id}: {_OF_PACKS.get((name, value), f'{name} {before[policy_id].get(name)} -> {value}')}"


_OF_PACKS: Final[Mapping[tuple[str, object], str]] = {
    ("recompute_open", True): "holds for clocks that run when it comes into force, too (recompute_open)",
    ("recompute_open", False): "no longer holds for clocks that run when it comes into force (recompute_open)",
}
