"""Promises: the policy packs in force, with the calendars that their targets are counted by."""

from collections.abc import Mapping

from processors.sla.business_time import Calendar, CalendarBook
from processors.sla.signals import SIGNALS_OF
from schemas.policies.packs import PolicyBook, Target
from schemas.policies.texts import PolicyText
from schemas.taxonomy import ClockMetric

Promise = tuple[Target, Calendar | None]
"""What is promised, and whose time it is counted in; None: elapsed time."""


class Promises:
    """Answers what a case is promised, by metric, moment and what is known of the case."""

    def __init__(self, book: PolicyBook, calendars: CalendarBook) -> None:
        self.book, self._calendars = book, calendars
        self.metrics = book.metrics
        self.deciding = {metric: book.deciding.get(metric, frozenset()) for metric, _ in SIGNALS_OF["changed"]}
        """Metric -> the facts of a case that decide about its promise, and may change."""
        self.decisive = frozenset[str]().union(*self.deciding.values())
        self.per_team = book.per_team
        self.renewals = tuple(sorted(book.renewals | calendars.renewals))
        """When other versions of packs and calendars come to hold for clocks that are open, ms."""

    @property
    def content(self) -> str:
        """What is promised, as text: equal for packs and calendars that promise the same, in any process."""
        renewals = [str(self.renewals)] if self.renewals else []
        return "\0".join((self.book.content, *self._calendars.content(self.book.calendar_ids), *renewals))

    @property
    def texts(self) -> list[PolicyText]:
        """Of the packs, in the order in which they are asked, and of the calendars that they name."""
        return [*self.book.texts, *self._calendars.texts(self.book.calendar_ids)]

    def business_time(self, at: int) -> Mapping[str, int]:
        """Calendar and version -> its business milliseconds up to `at` (ms), by its own count."""
        return self._calendars.counted_to(at)

    def promise(
        self, metric: ClockMetric, started_at: int, facts: Mapping[str, object], at: int | None = None
    ) -> Promise | None:
        """The promise for a clock that starts at `started_at` (ms), in the versions then in force; None: none fits.

        The clock keeps them: a later version of the pack or of the calendar moves no deadline (SLA rule 13), but one
        that holds for open clocks, too, when it is in force at `at` (ms).
        """
        target = self.book.target(metric, started_at, facts, at)
        if target is None:
            return None
        calendar_id = target.calendar_id
        return target, self._calendars.calendar(calendar_id, started_at, at) if calendar_id else None

    def renewal_after(self, moment: int) -> int | None:
        """The next of `renewals` after a moment, ms."""
        return next((at for at in self.renewals if at > moment), None)

    def short_abandon_ms(self, waits_from: int, facts: Mapping[str, object]) -> int:
        """Who leaves a queue earlier than this after `waits_from` (ms) did not wait, in the versions then in force."""
        return self.book.short_abandon_ms(waits_from, facts)
