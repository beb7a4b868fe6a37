"""The answer, as lines for people and as one JSON document for machines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from deploy.reading.kept import shown
from deploy.reading.stored import CaseKey
from deploy.reading.whatif.comparison import Flip, Span, Unit
from deploy.reading.whatif.overtime import Staffing
from deploy.reading.whatif.readings import Reading
from deploy.reading.whatif.selection import Reason
from deploy.reading.whatif.whatif import Answer
from processors.sla.clocks import NEVER
from schemas.policies.durations import in_words

_HOUR_MS: Final = 3_600_000
_WEEK_MS: Final = 168 * _HOUR_MS
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WHY: Final[Mapping[Reason, str]] = {
    "erased": "their customer was erased",
    "evicted": "they had to leave the state while open",
    "beyond_retention": "events of theirs came when they had left the state",
    "changed_meanwhile": "they were written while they were read: ask again",
    "unreadable": "this release rejects events of theirs",
    "differing": "folded again by the promises in force they do not come to what is stored",
}


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, with what was asked."""

    span: Span
    names: Sequence[str]
    """Of the packs that were given."""
    staffing: Staffing
    answer: Answer

    @property
    def end(self) -> int:
        return min(self.span.end, self.answer.read_to_at)

    @property
    def flips(self) -> list[Flip]:
        """Breaches gained first, and of these the latest, what was never done before all."""
        return sorted(self.answer.compared.flips, key=_latest_first)


def _latest_first(flip: Flip) -> tuple[bool, int, int, CaseKey, str]:
    breach = flip.would_be if flip.gained else flip.was
    assert breach is not None
    late_ms = NEVER if breach.stopped_at is None else breach.stopped_at - breach.due_at
    return not flip.gained, -late_ms, breach.due_at, flip.case, flip.metric


# For people


def lines(told: Told, *, limit: int | None) -> Iterator[str]:
    """`limit`: how many of the clocks that flip are named, and hours of overtime; None: all."""
    answer = told.answer
    yield (
        f"{shown(told.span.begin)} to {shown(told.end)}, as it was and with {', '.join(told.names)}: "
        f"{answer.compared.cases} cases, {answer.events} events"
    )
    yield from _left_out(answer)
    yield ""
    yield from _attainment(told)
    yield ""
    yield from _flips(told.flips, limit)
    if answer.overtime.cases:
        yield ""
        yield from _overtime(told, limit)


def in_short(told: Told) -> str:
    """The answer in one line."""
    was, attained, _, would_be, would_attain, *_ = _figures(told, told.answer.compared.units)
    compared, overtime = told.answer.compared, told.answer.overtime
    return (
        f"with {', '.join(told.names)}, since {shown(told.span.begin)}: {would_attain} of {would_be} promises kept "
        f"instead of {attained} of {was}, {compared.gained.total()} breaches more and {compared.lost.total()} less, "
        f"{overtime.cases.total()} cases due before they were done"
    )


def _left_out(answer: Answer) -> Iterator[str]:
    for reason, why in _WHY.items():
        if count := answer.left_out[reason]:
            yield f"left out of both sides: {count} cases, {why}"
    for named in answer.differing[:3]:
        yield f"  {named}"
    if answer.rejected:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(answer.rejected.items()))
        yield f"warning: stored events that this release rejects: {reasons}"


_COLUMNS: Final = (
    "team", "metric", "was: clocks", "kept", "breached", "would be: clocks", "kept", "breached", "gained", "lost",
)  # fmt: skip


def _attainment(told: Told) -> Iterator[str]:
    compared = told.answer.compared
    if not compared.units:
        yield "nothing was decided in the span, on either side"
        return
    rows = [(*_named(unit), *_figures(told, (unit,))) for unit in compared.units]
    yield from table(_COLUMNS, [*rows, ("all", "", *_figures(told, compared.units))])


def _named(unit: Unit) -> Unit:
    return unit[0] or "(no team)", unit[1]


def _figures(told: Told, units: Sequence[Unit]) -> tuple[str, ...]:
    compared = told.answer.compared
    (was_met, was_breached), (met, breached) = (
        [sum(side[unit, outcome] for unit in units) for outcome in ("met", "breached")]
        for side in (compared.was, compared.would_be)
    )
    gained, lost = (sum(side[unit] for unit in units) for side in (compared.gained, compared.lost))
    return (
        str(was_met + was_breached), _share(was_met, was_breached), str(was_breached),
        str(met + breached), _share(met, breached), str(breached), f"+{gained}", f"-{lost}",
    )  # fmt: skip


def _share(met: int, breached: int) -> str:
    return f"{met / (met + breached):.1%}" if met + breached else "-"


def _flips(flips: Sequence[Flip], limit: int | None) -> Iterator[str]:
    if not flips:
        yield "no breach more, and none less"
        return
    gained = sum(flip.gained for flip in flips)
    yield f"{gained} clocks would be breached that were not, {len(flips) - gained} would not be that were"
    named = flips[:limit]
    for flip in named:
        breach = "would be breached" if flip.gained else "would not be breached"
        yield (
            f"  {flip.case[1]}/{flip.case[2]} {flip.metric}, {flip.team or '(no team)'}: {breach}; "
            f"was {_told(flip.was)}, would be {_told(flip.would_be)}"
        )
    if len(named) < len(flips):
        yield f"  and {len(flips) - len(named)} more: --all names them"


