"""`oidor`: the commands of the product. What a user can put right ends in one line and exit code 2, no traceback."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.table import Table

from processors.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer feedback as a stream: promises watched, failures named. Settings: environment variables OIDOR_*.",
)
topics_app = typer.Typer(no_args_is_help=True, help="The Kafka topics: create what is missing, check what is there.")
app.add_typer(topics_app, name="topics")
policies_app = typer.Typer(no_args_is_help=True, help="SLA policy packs: are they right, and what do they promise?")
app.add_typer(policies_app, name="policies")

MISTAKE = 2
"""Exit code of what a user can put right."""

P = ParamSpec("P")
T = TypeVar("T")


class UserError(Exception):
    """What a user can put right; one line."""


def main() -> None:
    """The console script."""
    app()


def plainly(command: Callable[P, T]) -> Callable[P, T]:
    """Let a command end in one line where the user, the broker or the database is at fault."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except Exception as error:
            line = _plain_line(error)
            if line is None:
                raise
            print(f"oidor: {line}", file=sys.stderr)
            raise typer.Exit(MISTAKE) from error

    return run


def _plain_line(error: Exception) -> str | None:
    """The line for an error that is not ours; None for one that is."""
    from deploy.cli.erase import EraseError
    from deploy.cli.policies import PolicyToolError
    from deploy.cli.replay.replay import ReplayError
    from deploy.cli.topics import TopicError
    from deploy.clickhouse.migrate import MigrationError
    from deploy.local.kafka.jars import JarsError
    from deploy.local.processes import ChildError
    from deploy.traffic.publish import PublishError
    from deploy.traffic.readers import LogError
    from processors.rules import RulesError

    ours = (
        UserError, TopicError, MigrationError, RulesError, PublishError, LogError, ChildError, JarsError, ReplayError,
        PolicyToolError, EraseError,
    )  # fmt: skip
    return " ".join(str(error).split()) if isinstance(error, ours) else None


def settings_of(**others: Any) -> Settings:
    """The settings of this process; raises `UserError` that names the first wrong one."""
    try:
        return Settings(**others)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"][:1]).upper()
        raise UserError(f"OIDOR_{name}={first['input']!r}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error
    except SettingsError as error:
        raise UserError(f"settings: {error}") from error


def _console() -> Console:
    """A pipe has no width: the tables need more than the 80 columns that are taken for it then."""
    return Console() if sys.stdout.isatty() else Console(width=150)


@app.command()
@plainly
def demo(
    home: Annotated[
        Path, typer.Option(help="where the demo keeps its data; what an earlier one left is removed")
    ] = Path(".oidor/demo"),
    keep: Annotated[bool, typer.Option("--keep", help="leave it running and print the addresses")] = False,
    workers: Annotated[int, typer.Option(min=1, max=12, help="worker processes")] = 1,
    seed: Annotated[int, typer.Option(help="of the generated traffic")] = 7,
) -> None:
    """All of it on this machine: Kafka, ClickHouse, worker, warehouse, real logs and traffic, and a report."""
    from deploy.cli import demo as show

    sound = show.run(home, keep=keep, workers=workers, seed=seed, console=_console())
    raise typer.Exit(0 if sound else 1)


@app.command()
@plainly
def worker(
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="worker processes, started again when they die; their pages on consecutive ports from "
            "OIDOR_WORKER_PORT, without the warehouse's; none: work in this process",
        ),
    ] = None,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
) -> None:
    """Read contact, complaint and survey events; run clocks, patterns and KPIs; until SIGTERM."""
    from deploy.cli.topics import AwayError

    settings = settings_of()
    if processes is not None:
        from deploy.cli import supervise
        from processors.rules import Rules

        Rules.of(settings)  # what is wrong with the packs can be told now, whether a broker is there or not
        raise typer.Exit(supervise.run(settings, processes))
    _known_addresses(settings.worker_port)
    try:
        _known_topics(settings)
    except AwayError as error:
        if not supervised:
            raise
        from processors.runtime.service import EXIT_NO_BROKER

        print(f"oidor: {error}", file=sys.stderr)
        raise typer.Exit(EXIT_NO_BROKER) from error
    from processors.worker import run

    raise typer.Exit(run(settings))


