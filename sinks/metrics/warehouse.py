"""Families of `oidor warehouse`."""

import time
from typing import Final, get_args

from schemas.outputs import COLUMNS
from schemas.taxonomy import ActionKind
from sinks.metrics.family import Counter, Family, Gauge, Histogram, Label, closed
from sinks.metrics.registry import Metrics

_SINK: Final = closed("sink", ("clickhouse",))
_TABLE: Final = Label("table", "the tables of the database, and `row_batch`", 50)

SINK_ATTEMPTS: Final = Counter(
    "sink_batches", "Attempts to insert.", (_SINK, closed("result", ("inserted", "refused", "failed")))
)
ACTION_OUTCOMES: Final = (*get_args(ActionKind), "rejected")
ACTIONS: Final = Counter(
    "actions", "What people did, as it was read; `rejected`: what is none.", (closed("action", ACTION_OUTCOMES),)
)
SINK_ROWS: Final = Counter("sink_rows", "Rows inserted.", (_TABLE,))
SINK_REFUSED: Final = Counter(
    "sink_refused_rows", "Rows, or whole row batches, that ClickHouse or we could not take.", (_TABLE,)
)
SINK_REFUSING: Final = Gauge(
    "sink_table_refuses", "1 while a table refuses what it took before: nothing is inserted, all rows wait.", (_TABLE,)
)
SINK_NEWER: Final = Gauge(
    "sink_newer_partitions", "Partitions of feedback-rows that wait for a newer release of the warehouse.", (_SINK,)
)
SINK_PENDING: Final = Gauge("sink_pending", "Rows gathered and not inserted yet.", (_SINK,), unit="rows")
SINK_LAG: Final = Gauge(
    "sink_lag", "Age of the oldest rows that were read and are not stored yet, since their checkpoint; 0 without any.",
    (_SINK,), unit="seconds",
)  # fmt: skip
SINK_WRITE: Final = Histogram(
    "sink_write", "One attempt to insert.", (_SINK,), unit="seconds",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
SINK_LAST_INSERT: Final = Gauge(
    "sink_last_insert_timestamp",
    "Unix time of the last insert; before the first, of the start.",
    (_SINK,),
    unit="seconds",
)
RECONCILIATION_GAP: Final = Gauge(
    "reconciliation_gap",
    "Records of yesterday and today that are not accounted for, at three looks in a row, a minute apart: "
    "v_reconciliation says which.",
    unit="records",
)
RECONCILED: Final = Gauge(
    "reconciliation_last_run_timestamp", "Unix time of the last look at the reconciliation; 0 before.", unit="seconds"
)

FAMILIES: Final[tuple[Family, ...]] = (
    ACTIONS, SINK_ATTEMPTS, SINK_ROWS, SINK_REFUSED, SINK_REFUSING, SINK_NEWER, SINK_PENDING, SINK_LAG, SINK_WRITE,
    SINK_LAST_INSERT, RECONCILIATION_GAP, RECONCILED,
)  # fmt: skip


class WarehouseMetrics(Metrics):
    """The metrics of a warehouse."""

    def __init__(self) -> None:
        super().__init__(FAMILIES)
        for sink in ("clickhouse",):
            for result in ("inserted", "refused", "failed"):
                self.begin(SINK_ATTEMPTS, sink, result)
            self.set(SINK_LAST_INSERT, time.time(), sink)
        for table in COLUMNS:
            self.begin(SINK_ROWS, table)
            self.begin(SINK_REFUSED, table)
        self.begin(SINK_REFUSED, "row_batch")
