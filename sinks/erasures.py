"""Who was erased, as far as the database must know: what is about them is masked before it is stored.

Rows may be read again at any time, from the beginning even. Those of a customer who was erased since are masked then,
as a mutation masked them when it happened: nobody comes back.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

from clickhouse_driver import Client

from schemas.erasure import customer_hash, masked_subject
from sinks.clickhouse import InsertBlock

TABLE: Final = "erasures"
CaseKey = tuple[str, str, str]
"""topic, source, entity id"""

_HAPPENED: Final = {
    "feedback_events": "occurred_at",
    "cases": "last_event_at",
    "sla_clocks": "started_at",
    "incidents": "opened_at",
}
"""Table whose rows name a customer -> when what a row says was, ms: after an erasure they are another customer."""


class Erasures:
    """The customers who were erased and until when, and the cases that were theirs."""

    def __init__(self) -> None:
        self._moments: dict[int, int] = {}
        self._cases: set[CaseKey] = set()

    def __len__(self) -> int:
        return len(self._moments)

    def learn(self, erasures: Iterable[tuple[int, int]], cases: Iterable[CaseKey] = ()) -> None:
        """Takes in (hash of a customer, when they were erased in ms), and cases of theirs."""
        for customer, at in erasures:
            self._moments[customer] = max(at, self._moments.get(customer, at))
        self._cases.update(cases)

    def learn_from(self, block: InsertBlock) -> None:
        """Takes in what rows that are to be stored say of erasures."""
        if block.table == TABLE:
            self.learn(zip(block.column("customer"), block.column("erased_at"), strict=True))
        elif block.table == "cases" and "erased" in block.columns and any(erased := block.column("erased")):
            keys = zip(block.column("topic"), block.column("source"), block.column("entity_id"), strict=True)
            self._cases.update(key for key, one in zip(keys, erased, strict=True) if one)

    def mask(self, block: InsertBlock) -> None:
        """Masks rows about somebody who was erased; they get another token then."""
        if not self._moments:
            return
        if block.table == "rejected_events":
            masked = [row for row, got in enumerate(block.column("got")) if got and customer_hash(got) in self._moments]
            block.assign("got", dict.fromkeys(masked, ""))
        elif block.table in _HAPPENED:
            self._mask_customers(block)
            if block.table == "feedback_events":
                self._mask_anonymous(block)

    def _mask_customers(self, block: InsertBlock) -> None:
        named: Sequence[str] = block.column("customer_id")
        happened = block.column(_HAPPENED[block.table])
        until = cache(lambda one: self._moments.get(customer_hash(one), -1))
        theirs = {
            row: one
            for row, one in enumerate(named)
            if one and isinstance(one, str) and _is_up_to(happened[row], until(one))
        }
        if not theirs:
            return
        if block.table == "incidents":
            subjects = block.column("subject")
            block.assign("subject", {row: masked_subject(subjects[row], one) for row, one in theirs.items()})
        if block.table == "feedback_events":
            entities = block.column("entity_id")
            block.assign("entity_id", {row: "" for row, one in theirs.items() if entities[row] == one})
        self._blank(block, theirs)

    def _mask_anonymous(self, block: InsertBlock) -> None:
        """Events that name nobody, of a case that turned out to be of somebody who was erased."""
        columns = [block.column(name) for name in ("customer_id", "payload", "topic", "source", "entity_id")]
        rows = enumerate(zip(*columns, strict=True))
        self._blank(block, [row for row, (who, what, *key) in rows if not who and what and _key(key) in self._cases])

    def _blank(self, block: InsertBlock, rows: Iterable[int]) -> None:
        for name, nothing in (("customer_id", ""), ("payload", ""), ("erased", 1)):
            if name in block.columns:
                block.assign(name, dict.fromkeys(rows, nothing))


def _key(values: Sequence[object]) -> CaseKey:
    topic, source, entity_id = map(str, values)
    return topic, source, entity_id


def _is_up_to(happened: Any, moment: int) -> bool:
    return isinstance(happened, int) and happened <= moment


def load(client: Client, erasures: Erasures) -> None:
    """Takes in all that a database knows, blocking."""
    moments = client.execute(f"SELECT customer, toUnixTimestamp64Milli(max(erased_at)) FROM {TABLE} GROUP BY customer")
    erasures.learn(moments, client.execute("SELECT DISTINCT topic, source, entity_id FROM cases WHERE erased = 1"))
