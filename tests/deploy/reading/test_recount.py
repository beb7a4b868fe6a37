"""The stored events of any log, counted anew, come to what the stream has counted."""

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.reading.rebuild.recount import Recount
from deploy.reading.stored import StoredEvent
from processors.rules import Rules
from schemas.outputs import PARTIAL_COLUMNS, partials_in_full
from tests.laws.disturbances import END, EVERY_CLOCK, in_any_batches, law
from tests.laws.journeys import logs
from tests.processors.feed import DAY, MINUTE, T0, Happening, rules
from tests.processors.views import Row, Views

RULES = rules(policies=(EVERY_CLOCK,), kpi_memory=3600)
_AMOUNTS_FROM = PARTIAL_COLUMNS.index("definition_version") + 1


def stored(views: Views) -> list[StoredEvent]:
    """The events of the database, as their records arrived."""
    rows = sorted(views.table("feedback_events"), key=lambda row: (row["record_at"], row["topic"], row["offset"]))
    said = {"timestamp": "record_at"}
    return [StoredEvent._make(row[said.get(name, name)] for name in StoredEvent._fields) for row in rows]


def counted(views: Views, by: Rules, begin: int, end: int) -> dict[Any, Any]:
    """Key of a minute -> its amounts, of what a recount of the stored events adds up."""
    recount = Recount(0, by, begin, end, ())
    found: dict[Any, Counter[Any]] = defaultdict(Counter)
    for rows in recount.rows(stored(views), T0 + END):
        for minute, dimension, value, topic, *rest in partials_in_full(rows, PARTIAL_COLUMNS):
            found[minute, dimension, value, topic].update(flat(rest[_AMOUNTS_FROM - 4 :]))
    return only_something(found)


def flat(amounts: list[Any]) -> dict[Any, int]:
    """Amounts by place; those of a histogram by place and bucket."""
    found: dict[Any, int] = {}
    for place, amount in enumerate(amounts):
        buckets = amount if isinstance(amount, dict) else {"": amount}
        found |= {(place, bucket): count for bucket, count in buckets.items()}
    return found


def only_something(found: dict[Any, Any]) -> dict[Any, Any]:
    amounts = {key: {place: amount for place, amount in of.items() if amount} for key, of in found.items()}
    return {key: of for key, of in amounts.items() if of}


def of_stream(rows: list[Row], begin: int, end: int) -> dict[Any, Any]:
    key = ("minute", "dimension", "dimension_value", "topic")
    within = [row for row in rows if begin <= row["minute"] < end]
    return only_something(
        {tuple(row[name] for name in key): flat(list(row.values())[_AMOUNTS_FROM:]) for row in within}
    )


@settings(law, max_examples=40)
@given(logs(), st.data())
def test_whatever_was_stored_of_a_log_comes_to_what_was_counted(log: list[Happening], data: st.DataObject) -> None:
    late = st.sampled_from([0, 0, MINUTE, 2 * DAY, 20 * DAY])
    arrivals = [replace(one, record_at=one.record_at + data.draw(late)) for one in log]
    views = in_any_batches(sorted(arrivals, key=lambda one: one.record_at), RULES, data)
    begin = T0 + data.draw(st.integers(0, 6)) * DAY
    end = begin + data.draw(st.integers(1, 40)) * DAY

    assert counted(views, RULES, begin, end) == of_stream(views.kpis(), begin, end)