@app.command()
@plainly
def warehouse() -> None:
    """Write the rows of the workers to ClickHouse, until SIGTERM."""
    from deploy.clickhouse.migrate import MigrationError, pending

    settings = settings_of()
    _known_addresses(settings.warehouse_port)
    _known_topics(settings)
    if missing := pending(settings):
        raise MigrationError(f"database {settings.clickhouse_database} lacks {', '.join(missing)}: run `oidor migrate`")
    from processors.warehouse import run

    raise typer.Exit(run(settings))


def _known_topics(settings: Settings) -> None:
    from deploy.cli.topics import check

    if wrong := check(settings):
        more = f" ({len(wrong) - 1} more: `oidor topics check`)" if len(wrong) > 1 else ""
        raise UserError(f"{wrong[0]}{more}")


def _known_addresses(port: int) -> None:
    """Say now, in one line, that a port is taken: inside Faust it would be a traceback."""
    import socket

    settings = settings_of()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.web_host, port))
        except OSError as error:
            raise UserError(
                f"cannot listen on {settings.web_host}:{port} ({error.strerror}): set OIDOR_WORKER_PORT or "
                "OIDOR_WAREHOUSE_PORT, 0 takes a free one"
            ) from error


@topics_app.command("create")
@plainly
def create_topics() -> None:
    """Create the topics that are missing; refuse those that exist with another shape."""
    from deploy.cli.topics import create

    created = create(settings_of())
    for name in created:
        print(f"created {name}")
    if not created:
        print("nothing to create: every topic is there, in the right shape")


@topics_app.command("check")
@plainly
def check_topics() -> None:
    """Say what is missing or wrong; exit code 2 when something is."""
    from deploy.cli.topics import check

    wrong = check(settings_of())
    for problem in wrong:
        print(problem, file=sys.stderr)
    if wrong:
        raise typer.Exit(MISTAKE)
    print("every topic is there, in the right shape")


@policies_app.command("check")
@plainly
def check_policies(
    files: Annotated[list[Path] | None, typer.Argument(help="packs; none: those of OIDOR_POLICIES")] = None,
) -> None:
    """Read packs as the worker does: what is wrong by file and line (exit code 2), what is odd as a warning."""
    from deploy.cli.policies import check

    settings = settings_of()
    for one in check(files or settings.policies, settings.calendars):
        for warning in one.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        rules = sum(map(len, one.policy.clocks.values()))
        print(f"{one.path}: {one.policy.policy_id} {one.policy.version}, {rules} rules, can be used")


@policies_app.command("explain")
@plainly
def explain_policies(
    event: Annotated[str, typer.Option(help="the first event of a case, JSON; event_type and its own fields suffice")],
    files: Annotated[list[Path] | None, typer.Argument(help="packs, in order; none: those of OIDOR_POLICIES")] = None,
) -> None:
    """Which rule fits an event, which clocks run with which due times, and why."""
    from deploy.cli.policies import explain

    settings = settings_of()
    packs = files or settings.policies
    for line in explain(packs, settings.calendars, event, grace_ms=round(settings.grace * 1000)):
        print(line)


@app.command()
@plainly
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be applied")] = False,
) -> None:
    """Bring the ClickHouse database to this release. Safe to run twice, and from two places at once."""
    from deploy.clickhouse.migrate import migrate as apply

    applied = apply(settings_of(), dry_run=dry_run)
    for name in applied:
        print(f"{'would apply' if dry_run else 'applied'} {name}")
    if not applied:
        print("nothing to apply: the database is up to date")


@app.command()
@plainly
def doctor() -> None:
    """Look for what is wrong and say what to do. Exit code 1: something is, 2: broker or database cannot be reached."""
    from deploy.cli.doctor.diagnosis import diagnose, exit_code, report
    from deploy.cli.doctor.examination import examine

    settings = settings_of()
    facts = examine(settings)
    findings = diagnose(facts, settings)
    report(facts, findings, _console())
    raise typer.Exit(exit_code(facts, findings))


