"""What happens to durable partitions, as it is exported."""

from schemas.topics import CONTACTS
from sinks.metrics.durability import FAMILIES, DurabilityWatch
from sinks.metrics.registry import Metrics


def test_what_happens_and_how_it_stands_is_exported_without_a_series_of_one_partition() -> None:
    metrics = Metrics(FAMILIES)
    watch = DurabilityWatch(metrics, [CONTACTS], partitions=12)

    watch.committed(0.2, delta_bytes=300)
    watch.published("feedback-rows", 200)
    watch.failed(ours=True)
    watch.failed(ours=False)
    watch.seek_back(CONTACTS, "gap")
    watch.deleted(CONTACTS, 5)
    watch.partitions(ready=3, halted=1, opening=2, recovered=False)
    watch.reading(CONTACTS, lag=40, held_open=True)
    watch.watermark(CONTACTS, lag=1.5)
    watch.ahead(-0.5)
    watch.timers(7.5)
    watch.clock(ahead=-3, agrees=True)

    exported = {
        (sample.name.removeprefix("feedback_"), *sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name.startswith("feedback_")
    }
    assert metrics.isolated_errors() == {}
    assert {key: exported[key] for key in EXPECTED} == EXPECTED
    assert not any(label.name == "partition" for family in FAMILIES for label in family.labels)


EXPECTED = {
    ("checkpoints_total", "committed"): 1,
    ("checkpoints_total", "failed_ours"): 1,
    ("checkpoints_total", "failed"): 1,
    ("checkpoint_seconds_count",): 1,
    ("checkpoint_bytes_total", "state"): 300,
    ("checkpoint_bytes_total", "feedback-rows"): 200,
    ("rereads_total", CONTACTS): 1,
    ("input_deleted_total", CONTACTS): 5,
    ("partitions", "ready"): 3,
    ("partitions", "halted"): 1,
    ("partitions", "opening"): 2,
    ("state_recovered",): 0,
    ("consumer_lag_events", CONTACTS): 40,
    ("upstream_transaction_held_open", CONTACTS): 1,
    ("partitions_expected",): 12,
    ("timer_last_run_timestamp_seconds",): 7.5,
    ("watermark_lag_seconds", CONTACTS): 1.5,
    ("watermark_ahead_seconds",): -0.5,
    ("clock_ahead_seconds",): -3,
    ("clock_agrees",): 1,
}
