"""Changes in words of people who answer for a service."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

from deploy.cli.policydiff.changes import Change, Promise
from deploy.cli.policydiff.sorts import Limit, Sort
from schemas.policies.durations import in_words
from schemas.policies.packs import Target
from schemas.policies.policy import PAUSE_REASONS
from schemas.policies.refusals import always_has, possible_values
from schemas.taxonomy import ClockMetric
from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS

_TOPICS: Final = {CONTACTS: "contacts", COMPLAINTS: "complaints", SURVEYS: "surveys"}
_WAITED_FOR: Final = {"waiting_customer": "the customer", "waiting_third_party": "a third party"}


def lines(changes: Iterable[Change], beginning: int) -> Iterator[str]:
    """A heading for each metric, and below it a line for each change and sort of case.

    Nothing is promised before `beginning` (ms), so it is not said that something changes from then on.
    """
    metric: str | None = None
    for change in changes:
        heading = change.metric or "short_abandon"
        if heading != metric:
            yield heading
            metric = heading
        what = _what(change)
        for sort in change.sorts:
            yield f"  {cases(sort, change.metric)}{_when(change, beginning)}: {what}"


def cases(sort: Sort, metric: ClockMetric | None) -> str:
    """Who it is about: contacts with priority urgent and channel other than phone."""
    topics = " and ".join(_TOPICS[topic] for topic in _TOPICS if topic in sort.topics)
    limits = " and ".join(
        f"{name} {_limit(_shorter(limit, _all_values(sort, metric, name)))}"
        for name, limit in sorted(sort.limits.items())
    )
    return f"{topics} with {limits}" if limits else f"all {topics}"


def _all_values(sort: Sort, metric: ClockMetric | None, name: str) -> frozenset[object]:
    """Of which every case has one; none where that is not so."""
    known = {frozenset(possible_values(metric, topic, name) or ()) for topic in sort.topics}
    return known.pop() if len(known) == 1 and always_has(name) else frozenset()


def _shorter(limit: Limit, values: frozenset[object]) -> Limit:
    others = values - limit.values
    return Limit(False, others) if limit.one_of and 0 < len(others) < len(limit.values) else limit


def _limit(limit: Limit) -> str:
    values = _listed(sorted(str(value).lower() if isinstance(value, bool) else str(value) for value in limit.values))
    return values if limit.one_of else f"other than {values}"


def _listed(values: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(values[:-1]), values[-1]]))


def _when(change: Change, beginning: int) -> str:
    since = "" if change.since in (None, beginning) else f" from {moment(change.since or 0)}"
    until = "" if change.until is None else f" until {moment(change.until)}"
    return f", where the clock starts{since}{until}" if since or until else ""


def moment(at: int) -> str:
    """A moment in ms; of a midnight the day."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(sep=" ", timespec="minutes").removesuffix(" 00:00+00:00")


def _what(change: Change) -> str:
    match change.before, change.after:
        case int(before), int(after):
            return f"{_who_waited(before)} -> {_who_waited(after)}"
        case None, Promise(after, _):
            return f"newly promised: {_whole(after)}"
        case Promise(before, _), None:
            return f"no longer promised: {_whole(before)}"
        case Promise(before, hours), Promise(after, other_hours):
            return "; ".join(_compared(before, after, other_hours_same_calendar=hours != other_hours))
    raise AssertionError(change)


def _who_waited(short_ms: int) -> str:
    return f"who leaves sooner than {in_words(short_ms)} did not wait" if short_ms else "whoever leaves has waited"


def _whole(target: Target) -> str:
    nothing = Target(policy_id="", policy_version="", grace_ms=target.grace_ms, warn_at=target.warn_at)
    return "; ".join([target.in_words, *_details(nothing, target, alone=True)])


def _compared(before: Target, after: Target, *, other_hours_same_calendar: bool) -> Iterator[str]:
    if before.in_words != after.in_words:
        yield f"{_longer(before, after)}{before.in_words} -> {after.in_words}"
    elif other_hours_same_calendar:
        yield f"{after.in_words}, which has other hours"
    else:
        yield after.in_words
    yield from _details(before, after, alone=False)


def _longer(before: Target, after: Target) -> str:
    """Which is more time, where both are counted alike."""
    if before.calendar_id != after.calendar_id or bool(before.working_days) != bool(after.working_days):
        return "counted otherwise: " if before.calendar_id != after.calendar_id else ""
    more = (after.target_ms, after.working_days) > (before.target_ms, before.working_days)
    return "longer: " if more else "shorter: "


_IN_WORDS: Final = {"policy_id", "policy_version", "policy_digest", "rule", "target_ms", "working_days", "calendar_id"}


def _details(before: Target, after: Target, *, alone: bool) -> Iterator[str]:
    """What else differs; `alone` is for a promise that stands beside none, and `before` then for what is usual."""
    for one in fields(Target):
        was, becomes = getattr(before, one.name), getattr(after, one.name)
        of_no_pause = one.name == "max_pause_ms" and not after.pause_on
        if was == becomes or not one.compare or one.name in _IN_WORDS or of_no_pause:
            continue
        match one.name:
            case "legal":
                yield "a deadline of the law" if becomes else "no deadline of the law any more"
            case "pause_on" if not becomes:
                yield f"does not pause any more (before: {_pauses(was)})"
            case "pause_on":
                yield f"pauses {_pauses(becomes)}" + (f" (before: {_pauses(was)})" if was else "")
            case "per_team":
                yield "each team has a clock of its own" if becomes else "one clock for the case, whatever team has it"
            case "recomputes":
                yield "follows what the case becomes" if becomes else "keeps the target of the start"
            case _:
                label, said = _SAID.get(one.name, (one.name.replace("_", " ") + ":", _value))
                new = alone or (one.name == "max_pause_ms" and not before.pause_on)
                yield f"{label} {said(becomes)}" if new else f"{label} {said(was)} -> {said(becomes)}"


def _shares(shares: Iterable[float]) -> str:
    return ", ".join(f"{share:.0%}" for share in shares) or "nothing"


def _duration(duration_ms: int | None) -> str:
    if duration_ms is None:
        return "the usual time"
    return in_words(duration_ms) if duration_ms else "no time"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) if value not in ("", None) else "nothing"


_REOPENING: Final[Mapping[str, str]] = {
    "continue": "the rest of the time",
    "restart": "all of the time again",
    "none": "no more time",
}
_SAID: Final[Mapping[str, tuple[str, Callable[[Any], str]]]] = {
    "max_pause_ms": ("a pause lasts at most", _duration),
    "warn_at": ("warns at", _shares),
    "grace_ms": ("a deadline waits for late proof for", _duration),
    "on_reopen": ("a reopening gives", _REOPENING.__getitem__),
    "escalation_grace_ms": ("a change whose deadline is past gives", _duration),
    "extended_working_days": (
        "a holding response gives, in working days from the start,",
        lambda days: str(days or "none"),
    ),
}


def _pauses(pause_on: Collection[tuple[str, str]]) -> str:
    reasons: dict[str, list[str]] = {}
    for what, reason in sorted(pause_on):
        reasons.setdefault(what, []).append(reason)
    said = [
        _WAITED_FOR.get(what, what) + ("" if len(why) == len(PAUSE_REASONS) else f" ({', '.join(why)})")
        for what, why in reasons.items()
    ]
    return f"while it waits for {' or '.join(said)}"
