"""`oidor rebuild` beside a running installation: what somebody wrote into the KPIs goes, and what is right stays."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.traffic.scenarios import STORM_LOG, journeys
from processors.settings import Settings
from tests.stack.running import Installation, command, installed

pytestmark = pytest.mark.stack

EVENTS = 3_000
SETTINGS = {"partitions": 2, "kpi_memory": 3600}
LONG_AGO = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=20)
LATER = LONG_AGO + timedelta(hours=12)
WITHIN = f"BETWEEN '{LONG_AGO:%Y-%m-%d %H:%M:%S}' AND '{LATER - timedelta(minutes=15):%Y-%m-%d %H:%M:%S}'"
SPAN = ("--from", LONG_AGO.isoformat(), "--to", LATER.isoformat())
KPIS = ("v_kpi_minute", "v_kpi_quarter_hour")
KEPT = (
    "SELECT toStartOfFifteenMinutes(occurred_at) FROM feedback_events"
    " WHERE (topic, source, entity_id) IN (SELECT topic, source, entity_id FROM cases WHERE erased = 1)"
    " UNION ALL SELECT toStartOfFifteenMinutes(arrayJoin([started_at, due_at, ifNull(stopped_at, due_at)]))"
    " FROM sla_clocks WHERE erased = 1"
)
"""Where customers who were erased counted: that stays as it is."""


def kpis(oidor: Installation) -> dict[str, list[tuple[Any, ...]]]:
    """What is counted, but for what was counted and taken back."""
    return {view: [row for row in oidor.rows(view) if any(row[4:])] for view in KPIS}


def test_kpis_that_were_written_wrongly_are_counted_anew_while_workers_run(settings: Settings, tmp_path: Path) -> None:
    with installed(settings, tmp_path) as oidor:
        oidor.start("worker")
        oidor.start("warehouse")
        oidor.publish(journeys(STORM_LOG, 5, LONG_AGO, limit=EVENTS, rate=EVENTS / 86_400))
        oidor.settle(EVENTS)
        for more in (1, 2):  # checkpoints, as what is written wrongly below has the version after its own
            oidor.publish(journeys(STORM_LOG, 5 + more, LONG_AGO + timedelta(days=more), limit=100, rate=1))
            oidor.settle(EVENTS + 100 * more)
        right = kpis(oidor)

        nothing = command(settings, "rebuild", *SPAN)
        assert (nothing.returncode, "nothing to write" in nothing.stdout) == (0, True), nothing.stdout + nothing.stderr

        wrong = "version + 1 AS version, contacts_opened + 5 AS contacts_opened"
        for table, moment in (("kpi_partials", "minute"), ("kpi_quarter_hours", "quarter_hour")):
            names = ", ".join(name for name, _, kind, *_ in oidor.ask(f"DESCRIBE TABLE {table}") if not kind)
            oidor.ask(
                f"INSERT INTO {table} ({names}) SELECT {names} FROM (SELECT * REPLACE ({wrong}) FROM {table} FINAL"
                f" WHERE dimension = 'all' AND revision = 0 AND contacts_opened > 0 AND {moment} {WITHIN}"
                f" AND toStartOfFifteenMinutes({moment}) NOT IN ({KEPT}) LIMIT 20)"
            )
        assert kpis(oidor) != right

        told = command(settings, "rebuild", *SPAN, "--dry-run")
        assert "would be written" in told.stdout, told.stdout + told.stderr
        done = command(settings, "rebuild", *SPAN)
        assert "written, with the quarter-hours" in done.stdout, done.stdout + done.stderr
        assert kpis(oidor) == right

        too_new = command(settings, "rebuild", "--from", "30d", "--to", "1h")
        assert (too_new.returncode, "in memory" in too_new.stderr) == (2, True), too_new.stdout + too_new.stderr
