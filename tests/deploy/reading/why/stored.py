"""What a database would hold of a log, without one: the records of each case, as `records.read` gives them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deploy.reading.stored import CaseKey, StoredEvent
from deploy.reading.why.records import Heard, Records, Row, Text, in_order_of_arrival, links_in, named_in
from tests.processors.feed import Feed, Happening
from tests.processors.views import Views

_CALLED = {"timestamp": "record_at"}
"""Field of a stored event -> its column."""


class Stored:
    """What is stored once a feed has heard a log, and has come to a moment."""

    def __init__(self, feed: Feed, views: Views) -> None:
        self.feed, self.views = feed, views

    @classmethod
    def of(cls, feed: Feed, log: Iterable[Happening], until: int) -> "Stored":
        """Feed a log, let time pass to T0 + `until` ms, and store what a worker writes."""
        views = Views()
        feed.feed(*log)
        views.insert(feed.checkpoint())
        feed.until(until)
        views.insert(feed.checkpoint())
        return cls(feed, views)

    def go_on(self, log: Iterable[Happening], until: int) -> None:
        """Hear more, to a later moment."""
        self.feed.feed(*log)
        self.feed.until(until)
        self.views.insert(self.feed.checkpoint())

    def records(self) -> Iterator[Records]:
        """Of every case of which an event is stored."""
        of_case: dict[CaseKey, list[Heard]] = {}
        for row in self.views.table("feedback_events"):
            heard = _heard(row)
            if heard.event.entity_id:
                of_case.setdefault(heard.event.case, []).append(heard)
        clocks, cases, texts = self._clocks(), self._cases(), self._texts()
        (watermark,) = self.views.table("watermarks")
        greatest: dict[str, int] = {}
        for row in self.views.table("feedback_events"):
            greatest[row["topic"]] = max(row["record_at"], greatest.get(row["topic"], 0))
        for key, group in _related(of_case).items():
            events = in_order_of_arrival(heard for other in group for heard in of_case[other])
            yield Records(
                key=key,
                partition=0,
                events=events,
                clocks=clocks.get(key, ()),
                case=cases.get(key),
                read_to_at=watermark["read_to_at"],
                greatest_at=greatest[key[0]],
                erased=any(heard.event.erased for heard in of_case[key]) or bool(cases.get(key, {}).get("erased")),
                texts=texts,
            )

    def of_case(self, entity_id: str) -> Records:
        """The records of the one case of that name."""
        (found,) = (records for records in self.records() if records.key[2] == entity_id)
        return found

    def _clocks(self) -> dict[CaseKey, list[Row]]:
        (watermark,) = self.views.table("watermarks")
        found: dict[CaseKey, list[Row]] = {}
        for row in self.views.clocks():
            key = row["topic"], row["source"], row["entity_id"]
            found.setdefault(key, []).append({**_as_late_as_it_is(row, watermark), "last_recorded_at": 0, "version": 1})
        return found

    def _cases(self) -> dict[CaseKey, Row]:
        return {(row["topic"], row["source"], row["entity_id"]): {**row, "version": 1} for row in self.views.cases()}

    def _texts(self) -> list[Text]:
        rows = self.views.table("policy_texts")
        return [
            Text(row["kind"], row["name"], row["text_version"], row["digest"], row["text"], row["first_seen"])
            for row in sorted(rows, key=lambda row: int(row["first_seen"]))
        ]


def _heard(row: Mapping[str, Any]) -> Heard:
    event = StoredEvent._make(row[_CALLED.get(name, name)] for name in StoredEvent._fields)
    return Heard(event, row["event_id"], row["late"], row["warnings"])


def _as_late_as_it_is(row: Row, watermark: Row) -> Row:
    """A breach that is open gets later with time: see `v_sla`."""
    if row["state"] != "breached_open":
        return row
    elapsed = overdue = max(watermark["read_to_at"] - row["due_at"], 0)
    if row["calendar"]:
        counted = watermark["business_ms"][f"{row['calendar']} {row['calendar_version']}"]
        overdue = max(counted - row["due_business_ms"], 0)
    return {**row, "overdue_ms": overdue, "overdue_elapsed_ms": elapsed}


def _related(of_case: Mapping[CaseKey, list[Heard]]) -> dict[CaseKey, set[CaseKey]]:
    """The cases that bear on each: those that any merge or survey connects."""
    groups = {key: {key} for key in of_case}
    named = [(key, other) for key, heard in of_case.items() for other in named_in(heard, key)]
    by_name: dict[tuple[str, str], list[CaseKey]] = {}
    for key in of_case:
        by_name.setdefault((key[0], key[2]), []).append(key)
    for key, heard in of_case.items():
        named += [(key, other) for link in links_in(heard) for other in by_name.get(link, ())]
    for one, other in named:
        if other in groups and groups[one] is not groups[other]:
            joined = groups[one] | groups[other]
            groups |= dict.fromkeys(joined, joined)
    return groups
