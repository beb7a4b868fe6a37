"""`oidor demo`: the whole stream on one machine, on real logs and generated traffic, and what came of it.

Everything that the report says was read back: from ClickHouse, as a data team would, and from /metrics, as Prometheus
would.
"""

import shutil
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from clickhouse_driver import Client
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.cli.settings import load_settings
from deploy.cli.topics import create
from deploy.cli.whatif import HALF_THE_TIME, answered, asked
from deploy.cli.why import why
from deploy.clickhouse.migrate import migrate
from deploy.local.monitoring import Monitoring, missing
from deploy.local.ports import free_ports
from deploy.local.processes import ChildError
from deploy.local.stack import HOST, Service, Stack, fetch
from deploy.reading.whatif.report import in_short
from deploy.reading.why.why import as_text
from deploy.traffic.messages import Message
from deploy.traffic.publish import publish
from deploy.traffic.readers import cfpb, servicenow
from deploy.traffic.scenarios import DEMO, journeys
from processors.settings import Settings
from schemas.errors import OidorError
from sinks.clickhouse import Address, connect

GENERATED: Final = 8_000
"""Messages of generated traffic, over the eight hours before now: with their burst and their silent hour."""
HOURS: Final = 8
READY_SECONDS: Final = 60
SETTLED_SECONDS: Final = 120
_MARK: Final = "demo-home"


def run(home: Path, *, keep: bool, prometheus: bool, workers: int, seed: int, console: Console) -> bool:
    """Run the demonstration; returns whether every record is accounted for. Raises OidorError."""
    if prometheus:
        _require_monitoring(keep)
    _clear(home)
    published: Counter[str] = Counter()
    with Stack(home) as stack, ExitStack() as beside, _progress(console) as progress:
        settings = stack.settings(input_retention_days=-1)
        with _stage(console, progress, "topics and tables"):
            create(settings)
            migrate(settings)
        with _stage(console, progress, "worker, warehouse and board"):
            services = [*(stack.worker() for _ in range(workers)), stack.warehouse()]
            (board_port,) = free_ports(1)
            monitoring = _monitoring(home, services, board_port) if prometheus else None
            told = (monitoring.alerts_url,) if monitoring else ()
            board = stack.board(board_port=board_port, board_url=f"http://{HOST}:{board_port}", alertmanagers=told)
            for service in (*services, board):
                service.wait_ready(READY_SECONDS)
        if monitoring:
            with _stage(console, progress, "Prometheus and Alertmanager"):
                _watch(monitoring, beside)
        with _stage(console, progress, "real logs: ServiceNow 2016, CFPB 2017"):
            for log in (servicenow, cfpb):
                publish(_counted(log(), published), settings.brokers)
        with _stage(console, progress, f"{GENERATED} generated messages, the last {HOURS} h"):
            publish(_counted(_traffic(seed), published), settings.brokers)
        with _stage(console, progress, "everything read, decided and stored"):
            client = connect(Address.of(settings), 60, database=settings.clickhouse_database)
            settled = _settle(client, published)
        progress.stop()
        sound = report(client, services[:-1], published, settled, console)
        console.print(f"What if? {_what_if(settings)}", soft_wrap=True)
        console.rule("[bold]Why the worst breach reads as it does")
        console.print(_why(client, settings), highlight=False, markup=False, soft_wrap=True)
        if keep:
            _stay(stack, settings, services, board, monitoring, console)
    return sound


def _require_monitoring(keep: bool) -> None:
    if not keep:
        raise OidorError("--prometheus watches what is kept running: give --keep too")
    if lacking := missing():
        raise OidorError(lacking)


def _monitoring(home: Path, services: list[Service], board_port: int) -> Monitoring:
    """Not started yet: the board has to know where Alertmanager will be, and Prometheus where the board will."""
    targets = defaultdict(list, {"oidor-board": [f"{HOST}:{board_port}"]})
    for service in services:
        targets[f"oidor-{service.name.partition('-')[0]}"].append(urlsplit(service.ready_url).netloc)
    return Monitoring(home / "monitoring", targets)