def _told(reading: Reading | None) -> str:
    if reading is None:
        return "not promised"
    ended = "not done" if reading.stopped_at is None else f"ended {_minute(reading.stopped_at)}"
    return f"{reading.state} (due {_minute(reading.due_at)}, {ended})"


def _minute(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _overtime(told: Told, limit: int | None) -> Iterator[str]:
    overtime, staffing = told.answer.overtime, told.staffing
    cases, handling_ms = overtime.cases.total(), overtime.handling_ms.total()
    weeks = max((told.end - told.span.begin) / _WEEK_MS, 1 / 7)
    yield (
        f"overtime: {cases} cases would have been due before they were done, {handling_ms / _HOUR_MS:.1f} staff hours, "
        f"{handling_ms / _HOUR_MS / weeks:.1f} a week"
    )
    done = cases - overtime.undone
    late = f"{in_words(overtime.late_ms // done)} after that on average" if done else "none"
    yield f"  done {late}; {overtime.undone} were not done at all"
    if staffing.calendar is None:
        yield "  no calendar says when people are there: --staffed names one"
    else:
        yield (
            f"  {overtime.outside_cases} of them are due when {staffing.calendar.calendar_id} is closed, "
            f"{overtime.outside_ms / _HOUR_MS:.1f} staff hours"
        )
    if overtime.unknown:
        yield f"  {overtime.unknown} state no handling time and are without hours: --handling 10min assumes one"
    if overtime.assumed:
        yield f"  of {overtime.assumed} the handling time is assumed: {in_words(staffing.handling_ms or 0)}"
    busiest = sorted(overtime.cases, key=lambda hour: (-overtime.handling_ms[hour], -overtime.cases[hour], hour))
    rows = [
        (_hour(hour), str(overtime.cases[hour]), f"{overtime.handling_ms[hour] / _HOUR_MS:.1f}")
        for hour in (sorted(busiest) if limit is None else busiest[:limit])
    ]
    yield from table((f"hour of the week ({staffing.zone})", "cases due", "staff hours"), rows)


def _hour(hour: int) -> str:
    return f"{_DAYS[hour // 24]} {hour % 24:02}:00"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they must be; numbers to the right."""
    shown_rows = [tuple(columns), *map(tuple, rows)]
    widths = [max(len(row[index]) for row in shown_rows) for index in range(len(columns))]
    texts = [all(not row[index].lstrip("+-")[:1].isdigit() for row in shown_rows[1:]) for index in range(len(columns))]
    for row in shown_rows:
        cells = zip(row, widths, texts, strict=True)
        yield "  ".join(
            cell.ljust(width) if text and width else cell.rjust(width) for cell, width, text in cells
        ).rstrip()


# For machines


def document(told: Told) -> Mapping[str, Any]:
    """Everything; moments as RFC 3339, durations in seconds."""
    answer = told.answer
    compared, overtime = answer.compared, answer.overtime
    return {
        "from": shown(told.span.begin),
        "to": shown(told.end),
        "policies": list(told.names),
        "cases": compared.cases,
        "events": answer.events,
        "left_out": {reason: answer.left_out[reason] for reason in _WHY},
        "differing": answer.differing,
        "rejected": dict(sorted(answer.rejected.items())),
        "units": [
            {
                "team": unit[0],
                "metric": unit[1],
                "was": {outcome: compared.was[unit, outcome] for outcome in ("met", "breached")},
                "would_be": {outcome: compared.would_be[unit, outcome] for outcome in ("met", "breached")},
                "gained": compared.gained[unit],
                "lost": compared.lost[unit],
            }
            for unit in compared.units
        ],
        "flips": [_flip(flip) for flip in told.flips],
        "overtime": {
            "zone": told.staffing.zone,
            "staffed": "" if told.staffing.calendar is None else told.staffing.calendar.calendar_id,
            "cases": overtime.cases.total(),
            "staff_hours": overtime.handling_ms.total() / _HOUR_MS,
            "outside_cases": overtime.outside_cases,
            "outside_staff_hours": overtime.outside_ms / _HOUR_MS,
            "stated": overtime.stated,
            "assumed": overtime.assumed,
            "unknown": overtime.unknown,
            "undone": overtime.undone,
            "late_seconds": overtime.late_ms / 1000,
            "hours": [
                {
                    "weekday": hour // 24 + 1,
                    "hour": hour % 24,
                    "cases": overtime.cases[hour],
                    "staff_hours": overtime.handling_ms[hour] / _HOUR_MS,
                }
                for hour in sorted(overtime.cases)
            ],
        },
    }


def _flip(flip: Flip) -> Mapping[str, Any]:
    topic, source, entity_id = flip.case
    return {
        "topic": topic,
        "source": source,
        "entity_id": entity_id,
        "metric": flip.metric,
        "team": flip.team,
        "gained": flip.gained,
        "was": _reading(flip.was),
        "would_be": _reading(flip.would_be),
    }


def _reading(reading: Reading | None) -> Mapping[str, Any] | None:
    if reading is None:
        return None
    moments = {"started_at": reading.started_at, "due_at": reading.due_at, "stopped_at": reading.stopped_at}
    return {
        "state": reading.state,
        **{name: None if at is None else _rfc3339(at) for name, at in moments.items()},
        "overdue_seconds": reading.overdue_ms / 1000,
    }


def _rfc3339(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
