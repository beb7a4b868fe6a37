"""P08 repeat contact: the same customer on the same category three times within seven days, over any channel.

What the customer did not begin does not count. An episode opens with the contact that crosses the threshold and closes
once the window has passed without another and all of its contacts are over.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from typing import Any

from processors.cases.case import Case
from processors.cases.events import CaseKey
from processors.cases.transitions import TERMINAL
from processors.patterns.incidents import incident_row
from processors.rules import Rules
from schemas.outputs import IncidentRow
from schemas.topics import CONTACTS

Subject = tuple[str, str]
"""customer id, category"""
CONTACTS_CONSIDERED = 50
"""A customer with more contacts on one category is judged by the first 49 and the last."""


def subject_of(case: Case) -> Subject | None:
    """Whose repeat contacts a case belongs to; None when it counts for nobody."""
    fold = case.fold
    customer, category = fold.facts.get("customer_id", ""), fold.facts.get("category", "")
    counts = case.key[0] == CONTACTS and fold.facts.get("kind") == "inbound" and fold.opened_at is not None
    if not counts or not customer or not category or fold.test or fold.state in ("void", "merged"):
        return None
    return customer, category


def shown_by(case: Case) -> tuple[Any, ...]:
    """All that incidents show of one of their contacts: while it stays, and time stands, so do they."""
    fold = case.fold
    return fold.state in TERMINAL, _end(case) if fold.state in TERMINAL else 0, fold.owner, fold.attribution()


class History:
    """The contacts of one subject, by the time at which they were opened."""

    __slots__ = ("armed", "contacts", "incidents")

    def __init__(self) -> None:
        self.contacts: list[tuple[int, CaseKey]] = []
        self.incidents: dict[str, IncidentRow] = {}
        """As last told."""
        self.armed: int | None = None

    def add(self, opened_at: int, key: CaseKey) -> None:
        insort(self.contacts, (opened_at, key))

    def remove(self, opened_at: int, key: CaseKey) -> None:
        index = bisect_left(self.contacts, (opened_at, key))
        if self.contacts[index : index + 1] == [(opened_at, key)]:
            del self.contacts[index]

    def considered(self) -> list[tuple[int, CaseKey]]:
        if len(self.contacts) <= CONTACTS_CONSIDERED:
            return self.contacts
        return [*self.contacts[: CONTACTS_CONSIDERED - 1], self.contacts[-1]]


def incidents(
    subject: Subject, history: History, case_of: Callable[[CaseKey], Case], partition: int, now: int, rules: Rules
) -> Iterator[IncidentRow]:
    contacts = history.considered()
    window = rules.repeat_window_ms
    episode: list[tuple[int, CaseKey]] = []
    crossed = first = 0
    for index, (at, key) in enumerate(contacts):
        while contacts[first][0] <= at - window:
            first += 1
        recent = index - first + 1
        if not episode and recent >= rules.repeat_warning:
            episode, crossed = contacts[first:index], at
        if episode:
            episode.append((at, key))
        # Of all contacts, those that are not considered too: they are no quiet.
        following = history.contacts[index + 1][0] if index + 1 < len(contacts) else now
        if episode and following > at + window:
            cases = [case_of(key) for _, key in episode]
            by = following if index + 1 < len(contacts) else max(map(_end, cases))
            if all(case.fold.state in TERMINAL and _end(case) <= by for case in cases):
                yield _incident(subject, episode, cases, crossed, partition, rules, closed=True)
                episode = []
    if episode:
        yield _incident(subject, episode, [case_of(key) for _, key in episode], crossed, partition, rules, closed=False)


def quiet_at(history: History, rules: Rules) -> int | None:
    """When an open episode may close for want of another contact."""
    return history.contacts[-1][0] + rules.repeat_window_ms if history.incidents else None


def _incident(
    subject: Subject,
    episode: list[tuple[int, CaseKey]],
    cases: list[Case],
    crossed: int,
    partition: int,
    rules: Rules,
    *,
    closed: bool,
) -> IncidentRow:
    last = episode[-1][0]
    critical = _crossing(episode, rules.repeat_critical, rules.repeat_window_ms)
    closed_at = max(last + rules.repeat_window_ms, *map(_end, cases)) if closed else None
    channels = sorted({case.fold.facts.get("channel", "") for case in cases})
    return incident_row(
        cases[-1],
        "P08",
        "|".join(subject),
        partition=partition,
        severity="critical" if critical else "warning",
        opened_at=crossed,
        updated_at=closed_at or last,
        closed_at=closed_at,
        close_reason="quiet" if closed else "",
        attribution=None,
        summary=f"{len(episode)} contacts of one customer on {subject[1]}, over {', '.join(channels)}",
        evidence={"contacts": [key[2] for _, key in episode][:20], "channels": channels},
    )


def _end(case: Case) -> int:
    return case.fold.resolved_at or case.fold.closed_at or case.last_event_at


def _crossing(episode: list[tuple[int, CaseKey]], most: int, window: int) -> bool:
    return any(episode[index + most - 1][0] - episode[index][0] < window for index in range(len(episode) - most + 1))