def _watch(monitoring: Monitoring, beside: ExitStack) -> None:
    try:
        beside.enter_context(monitoring)
    except ChildError as error:
        raise OidorError(str(error)) from error


def _clear(home: Path) -> None:
    """Remove an earlier demonstration; leave a folder alone that is none."""
    if home.exists() and any(home.iterdir()):
        if not (home / _MARK).exists():
            raise OidorError(f"{home} is not empty and not of a demo: give another --home")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / _MARK).touch()


def _traffic(seed: int) -> Iterator[Message]:
    now = datetime.now(UTC)
    latest = now.timestamp() * 1000
    messages = journeys(DEMO, seed, now - timedelta(hours=HOURS), limit=GENERATED, rate=GENERATED / (HOURS * 3600))
    return (message for message in messages if message.timestamp_ms <= latest)


def _counted(messages: Iterable[Message], published: Counter[str]) -> Iterator[Message]:
    for message in messages:
        published[message.topic] += 1
        yield message


def _settle(client: Client, published: Counter[str]) -> bool:
    """Wait until the warehouse has all that was published, and the clocks have had their time."""
    deadline = time.monotonic() + SETTLED_SECONDS
    total = sum(published.values())
    while time.monotonic() < deadline:
        read, off = client.execute(
            "SELECT sum(records_read), sum(abs(difference_read) + abs(difference_stored) + abs(difference_rejected)) "
            "FROM v_reconciliation"
        )[0]
        if read == total and off == 0:
            time.sleep(3)  # the timers of all partitions have passed over what came last, and it is stored
            return True
        time.sleep(0.3)
    return False


def report(client: Client, workers: list[Service], published: Counter[str], settled: bool, console: Console) -> bool:
    """Print what the stream made of the messages; returns whether it adds up."""
    console.rule("[bold]What was heard")
    console.print(_events(client))
    reconciliation, sound = _reconciliation(client, published)
    console.print(reconciliation)
    console.rule("[bold]What was promised")
    console.print(_clocks(client))
    console.print(_incidents(client))
    console.print(_last_day(client))
    console.print(_queues(client))
    console.rule("[bold]What operations sees now")
    console.print(_metrics(workers))
    if not settled:
        console.print(f"[red]not everything had arrived after {SETTLED_SECONDS} s")
    verdict = "[green]every record is accounted for" if sound and settled else "[red]records are missing"
    console.print(f"[bold]{verdict}[/bold]")
    return sound and settled


def _what_if(settings: Settings) -> str:
    """What half of every target would have made of the generated hours; or why there is no answer."""
    where = {name: getattr(settings, name) for name in ("clickhouse_host", "clickhouse_port", "clickhouse_database")}
    try:
        return in_short(answered(asked(load_settings(**where), f"{HOURS}h", "", packs=(HALF_THE_TIME,))))
    except OidorError as error:
        return f"[red]{error}"


def _why(client: Client, settings: Settings) -> str:
    """The worst broken promise of the generated hours that was kept in the end, told as `oidor why` does."""
    rows = client.execute(
        "SELECT concat(topic, '/', source, '/', entity_id) FROM v_sla WHERE outcome = 'breached' AND open = 0"
        " AND inherited = 0 AND started_at > now() - INTERVAL 1 DAY"
        " ORDER BY overdue_elapsed_ms DESC, clock_id LIMIT 1"
    )
    if not rows:
        return "no promise was broken"
    where = {name: getattr(settings, name) for name in ("clickhouse_host", "clickhouse_port", "clickhouse_database")}
    return as_text(why(load_settings(**where), rows[0][0], at=None, zone="Europe/Madrid"))


