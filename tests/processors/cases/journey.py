"""One contact and one complaint, their events, and what the warehouse shows of them; shared by tests of cases."""

from typing import Any

from schemas.kpis import COUNTS, SUMS
from tests.processors.feed import DAY, SECOND, Feed, Happening, event, rules
from tests.processors.views import Row, Views

RULES = rules(case_retention_days=30)
HUMAN = {"kind": "human"}


def opened(at: int = 0, **fields: Any) -> Happening:
    said = {"direction": "inbound", "channel": "email", "org_unit": "es/care/n1", "event_id": "opened", **fields}
    return event("contact.opened", "C1", at, **said)


def contact(what: str, at: int, **fields: Any) -> Happening:
    return event(f"contact.{what}", "C1", at, event_id=fields.pop("event_id", f"{what}.{at}"), **fields)


def complaint(what: str, at: int, **fields: Any) -> Happening:
    return event(f"complaint.{what}", "R1", at, event_id=fields.pop("event_id", f"{what}.{at}"), **fields)


def shown(*log: Happening, until: int = 2 * DAY) -> Views:
    feed, views = Feed(RULES), Views()
    feed.feed(*log)
    feed.until(until)
    views.insert(feed.checkpoint())
    return views


def case_of(*log: Happening) -> Row:
    (row,) = shown(*log).cases()
    return row


def totals(views: Views) -> Row:
    """Every accumulator that is not nothing, over all minutes."""
    found: Row = {}
    for row in views.kpis():
        if row["dimension"] == "all":
            for name in (*COUNTS, *SUMS):
                found[name] = found.get(name, 0) + row[name]
    return {name: amount for name, amount in found.items() if amount}


JOURNEY = [
    opened(),
    contact("queued", 0, queue="q", seq=1),
    contact("assigned", 10 * SECOND, owner="ana"),
    contact("answered", 20 * SECOND, actor=HUMAN),
    contact("transferred", 40 * SECOND, **{"from": "n1", "to": "n2"}),
    contact("resolved", 50 * SECOND, resolution="solved", talk_seconds=20),
]
