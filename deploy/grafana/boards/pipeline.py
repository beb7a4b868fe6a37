"""6: whether Oidor itself works: the order is that in which one looks at three in the morning."""

from typing import Final

from deploy.grafana.frame import Board
from deploy.grafana.panels import NONE_IS_GOOD, Steps, lines, number, ranking
from deploy.grafana.queries import PROMETHEUS, promql, promql_now

_ALL: Final[Steps] = ((None, "red"), (1, "green"))

_NOW: Final = (
    number("Processes up", "percentunit", promql('avg(up{job=~"oidor-.*"})'),
           "Processes that answer Prometheus, of those that it knows.", steps=_ALL, decimals=0),
    number("Partitions ready", "percentunit",
           promql('sum(feedback_partitions{state="ready"}) / max(feedback_partitions_expected)'),
           "Partitions that a worker reads, of those that there are.", steps=_ALL, decimals=0),
    number("Kafka silent for", "s", promql("max(time() - (feedback_broker_last_answer_timestamp_seconds > 0))"),
           "Of the process that has heard nothing of Kafka for longest.",
           steps=((None, "green"), (15, "red")), decimals=0),
    number("Behind by", "s", promql("max(feedback_watermark_lag_seconds)"),
           "Time at the broker less the watermark of the slowest partition: what happened since is not decided yet.",
           steps=((None, "green"), (15, "orange"), (60, "red")), decimals=0),
    number("ClickHouse behind by", "s", promql("max(feedback_sink_lag_seconds)"),
           "For how long the oldest row that was read waits to be inserted. Detection and pages do not wait for it.",
           steps=((None, "green"), (60, "orange"), (120, "red")), decimals=0),
    number("Failures of ours, last hour", "short",
           promql("(sum(increase(feedback_processing_errors_total[1h])) or vector(0))"
                  " + (sum(increase(feedback_isolated_errors_total[1h])) or vector(0))"),
           "Records that our own code failed on, and parts that cost their own result. One is too many.",
           steps=NONE_IS_GOOD, decimals=0),
)  # fmt: skip

_INPUT: Final = (
    lines("Records read", "reqps",
          promql("sum by (topic) (rate(feedback_events_total[$__rate_interval]))", "{{topic}}"),
          "Records a second, by topic, whatever became of them.", stacked=True),
    lines("Not accepted, last hour", "short",
          promql("sum by (reason) (increase(feedback_rejections_total[1h])) > 0", "{{reason}}"),
          "Records of the hour before each point, by reason. Each is on feedback-rejected with its field.", least=0),
    ranking("Silent for, by source", "s",
            promql_now("topk(10, time() - max by (source) (feedback_source_last_arrival_timestamp_seconds))",
                       "{{source}}"),
            "Since the last accepted record of a source, the longest first. How long it may be, its publisher knows."),
    lines("Warned, by source", "short",
          promql("sum by (source) (increase(feedback_event_warnings_total[1h])) > 0", "{{source}}"),
          "Oddities of accepted records of the hour before each point. The list of oddities is in v_events.", least=0),
    lines("Own timers ran", "s", promql("max(time() - (feedback_timer_last_run_timestamp_seconds > 0))", "longest ago"),
          "Since deadlines were looked at last, in the partition where that is longest ago. Over 30 s nothing that is"
          " due is found.", steps=((None, "green"), (30, "red")), least=0),
    ranking("Share not accepted, by source", "percentunit",
            promql_now(
                'topk(10, sum by (source) (increase(feedback_events_total{outcome="rejected"}[$__range]))'
                " / (sum by (source) (increase(feedback_events_total[$__range])) > 0))",
                "{{source}}",
            ),
            "Of the whole range. Over 5 % its publisher should hear of it.",
            steps=((None, "green"), (0.01, "orange"), (0.05, "red"))),
)  # fmt: skip

_TIME: Final = (
    lines("Behind", "s",
          [promql("max by (topic) (feedback_watermark_lag_seconds)", "{{topic}}, slowest partition"),
           promql("max(feedback_sink_lag_seconds)", "ClickHouse, oldest row", ref="B")],
          "How far detection, and how far the database lies behind.", steps=((None, "green"), (60, "red"))),
    lines("Consumer lag", "short", promql("sum by (topic) (feedback_consumer_lag_events)", "{{topic}}"),
          "Records on the broker that were not taken in yet.", least=0),
    lines("Timers late by", "s",
          promql("histogram_quantile(0.99, sum by (le) (rate(feedback_timer_delay_seconds_bucket[$__rate_interval])))",
                 "p99"),
          "How much later than planned the timers ran that find what is due: our event loop was held.", least=0),
)  # fmt: skip