def _events(client: Client) -> Table:
    return _table(
        "Events by kind and outcome",
        ("topic", "records", "accepted", "of these late", "duplicate", "rejected", "distinct events", "cases"),
        client.execute(
            "SELECT topic, sum(records_read), sum(accepted), sum(late), sum(duplicate), sum(rejected), "
            "any(events), any(entities) FROM v_reconciliation LEFT JOIN "
            "(SELECT topic, count() AS events, uniqExact(source, entity_id) AS entities FROM v_events GROUP BY topic) "
            "AS stored USING topic GROUP BY topic ORDER BY topic"
        ),
    )


def _reconciliation(client: Client, published: Counter[str]) -> tuple[Table, bool]:
    rows = client.execute(
        "SELECT topic, sum(records_read), sum(accepted), sum(duplicate), sum(rejected), sum(stored), sum(refused), "
        "sum(abs(difference_read) + abs(difference_stored) + abs(difference_rejected)) "
        "FROM v_reconciliation GROUP BY topic ORDER BY topic"
    )
    events = dict(client.execute("SELECT topic, count() FROM v_events GROUP BY topic"))
    shown = []
    sound = bool(rows)
    for topic, read, accepted, duplicate, rejected, stored, refused, difference in rows:
        closes = (
            read == published[topic]
            and read == accepted + duplicate + rejected
            and accepted == stored + refused == events.get(topic, 0) + refused
            and difference == 0
        )
        sound = sound and closes
        shown.append(
            (topic, published[topic], read, f"{accepted} + {duplicate} + {rejected}", events.get(topic, 0), closes)
        )
    columns = ("topic", "published", "read", "accepted + duplicate + rejected", "rows in v_events", "closes")
    return _table("Reconciliation", columns, shown), sound


def _clocks(client: Client) -> Table:
    return _table(
        "SLA clocks by policy",
        ("policy", "metric", "met", "breached", "of these open", "running", "cancelled", "retracted"),
        client.execute(
            "SELECT policy_id, metric, countIf(outcome = 'met'), countIf(outcome = 'breached'), "
            "countIf(state = 'breached_open'), countIf(outcome = 'running'), countIf(outcome = 'cancelled'), "
            "countIf(retracted = 1) FROM v_sla GROUP BY policy_id, metric ORDER BY policy_id, metric"
        ),
    )


def _incidents(client: Client) -> Table:
    return _table(
        "Incidents: the newest open ones of each pattern",
        ("pattern", "severity", "since (UTC)", "area", "customer", "case", "what happened"),
        client.execute(
            "SELECT concat(pattern, if(metric = '', '', ' '), metric), severity, "
            "formatDateTime(opened_at, '%m-%d %H:%i:%S', 'UTC'), area, customer_id, entity_id, summary "
            "FROM v_incidents WHERE state = 'open' AND severity != 'info' "
            "ORDER BY pattern, severity = 'critical' DESC, opened_at DESC, subject LIMIT 3 BY pattern"
        ),
    )


def _last_day(client: Client) -> Table:
    kpis = ", ".join(f"'{name}'" for name in _OF_THE_DAY)
    return _table(
        "The last 24 h: satisfaction, demand and service, with 95 % intervals",
        ("KPI", "value", "low", "high", "n"),
        client.execute(
            "SELECT kpi, round(value, 3), round(low, 3), round(high, 3), n FROM v_kpi_24h "
            f"WHERE dimension = 'all' AND kpi IN ({kpis}) "
            f"ORDER BY window_end DESC, indexOf([{kpis}], kpi) LIMIT 1 BY kpi"
        ),
    )


_OF_THE_DAY: Final = (
    "csat", "nps", "ces", "ces_easy", "failure_demand", "service_level", "queue_abandonment", "first_level_resolution",
    "reopen_rate", "upheld_rate",
)  # fmt: skip


