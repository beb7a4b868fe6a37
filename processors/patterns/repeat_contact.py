"""P08 repeat contact: the same customer on the same category three times within seven days, over any channel.

What the customer did not begin does not count. An episode opens with the contact that crosses the threshold and closes
once the window has passed without another and all of its contacts are over.
"""

from collections.abc import Callable, Iterator
from typing import Final

from pydantic import model_validator

from processors.cases.case import Case
from processors.cases.events import CaseKey
from processors.cases.history import History, Membership, Subject
from processors.cases.transitions import TERMINAL
from processors.patterns.incidents import Incident
from processors.patterns.pattern import SubjectPattern
from schemas.policies.patterns import Parameters, parameter
from schemas.topics import CONTACTS

DAY_MS: Final = 86_400_000


class RepeatContactParameters(Parameters):
    warning: int = parameter(3, unit="contacts", ge=2)
    """A second contact may be a reminder; a third says that two did not solve it."""
    critical: int = parameter(5, unit="contacts", ge=2)
    """By then a customer has given up on the usual way, and somebody has to take the case in hand."""
    window_days: float = parameter(7, unit="days", gt=0)
    """Within which they fall. A week is what most first-contact-resolution figures count."""

    @model_validator(mode="after")
    def _rising(self) -> "RepeatContactParameters":
        if self.critical < self.warning:
            raise ValueError(f"critical ({self.critical}) must not be less than warning ({self.warning})")
        return self

    @property
    def window_ms(self) -> int:
        return round(self.window_days * DAY_MS)


_NONE: Final = frozenset({"spam", "duplicate"})
"""Resolutions of what was no contact, or is part of another one."""


def membership(case: Case) -> Membership | None:
    """The customer and the category of a contact that the customer began; None for any other case."""
    fold = case.fold
    customer, category = fold.facts.get("customer_id", ""), fold.facts.get("category", "")
    opened_at = fold.opened_at
    if case.key[0] != CONTACTS or opened_at is None or fold.facts.get("kind") != "inbound":
        return None
    if not customer or not category or fold.test or fold.state in ("void", "merged") or fold.resolution in _NONE:
        return None
    over = fold.state in TERMINAL
    shows = over, _end(case) if over else 0, fold.owner, fold.attribution()
    return Membership((customer, category), opened_at, shows)


def incidents(
    subject: Subject,
    history: History,
    case_of: Callable[[CaseKey], Case],
    now: int,
    parameters: RepeatContactParameters,
) -> Iterator[Incident]:
    contacts = history.considered()
    window = parameters.window_ms
    episode: list[tuple[int, CaseKey]] = []
    crossed = first = 0
    for index, (at, key) in enumerate(contacts):
        while contacts[first][0] <= at - window:
            first += 1
        recent = index - first + 1
        if not episode and recent >= parameters.warning:
            episode, crossed = contacts[first:index], at
        if episode:
            episode.append((at, key))
        # Of all contacts, those that are not considered too: they are no quiet.
        following = history.cases[index + 1][0] if index + 1 < len(contacts) else now
        if episode and following > at + window:
            cases = [case_of(key) for _, key in episode]
            by = following if index + 1 < len(contacts) else max(map(_end, cases))
            if all(case.fold.state in TERMINAL and _end(case) <= by for case in cases):
                yield _incident(subject, episode, cases, crossed, parameters, closed=True)
                episode = []
    if episode:
        yield _incident(subject, episode, [case_of(key) for _, key in episode], crossed, parameters, closed=False)


def quiet_at(history: History, parameters: RepeatContactParameters) -> int:
    """When an open episode may close for want of another contact."""
    return history.cases[-1][0] + parameters.window_ms


def _incident(
    subject: Subject,
    episode: list[tuple[int, CaseKey]],
    cases: list[Case],
    crossed: int,
    parameters: RepeatContactParameters,
    *,
    closed: bool,
) -> Incident:
    last, window = episode[-1][0], parameters.window_ms
    closed_at = max(last + window, *map(_end, cases)) if closed else None
    channels = sorted({case.fold.facts.get("channel", "") for case in cases})
    return Incident(
        cases[-1],
        "|".join(subject),
        severity="critical" if _crosses(episode, parameters.critical, window) else "warning",
        opened_at=crossed,
        updated_at=closed_at or last,
        closed_at=closed_at,
        known_at=max(_known_at(case) for (at, _), case in zip(episode, cases, strict=True) if at <= crossed),
        close_reason="quiet" if closed else "",
        summary=f"{len(episode)} contacts of one customer on {subject[1]}, over {', '.join(channels)}",
        evidence={"contacts": [key[2] for _, key in episode][:20], "channels": channels},
    )


def _known_at(case: Case) -> int:
    """When the record came that opened a contact."""
    return next((event.record_at for event in case.events if event.type == "opened"), 0)


def _end(case: Case) -> int:
    return case.fold.resolved_at or case.fold.closed_at or case.last_event_at


def _crosses(episode: list[tuple[int, CaseKey]], most: int, window: int) -> bool:
    return any(episode[index + most - 1][0] - episode[index][0] < window for index in range(len(episode) - most + 1))


PATTERN: Final = SubjectPattern(
    id="P08",
    name="repeat contact",
    severities=("warning", "critical"),
    closes="after a window without another contact, when all of its contacts are over",
    parameters=RepeatContactParameters(),
    version="1",
    topic=CONTACTS,
    membership=membership,
    least=lambda parameters: parameters.warning,
    incidents=incidents,
    quiet_at=quiet_at,
)
