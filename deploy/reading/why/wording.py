"""A journal in words: blocks of one language, which `text` and `page` write down."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from deploy.reading.why.comparison import Difference
from deploy.reading.why.hours import Stretch
from deploy.reading.why.journal import ClockTold, Entry, Gap, Journal, Mark, Promised
from deploy.reading.why.phrases import Phrases, rounded
from deploy.reading.why.reckoning import Span
from deploy.reading.why.words import Words
from schemas.topics import CONTACTS

BlockKind = Literal["title", "text", "heading", "day", "event", "detail", "gap", "clock", "row", "good", "bad"]


class Block(NamedTuple):
    """A line of a telling; how it is set is for who writes it down."""

    kind: BlockKind
    text: str
    when: str = ""
    """The time of day of an event, or the name of a row."""
    tone: Literal["", "good", "bad"] = ""


def blocks(journal: Journal, words: Words) -> list[Block]:
    """Tell a journal in words."""
    first = journal.entries[0].at if journal.entries else journal.as_of
    year = datetime.fromtimestamp(first / 1000, ZoneInfo(journal.zone)).year
    return [*_Wording(journal, words, Phrases(words, journal.zone, year)).told()]


_MACHINES = frozenset({"system", "bot"})
_MOMENTS = frozenset({"promised_at", "received_at", "expires_at"})
_UNSHOWN = frozenset({"actor", "public", "revises", "into:absorbed", "from:absorbed"})
_OF_CASE = frozenset({"kind", "channel", "org_unit", "topic_class", "category", "product", "segment", "relationship"})
_GOOD = frozenset({"kept", "kept_after_all"})
_BAD = frozenset({"broken", "due", "given_up"})
_BROKEN = frozenset({"breached", "breached_open"})
_SHOWN_ROWS = 12


@dataclass(slots=True)
class _Wording:
    journal: Journal
    words: Words
    say: Phrases
    _known: dict[str, object] = field(default_factory=dict)
    """What events said of the case so far: that every event says it again is no news."""

    # The order of the telling

    def told(self) -> Iterator[Block]:
        journal, words = self.journal, self.words
        case = journal.case
        title = words.titles.get(case.topic, "{id} {source}").format(id=case.entity_id, source=case.source)
        yield Block("title", title)
        if journal.erased:
            yield Block("text", words.says["erased"])
            return
        yield from self._opening()
        if journal.clocks:
            yield Block("heading", words.headings["why"])
            for clock in journal.clocks:
                yield Block("row", self._verdict(clock), self._clock(clock.metric, clock.instance), _tone(clock.state))
        else:
            yield Block("text", words.says["no_clocks"])
        if journal.entries:
            yield Block("heading", words.headings["story"])
            yield from self._story()
        if journal.clocks:
            yield Block("heading", words.headings["clocks"])
            for clock in journal.clocks:
                yield from self._counted(clock)
        yield Block("heading", words.headings["check"])
        yield from self._check()

    def _opening(self) -> Iterator[Block]:
        journal, words, case = self.journal, self.words, self.journal.case
        state = words.case_states.get(case.state, case.state).format(into=case.merged_into)
        facts = self._facts(case.facts, ())
        yield Block(
            "text",
            words.says["state"].format(state=state) + (" " + words.says["facts"].format(facts=facts) if facts else ""),
        )
        as_of = "asked" if journal.was_asked else "as_of"
        yield Block("text", words.says[as_of].format(moment=self.say.moment(journal.as_of, year=True)))
        yield Block("text", self._zone())
        for name, count in journal.notes.items():
            if name in words.notes:
                yield Block("text", words.notes[name].format(count=count))

    def _zone(self) -> str:
        journal, words = self.journal, self.words
        moments = [entry.at for entry in journal.entries] or [journal.as_of]
        moments += [clock.due_at for clock in journal.clocks]
        offsets = list(dict.fromkeys(self.say.offset(at) for at in (min(moments), max(moments))))
        offset = words.says["offset" if len(offsets) == 1 else "offsets"].format(*offsets)
        elapsed = not any(clock.promised.calendar for clock in journal.clocks)
        return words.says["zone_elapsed" if elapsed else "zone"].format(zone=journal.zone, offset=offset)

    # What happened

    def _story(self) -> Iterator[Block]:
        for day, entries in groupby(self.journal.entries, key=lambda entry: self.say.local(entry.at).date()):
            first = True
            for entry in entries:
                if entry.gap is not None:
                    yield Block("gap", self._gap(entry.gap))
                if first:
                    yield Block("day", self.say.dated(self.words.day, day))
                    first = False
                yield from self._entry(entry)

    def _entry(self, entry: Entry) -> Iterator[Block]:
        when = "24:00" if self.say.ends_day(entry.at) else self.say.time(entry.at)
        if entry.status == "time":
            for mark in entry.marks:
                yield Block("event", self._mark(mark), when, _tone_of_mark(mark))
            return
        yield Block("event", self._happened(entry), when)
        for detail in self._details(entry):
            yield Block("detail", detail)
        for mark in entry.marks:
            yield Block("detail", self._mark(mark), tone=_tone_of_mark(mark))

    def _happened(self, entry: Entry) -> str:
        words, said = self.words, entry.said
        topic = self.journal.case.topic.partition("-")[0]
        how = ":machine" if said.get("actor") in _MACHINES else ":private" if said.get("public") is False else ""
        names = (entry.event_type + how, f"{topic}.{entry.event_type}", entry.event_type)
        phrase = next((words.events[name] for name in names if name in words.events), entry.event_type)
        what = phrase.format(case=entry.from_case, revises=said.get("revises", ""))
        unshown = {"from", "to", "into", "reason"} if entry.event_type == "absorbed" else set[str]()
        unshown |= {name for name in _OF_CASE if name in said and self._known.get(name) == said[name]}
        self._known |= {name: said[name] for name in _OF_CASE if name in said}
        facts = self._facts(said, unshown)
        return f"{what} ({facts})" if facts else what

    def _details(self, entry: Entry) -> Iterator[str]:
        says = self.words.says
        if entry.status in self.words.statuses:
            yield self.words.statuses[entry.status]
        if entry.from_case and entry.event_type != "absorbed":
            yield says["from_case"].format(case=entry.from_case)
        if entry.to_survivor:
            yield says["to_survivor"]
        if entry.corrected_by:
            yield says["corrected"].format(ids=", ".join(entry.corrected_by))
        if entry.recorded_at is not None and entry.recorded_at - entry.at > 60_000:
            late = says["late"].format(
                late=self.say.duration(rounded(entry.recorded_at - entry.at)),
                moment=self.say.moment(entry.recorded_at),
            )
            yield f"{late} ({says['late_flag']})" if entry.late else late
        noticed = [one for one in entry.warnings if one not in ("repeated", "beyond_retention")]
        if noticed:
            told = self.say.listed(self.words.warnings.get(one, one) for one in noticed)
            yield self.words.noticed.format(warnings=told)

    def _gap(self, gap: Gap) -> str:
        says = self.words.says
        elapsed = self.say.duration(rounded(gap.elapsed_ms))
        counted = [one for one in gap.by_calendar if one.calendar]
        if not counted:
            return says["gap"].format(elapsed=elapsed)
        if all(one.counted_own_ms == gap.elapsed_ms for one in counted):
            return says["gap_all"].format(elapsed=elapsed)
        parts = []
        for one in counted:
            key = "gap_counted" if one.counted_own_ms else "gap_nothing"
            what = says[key].format(counted=self.say.own(rounded(one.counted_own_ms)))
            if self._has_calendars():
                what = says["gap_of"].format(what=what, calendar=one.calendar.partition(" ")[0])
            parts.append(self._without(what, one.stretches))
        return says["gap_said"].format(elapsed=elapsed, counted="; ".join(parts))

    def _has_calendars(self) -> bool:
        """Whether there is more than one of which business time may be."""
        return len({clock.promised.calendar for clock in self.journal.clocks if clock.promised.calendar}) > 1

    def _without(self, what: str, stretches: Sequence[Stretch]) -> str:
        """Say beside what was counted what was not."""
        skipped = self.say.skipped(stretches)
        return self.words.says["skipped"].format(what=what, skipped=skipped) if skipped else what

    def _mark(self, mark: Mark) -> str:
        words = self.words
        wait, _, reason = mark.reason.partition(":")
        waits = words.waits.get(wait, wait)
        promised = mark.promised
        late = self._missed(mark.late_own_ms, mark.late_ms, promised)
        before = mark.kind == "started" and mark.started_at < mark.at
        return words.marks[f"{mark.kind}:before" if before else mark.kind].format(
            clock=self._clock(mark.metric, mark.instance),
            promise=self._promise(promised),
            started=self.say.moment(mark.started_at),
            due=self.say.due(mark.due_at, promised),
            used=self.say.own(mark.used_own_ms, promised),
            left=self.say.own(max(mark.left_own_ms, 0), promised),
            reason=f"{waits}, {words.reasons.get(reason, reason)}" if reason else waits,
            pause=self.say.duration(rounded(mark.paused_ms)),
            was="" if mark.was_due_at is None else words.was.format(due=self.say.due(mark.was_due_at, promised)),
            share=f"{mark.share:.0%}",
            late=late,
        )

    # How each promise was counted

    def _counted(self, clock: ClockTold) -> Iterator[Block]:
        words, promised = self.words, clock.promised
        name, state = self._clock(clock.metric, clock.instance), words.states.get(clock.state, clock.state)
        yield Block("clock", f"{name}: {state}", tone=_tone(clock.state))
        yield Block("detail", self._rule(clock.metric, promised))
        if promised.calendar:
            yield Block(
                "detail",
                words.rules["calendar"].format(
                    calendar=promised.calendar, version=promised.calendar_version, zone=promised.zone
                ),
            )
        if promised.policy_digest and promised.text_first_seen_at:
            since = self.say.moment(promised.text_first_seen_at, year=True)
            yield Block("detail", words.rules["text"].format(digest=promised.policy_digest, since=since))
        for span in clock.spans:
            yield from self._span(span, promised)
        if clock.spans:
            key = "sum" if clock.allotted_own_ms == clock.whole_own_ms else "sum_had"
            yield Block(
                "row",
                words.rules[key].format(
                    used=self.say.own(clock.used_own_ms, promised),
                    whole=self.say.own(clock.whole_own_ms, promised),
                    allotted=self.say.own(clock.allotted_own_ms, promised),
                ),
                "=",
            )
        yield Block("detail", self._verdict(clock), tone=_tone(clock.state))
        for flag in self._flags(clock):
            yield Block("detail", flag)

    def _rule(self, metric: str, promised: Promised) -> str:
        rules = self.words.rules
        conditions = self.say.listed(
            rules["condition"].format(
                name=self.words.labels.get(name, name),
                values=self.say.listed((self.words.values.get(value, value) for value in values), either=True),
            )
            for name, values in promised.conditions
        )
        return rules["rule"].format(
            promise=self._promise(promised), rule=promised.rule, metric=metric, policy=promised.policy_id,
            version=promised.policy_version, conditions=conditions or rules["every"],
        )  # fmt: skip

    def _span(self, span: Span, promised: Promised) -> Iterator[Block]:
        words = self.words
        whole = words.rules["whole"].format(begins=self.say.moment(span.begins_at), ends=self.say.moment(span.ends_at))
        if span.kind == "paused":
            yield Block("row", f"{whole}: {self.say.duration(span.ends_at - span.begins_at)}", words.rules["paused"])
            return
        counted = self._without(self.say.own(span.counted_ms, promised), span.stretches)
        yield Block("row", f"{whole}: {counted}", words.rules[span.kind])
        if promised.calendar and not all(one.counts for one in span.stretches):
            for line in self._days(span.stretches):
                yield Block("row", line)

    def _days(self, stretches: Sequence[Stretch]) -> list[str]:
        """What was counted day by day; days that are alike and follow each other in one line."""
        of_day: dict[date, list[str]] = {}
        sums: dict[date, int] = {}
        for one in stretches:
            if one.counts:
                day = self.say.local(one.begins_at).date()
                ends = "24:00" if self.say.local(one.ends_at).date() != day else self.say.time(one.ends_at)
                of_day.setdefault(day, []).append(f"{self.say.time(one.begins_at)}–{ends}")
                sums[day] = sums.get(day, 0) + one.lasts_ms
        lines = []
        for (hours, lasts), alike in groupby(of_day, key=lambda day: (", ".join(of_day[day]), sums[day])):
            days = list(alike)
            if len(days) == 1:
                lines.append(f"{self.say.short_date(days[0])}, {hours}: {self.say.own(lasts)}")
            else:
                told = self.words.rules["days"].format(
                    first=self.say.short_date(days[0]),
                    last=self.say.short_date(days[-1]),
                    count=len(days),
                    each=self.say.own(lasts),
                )
                lines.append(f"{told} ({hours})")
        if len(lines) > _SHOWN_ROWS:
            half = _SHOWN_ROWS // 2
            lines = [*lines[:half], "…", *lines[-half:]]
        return lines

    def _verdict(self, clock: ClockTold) -> str:
        verdicts = self.words.verdicts
        key = clock.state
        if clock.inherited:
            key = "inherited"
        elif clock.how == "annulled":
            key = "annulled"
        elif clock.state == "breached" and clock.how == "given_up":
            key = "breached_given_up"
        elif clock.state == "met" and clock.ended_at is not None and clock.whole_own_ms <= clock.used_own_ms:
            key = "met_told"
        return verdicts.get(key, clock.state).format(
            due=self.say.due(clock.due_at, clock.promised),
            ended="" if clock.ended_at is None else self.say.moment(clock.ended_at),
            late=self._missed(clock.late_own_ms, clock.late_ms, clock.promised),
            spare=self.say.own(max(clock.whole_own_ms - clock.used_own_ms, 0), clock.promised),
            left=self.say.own(max(clock.whole_own_ms - clock.used_own_ms, 0), clock.promised),
        )

    def _flags(self, clock: ClockTold) -> Iterator[str]:
        flags = self.words.flags
        if clock.promised.legal:
            yield flags["legal"]
        if clock.working_day is not None:
            yield flags["working_day" if clock.ended_at is not None else "working_day_now"].format(
                day=clock.working_day
            )
        if clock.recomputed_at is not None:
            yield flags["recomputed"].format(moment=self.say.moment(clock.recomputed_at))
        if clock.per_team:
            yield flags["per_team"]
        if len(clock.used_by) > 1:
            shares = (f"{team or '?'} {self.say.own(used, clock.promised)}" for team, used in clock.used_by)
            yield flags["used_by"].format(shares="; ".join(shares))
        if clock.retroactive:
            yield flags["escalated" if clock.escalated else "retroactive"]
        if clock.retracted:
            yield flags["retracted"]
        if clock.paused_ms:
            yield flags["paused"].format(paused=self.say.duration(clock.paused_ms))
        if clock.unanswered_pause_ms:
            yield flags["unanswered"].format(unanswered=self.say.duration(clock.unanswered_pause_ms))

    # Check

    def _check(self) -> Iterator[Block]:
        journal, checks = self.journal, self.words.checks
        if journal.differences:
            yield Block("bad", checks["differs"])
            for one in journal.differences:
                yield Block("row", self._difference(one), tone="bad")
        elif not journal.clocks:
            yield Block("text", checks["nothing"])
        elif journal.was_asked:
            yield Block("good", checks["agrees_asked"])
        else:
            key = "agrees" if len(journal.clocks) > 1 else "agrees_one"
            yield Block("good", checks[key].format(count=len(journal.clocks)))

    def _difference(self, one: Difference) -> str:
        key = "difference_asked" if self.journal.was_asked else "difference"
        shown = {name: self._value(one.column, getattr(one, name)) for name in ("reckoned", "folded", "stored")}
        return self.words.checks[key].format(clock=self._clock(one.metric, one.instance), column=one.column, **shown)

    def _value(self, column: str, value: Any) -> str:
        if isinstance(value, int) and column.endswith("_at"):
            return f"{self.say.local(value).isoformat(sep=' ', timespec='milliseconds')}"
        return f"{value} ms" if isinstance(value, int) and column.endswith("_ms") else str(value)

    # Words

    def _clock(self, metric: str, instance: int) -> str:
        name = self.words.metrics.get(metric, metric)
        several = sum(clock.metric == metric for clock in self.journal.clocks) > 1
        return self.words.instance.format(metric=name, instance=instance) if several else name

    def _promise(self, promised: Promised) -> str:
        promises = self.words.promises
        if promised.as_told:
            return promises["told"]
        if promised.working_days:
            key = "working_day" if promised.working_days == 1 else "working_days"
            return promises[key].format(days=promised.working_days)
        if promised.calendar:
            return promises["office"].format(target=self.say.own(promised.target_ms))
        return promises["elapsed"].format(target=self.say.duration(promised.target_ms))

    def _missed(self, own_ms: int, elapsed_ms: int, promised: Promised) -> str:
        if not promised.calendar:
            return self.say.duration(rounded(elapsed_ms))
        if own_ms == elapsed_ms:
            return self.words.missed_open.format(own=self.say.own(own_ms, promised))
        return self.words.missed.format(
            own=self.say.own(own_ms, promised), elapsed=self.say.duration(rounded(elapsed_ms))
        )

    def _facts(self, said: Mapping[str, Any], unshown: Iterable[str]) -> str:
        left = _UNSHOWN | set(unshown)
        parts = []
        for name, value in said.items():
            if name not in left:
                shown = self.say.moment(value) if name in _MOMENTS else self.words.values.get(str(value), str(value))
                is_direction = name == "kind" and self.journal.case.topic == CONTACTS
                label = self.words.labels["direction" if is_direction else name] if name in self.words.labels else name
                parts.append(f"{label}: {shown}")
        return "; ".join(parts)


def _tone(state: str) -> Literal["", "good", "bad"]:
    return "bad" if state in _BROKEN else "good" if state == "met" else ""


def _tone_of_mark(mark: Mark) -> Literal["", "good", "bad"]:
    return "bad" if mark.kind in _BAD else "good" if mark.kind in _GOOD else ""