def _queues(client: Client) -> Table:
    return _table(
        "The last 24 h: waits by queue",
        ("queue", "waits", "answered in time", "given up", "mean wait, s"),
        client.execute(
            "SELECT dimension_value, sumIf(n, kpi = 'service_level') AS waits, "
            "round(anyIf(value, kpi = 'service_level'), 3), round(anyIf(value, kpi = 'queue_abandonment'), 3), "
            "round(anyIf(value, kpi = 'average_speed_of_answer'), 1) "
            "FROM v_kpi_24h WHERE dimension = 'queue' AND dimension_value != '' "
            "AND window_end = (SELECT max(window_end) FROM v_kpi_24h) "
            "GROUP BY dimension_value HAVING waits > 0 ORDER BY waits DESC, dimension_value LIMIT 12"
        ),
    )


def _metrics(workers: list[Service]) -> Table:
    """Sum what /metrics of all workers shows over the labels that are left out."""
    totals: defaultdict[tuple[str, str], float] = defaultdict(float)
    for worker in workers:
        _, text = fetch(worker.ready_url.removesuffix("/ready") + "/metrics")
        for family in text_string_to_metric_families(text):
            shown = _SHOWN.get(family.name)
            for sample in family.samples if shown else ():
                if not sample.name.endswith("_created"):
                    totals[sample.name, " ".join(sample.labels[label] for label in shown or ())] += sample.value
    rows = [(name, labels, f"{value:g}") for (name, labels), value in sorted(totals.items()) if value]
    return _table("/metrics", ("metric", "by", "value"), rows)


_SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "feedback_events": ("topic",),
    "feedback_sla_outcomes": ("metric", "outcome"),
    "feedback_sla_at_risk": ("metric",),
    "feedback_sla_overdue": ("metric",),
    "feedback_incidents_open": ("pattern", "severity"),
}
"""metric family -> the labels that the report tells apart"""


def _table(title: str, columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(
            *(
                "" if value is None else "yes" if value is True else "NO" if value is False else str(value)
                for value in row
            )
        )
    return table


def _progress(console: Console) -> Progress:
    columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


class _stage:  # noqa: N801  read as a word where it is used
    """One line of progress, done when the block is left; into a pipe, the line as the block begins."""

    def __init__(self, console: Console, progress: Progress, description: str) -> None:
        self._progress = progress
        if not console.is_terminal:
            console.print(description, "...")
            console.file.flush()
        self._task = progress.add_task(description, total=1)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._progress.update(self._task, completed=1)


def _stay(
    stack: Stack,
    settings: Settings,
    services: list[Service],
    board: Service,
    monitoring: Monitoring | None,
    console: Console,
) -> None:
    console.print(f"\n[bold]Board       {board.ready_url.removesuffix('ready')}[/bold]")
    if monitoring:
        console.print(f"Prometheus  {monitoring.url}/alerts")
        console.print(f"Alertmanager {monitoring.alerts_url}")
    console.print(f"Kafka       {settings.brokers}")
    console.print(
        f"ClickHouse  {settings.clickhouse_host}:{settings.clickhouse_port}, database {settings.clickhouse_database}"
    )
    console.print(f"  over HTTP {settings.clickhouse_host}:{stack.clickhouse.http_port}, for BI tools")
    for service in services:
        console.print(f"{service.name:11} {service.ready_url.removesuffix('/ready')}/metrics")
    console.print("\nIn another terminal:")
    console.print(f"  export OIDOR_BROKERS={settings.brokers} OIDOR_CLICKHOUSE_PORT={settings.clickhouse_port}")
    oidor = sys.argv[0] if Path(sys.argv[0]).name == "oidor" else "oidor"
    columns = "opened_at, pattern, severity, state, summary"
    console.print(
        f'  {oidor} query "SELECT {columns} FROM v_incidents ORDER BY opened_at DESC LIMIT 5"', soft_wrap=True
    )
    console.print("\nCtrl-C ends it.", end="\n\n")
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
