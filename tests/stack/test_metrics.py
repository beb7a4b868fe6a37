"""What a real worker and a real warehouse export of a few calls, and the reconciliation of a real database."""

import time
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local.stack import Service, fetch
from deploy.traffic.messages import Message, encode, rfc3339
from processors.settings import Settings
from schemas.topics import CONTACTS
from sinks.metrics.family import SERIES_MAX
from sinks.reconciliation import gaps
from tests.stack.running import installed

pytestmark = pytest.mark.stack

CALLS: Final = 10


def called(number: int, event_type: str, at: int, **said: Any) -> Message:
    """An event of a call, whose record keeps its moment, as those of a mirror do."""
    event = {
        "event_id": f"{number}-{event_type}", "event_type": f"contact.{event_type}", "schema_version": "1.0",
        "source": "crm", "occurred_at": rfc3339(at), "entity_id": f"C{number}", "customer": {"id": f"c{number}"},
        **said,
    }  # fmt: skip
    return Message(CONTACTS, f"c{number}", encode(event), at)


def exported(service: Service) -> dict[str, float]:
    _, text = fetch(service.ready_url.removesuffix("/ready") + "/metrics")
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {series: float(value) for series, _, value in lines}


def test_attainment_of_a_mirror_that_is_behind_is_right_and_nothing_is_missing(
    settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        worker, warehouse = oidor.start("worker"), oidor.start("warehouse")
        at = time.time_ns() // 1_000_000
        opened = [called(n, "opened", at, channel="phone", direction="inbound") for n in range(CALLS)]
        oidor.publish([*opened, *(called(n, "queued", at, queue="q") for n in range(CALLS))])
        time.sleep(28)  # a promise of 20 s, and its grace
        answered = [called(n, "answered", at + 5_000, actor={"kind": "human"}) for n in range(CALLS)]
        oidor.settle(2 * CALLS + oidor.publish(answered))

        found = exported(worker)

        of = 'metric="answer"{}policy="default",priority="normal"'
        met, breached = (
            found["feedback_sla_outcomes_total{" + of.format(f',outcome="{outcome}",') + "}"]
            for outcome in ("met", "breached")
        )
        withdrawn = found["feedback_sla_withdrawn_total{" + of.format(",") + "}"]
        assert (met, breached, withdrawn) == (CALLS, CALLS, CALLS)
        assert oidor.ask("SELECT countIf(state = 'met'), count() FROM v_sla WHERE metric = 'answer'") == [
            (CALLS, CALLS)
        ]
        assert found['feedback_rolling_attainment_ratio{area="",window="1h"}'] == 1
        assert time.time() - found['feedback_source_last_arrival_timestamp_seconds{source="crm"}'] < 120
        assert time.time() - found["feedback_timer_last_run_timestamp_seconds"] < 10
        assert found["feedback_partitions_expected"] == settings.partitions
        assert exported(warehouse)['feedback_sink_lag_seconds{sink="clickhouse"}'] < 10
        for service in (worker, warehouse):
            assert len(exported(service)) < SERIES_MAX
            assert not [series for series in exported(service) if "_created" in series]

        database = settings.clickhouse_database
        assert gaps(oidor.client(), database) == {}
        oidor.ask("ALTER TABLE feedback_events DELETE WHERE entity_id = 'C1' SETTINGS mutations_sync = 1")
        ((key, missing),) = gaps(oidor.client(), database).items()
        assert (key[0], key[-1], missing) == (CONTACTS, "difference_stored", 3)