@app.command()
@plainly
def replay(
    since: Annotated[
        str | None, typer.Option("--from", help="RFC 3339, or an age as 36h or 7d; none: all that the inputs hold")
    ] = None,
    into: Annotated[str | None, typer.Option(help="the database; none: that of the installation and _replay")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="compare the views; exit code 1 when they differ")] = False,
    home: Annotated[Path, typer.Option(help="where the logs go")] = Path(".oidor/replay"),
) -> None:
    """Process history again, beside the installation: another application id, another database, no pages."""
    from deploy.cli.replay import replay as again

    settings, console = settings_of(), _console()
    begin = again.moment(since) if since else None
    done = again.replay(settings, since=begin, into=into, diff=diff, home=home, console=console)
    again.report(done, settings, console)
    raise typer.Exit(0 if done.equal else 1)


@app.command()
@plainly
def erase(
    customer_id: Annotated[str, typer.Argument(help="the pseudonym, as customer.id of the events")],
    source: Annotated[str, typer.Option(help="who asks, as source of the event customer.erased")],
    rows_only: Annotated[
        bool, typer.Option("--rows-only", help="publish nothing; only mask what the database holds")
    ] = False,
    wait: Annotated[float, typer.Option(min=1, help="seconds until the workers have to have processed it")] = 60,
) -> None:
    """Forget a customer: their cases end, and what is stored of them is masked. It cannot be taken back."""
    from deploy.cli import erase as erasing

    settings = settings_of()
    if not rows_only:
        event_id = erasing.publish(settings, customer_id, source)
        erasing.wait(settings, event_id, source, wait)
    for line in erasing.report(settings, customer_id, erasing.mask(settings, customer_id)):
        print(line)


@app.command()
@plainly
def publish(
    scenario: Annotated[str, typer.Option(help="demo, steady, storm-log; or servicenow, cfpb: the real logs")] = "demo",
    seed: Annotated[int, typer.Option(help="of the generated traffic: the same gives the same bytes")] = 7,
    limit: Annotated[int, typer.Option(min=1, help="messages")] = 10_000,
    hours: Annotated[float, typer.Option(min=0.01, help="hours of event time that they span, up to now")] = 8,
    rate: Annotated[float | None, typer.Option(min=0.1, help="messages a second at most")] = None,
    speed: Annotated[float | None, typer.Option(min=0.001, help="times real time; none: as fast as it goes")] = None,
) -> None:
    """Publish generated or real events to the input topics, each with its own timestamp."""
    from deploy.traffic.publish import publish as send
    from deploy.traffic.readers import cfpb, servicenow
    from deploy.traffic.scenarios import SCENARIOS, journeys

    settings = settings_of()
    readers = {"servicenow": servicenow, "cfpb": cfpb}
    if scenario in readers:
        messages = readers[scenario]()
    elif scenario in SCENARIOS:
        start = datetime.now(UTC) - timedelta(hours=hours)
        messages = journeys(SCENARIOS[scenario], seed, start, limit=limit, rate=limit / (hours * 3600))
    else:
        raise UserError(f"unknown scenario {scenario}: choose of {', '.join((*SCENARIOS, *readers))}")
    sent = send(messages, settings.brokers, prefix=settings.input_prefix, rate=rate, speed=speed)
    print(f"published {sent} messages")


@app.command()
@plainly
def query(sql: Annotated[str, typer.Argument(help='such as "SELECT * FROM v_sla LIMIT 5"')]) -> None:
    """Ask ClickHouse, and print the answer as a table."""
    from clickhouse_driver.errors import Error

    from sinks.clickhouse import Address, connect, one_line

    settings = settings_of()
    try:
        client = connect(Address.of(settings), 60)
        rows, columns = client.execute(sql, with_column_types=True)
    except (Error, OSError, EOFError) as error:
        raise UserError(
            f"ClickHouse at {settings.clickhouse_host}:{settings.clickhouse_port}: {one_line(error)}"
        ) from error
    table = Table(*(name for name, _ in columns), caption=f"{len(rows)} rows")
    for row in rows:
        table.add_row(*map(_cell, row))
    _console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds" if value.microsecond else "seconds").removesuffix("+00:00")
    return f"{value:.6g}" if isinstance(value, float) else str(value)