_CHECKPOINTS: Final = (
    lines("Checkpoint takes", "s",
          [promql(
              f"histogram_quantile({q}, sum by (le) (rate(feedback_checkpoint_seconds_bucket[$__rate_interval])))",
              f"p{round(100 * q)}", ref=ref) for ref, q in (("A", 0.5), ("B", 0.99))],
          "From building a checkpoint until its transaction is committed.", least=0),
    lines("Checkpoints by result", "cpm",
          promql("60 * sum by (result) (rate(feedback_checkpoints_total[$__rate_interval]))", "{{result}}"),
          "Transactions of partitions a minute, by result. A failed one is made again by opening the partition anew.",
          least=0),
    lines("Checkpoints write", "Bps",
          promql("sum by (kind) (rate(feedback_checkpoint_bytes_total[$__rate_interval]))", "{{kind}}"),
          "Bytes a second, by what is written.", stacked=True),
)  # fmt: skip

_STATE: Final = (
    ranking("How full each bound is", "percentunit",
            promql_now("max by (kind) (feedback_state_entries) / max by (kind) (feedback_state_bound)", "{{kind}}"),
            "Entries of the fullest partition over those that it may have. Over 90 % raise the bound.",
            steps=((None, "green"), (0.75, "orange"), (0.9, "red")), most=1),
    lines("Partitions", "short", promql("sum by (state) (feedback_partitions)", "{{state}}"),
          "Partitions by state: opening ones do not decide, halted ones wait for another release.", stacked=True),
    lines("Partition opens within", "s",
          promql("histogram_quantile(0.9, sum by (le) (feedback_state_open_seconds_bucket))", "p90"),
          "From beginning to open a partition until it is ready, since the processes started.", least=0),
)  # fmt: skip

_DATABASE: Final = (
    lines("Insert takes", "s",
          [promql(f"histogram_quantile({q}, sum by (le) (rate(feedback_sink_write_seconds_bucket[$__rate_interval])))",
                  f"p{round(100 * q)}", ref=ref) for ref, q in (("A", 0.5), ("B", 0.99))],
          "One attempt to insert.", least=0, width=6),
    number("Records without a row", "short", promql("max(feedback_reconciliation_gap_records)"),
           "Records read of which neither a row nor a rejection is stored, or a row too many: v_reconciliation says"
           " which. Anything but 0 is a loss, or an insert that is still to come.", steps=NONE_IS_GOOD, height=8),
    lines("Rows inserted", "cpm",
          promql("60 * sum by (table) (rate(feedback_sink_rows_total[$__rate_interval]))", "{{table}}"),
          "Rows a minute, by table.", stacked=True, width=7),
    lines("Waiting and refused", "short",
          [promql("sum(feedback_sink_pending_rows)", "gathered, not inserted yet"),
           promql("sum(increase(feedback_sink_refused_rows_total[1h])) or vector(0)", "refused in the last hour",
                  ref="B")],
          "Rows that wait are in Kafka, too. One that is refused is on feedback-rejected as sink_refused.", least=0,
          width=7),
)  # fmt: skip

_MACHINES: Final = (
    lines("CPU", "percentunit",
          promql('rate(process_cpu_seconds_total{job=~"oidor-.*"}[$__rate_interval])', "{{job}} {{instance}}"),
          "Cores in use, by process. A worker has one.", steps=((None, "green"), (0.9, "red")), least=0),
    lines("Memory", "bytes", promql('process_resident_memory_bytes{job=~"oidor-.*"}', "{{job}} {{instance}}"),
          "Resident memory, by process.", least=0),
    lines("Clock ahead of the broker's", "s", promql("feedback_clock_ahead_seconds", "{{instance}}"),
          "Over a minute the worker holds time until one of the two clocks is put right."),
)  # fmt: skip

BOARD: Final = Board(
    uid="pipeline",
    title="6 Pipeline health",
    says="Whether Oidor itself works. From Prometheus alone.",
    rows={
        "Now": _NOW,
        "Input": _INPUT,
        "Time": _TIME,
        "Checkpoints": _CHECKPOINTS,
        "State": _STATE,
        "Database": _DATABASE,
        "Machines": _MACHINES,
    },
    values_from=PROMETHEUS,
    since="now-1h",
    refresh="10s",
)
