"""`oidor doctor`: what is wrong with an installation, and what to do about it.

`diagnose` is a pure function from facts to findings of one line each.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from deploy.cli.doctor.behind_frontier import behind_findings
from deploy.cli.doctor.facts import (
    Broker,
    ConsumerGroup,
    Database,
    Facts,
    InputPartition,
    PartitionLag,
    Unreconciled,
)
from deploy.cli.doctor.finding import Finding, moment
from deploy.cli.doctor.outdated_kpis import outdated_findings
from deploy.cli.doctor.sources import key_findings, partitioner_findings, split_case_findings
from processors.durability.provenance import contradictions_of_versions
from processors.runtime.slices import OPEN_TRANSACTION_MS
from processors.settings import Settings
from schemas.observations import CLOCKS_AGREE_MS
from schemas.topics import state_topic

SKEW_MS: Final = 1_000
"""What clocks may differ by: a topic that is read to its end is taken to be complete up to a second ago."""
FUTURE_MS: Final = 5_000
"""What a record may lie ahead of our clock."""
FAILED_LATELY_MS: Final = 86_400_000
"""How long a part of ours that failed is worth saying, though nothing lacks its result any more."""
REWRITTEN_MS: Final = 2 * 86_400_000
"""Within which the log of a state has been rewritten, after which it has nothing from before."""
RECONCILED_SECONDS: Final = 60
"""How long rows may be on their way to ClickHouse."""
MERGED_DAYS: Final = 7
"""How long a merge that did not reach its survivor is said."""


def diagnose(facts: Facts, settings: Settings) -> list[Finding]:
    """Every check, in the order in which one would mend things."""
    findings = []
    if isinstance(facts.broker, str):
        findings.append(Finding("broker", False, facts.broker, "nothing else about Kafka could be looked at"))
    else:
        findings.append(Finding("broker", True, f"answers at {settings.brokers}"))
        findings += _topics(facts.broker)
        findings += _colocation(facts.broker)
    if isinstance(facts.database, str):
        findings.append(Finding("database", False, facts.database, "nothing else in ClickHouse could be looked at"))
    else:
        findings += _database(facts.database, settings)
    if isinstance(facts.broker, Broker):
        findings += _time(facts.broker, facts.now)
        findings += _future(facts.broker, facts.now)
        findings += behind_findings([part.behind for part in facts.broker.state], facts.now)
        findings += _open_transactions(facts.broker, facts.now)
        findings += _contradictions(facts.broker)
        if isinstance(facts.database, Database):
            findings += _restored(facts.broker.versions, facts.database.versions)
        findings += _state(facts.broker, facts.now, settings)
        findings += _release(facts.broker, facts.now)
        if isinstance(facts.database, Database) and facts.database.erased_at is not None:
            findings += _erasures(facts.broker, facts.database.erased_at, facts.now)
        for group in facts.broker.groups:
            findings += _group(group)
    if isinstance(facts.database, Database) and not facts.database.pending:
        findings += _reconciliation(facts.database)
        findings += _merges(facts.database)
        findings += outdated_findings(facts.database.outdated_kpis)
        if isinstance(facts.broker, Broker):
            findings += partitioner_findings(facts.database.sources, settings.partitioner, facts.broker.partitions)
        findings += key_findings(facts.database.keyed_otherwise)
        findings += split_case_findings(facts.database.split_cases)
    return findings


def exit_code(facts: Facts, findings: Iterable[Finding]) -> int:
    """0 well, 1 something is wrong, 2 broker or database cannot be reached."""
    if isinstance(facts.broker, str) or isinstance(facts.database, str):
        return 2
    return 0 if all(finding.well for finding in findings) else 1


def _topics(broker: Broker) -> Iterator[Finding]:
    for problem in broker.problems:
        seen, _, to_do = problem.text.partition(": ")
        yield Finding("topics", problem.warning, f"{problem.topic} {seen}", to_do)
    if not broker.problems:
        yield Finding("topics", True, "all there, with the right partitions, cleanup and retention")


def _colocation(broker: Broker) -> Iterator[Finding]:
    counts = ", ".join(f"{topic} {count}" for topic, count in sorted(broker.partitions.items()))
    if len(set(broker.partitions.values())) > 1:
        yield Finding(
            "co-location",
            False,
            f"the input topics have different partition counts: {counts}",
            "give them the same number: a worker owns one partition of all three. Under a new OIDOR_APP_ID, with a "
            "replay, since customers move between partitions",
        )
    elif broker.partitions:
        yield Finding("co-location", True, f"equal partition counts: {counts}")


def _database(database: Database, settings: Settings) -> Iterator[Finding]:
    name = settings.clickhouse_database
    if database.pending:
        yield Finding("migrations", False, f"database {name} lacks {', '.join(database.pending)}", "run oidor migrate")
    else:
        yield Finding("migrations", True, f"database {name} is up to date")
    if database.skew_ms is None:
        return
    if abs(database.skew_ms) > SKEW_MS:
        side = "ahead of" if database.skew_ms > 0 else "behind"
        yield Finding(
            "clocks",
            False,
            f"ClickHouse's clock is {abs(database.skew_ms) / 1000:.1f} s {side} the clock here",
            "let NTP set both: deadlines fire by the clock of the worker",
        )
    else:
        seen = f"ClickHouse and this machine differ by {abs(database.skew_ms)} ms; workers compare theirs with Kafka's"
        yield Finding("clocks", True, seen)


def _time(broker: Broker, now: int) -> Iterator[Finding]:
    """Checkpoints have the broker's time: what it says of ours, and of the time of each partition."""
    known = [(part, part.last_checkpoint) for part in broker.state if part.last_checkpoint is not None]
    behind = max((at for _, at in known), default=now) - now
    if behind > CLOCKS_AGREE_MS:
        yield Finding(
            "clocks",
            False,
            f"the clock here is {_age(behind)} behind the broker's",
            "let NTP set both: a worker holds time while its clock is over a minute off",
        )
    ahead = {part.partition: part.watermark - at for part, at in known if part.watermark is not None}
    if wrong := sorted(number for number, ms in ahead.items() if ms > CLOCKS_AGREE_MS):
        yield Finding(
            "clocks",
            False,
            f"the time of partitions {wrong} lies up to {_age(max(ahead.values()))} ahead of the broker's",
            "its worker withdraws what was decided since, once its own clock agrees with the broker's: see its /ready",
        )


def _future(broker: Broker, now: int) -> Iterator[Finding]:
    for one in broker.inputs:
        if one.max_timestamp is not None and one.max_timestamp - now > FUTURE_MS:
            yield Finding(
                "publishers",
                False,
                f"{_at(one)} has a record of {moment(one.max_timestamp)}, "
                f"{_age(one.max_timestamp - now)} in the future",
                "let NTP set the publisher's clock: workers reject what is over 5 min ahead as record_from_future",
            )


def _open_transactions(broker: Broker, now: int) -> Iterator[Finding]:
    held = [one for one in broker.inputs if one.high > one.stable]
    old = [
        (one, transaction)
        for one in held
        for transaction in one.open
        if transaction.offset <= one.stable and now - transaction.last_write >= OPEN_TRANSACTION_MS
    ]
    for one, transaction in old:
        yield Finding(
            "upstream transactions",
            False,
            f"{transaction.transactional_id or 'a publisher'} has left a transaction open on {_at(one)} since offset "
            f"{transaction.offset}, {_age(now - transaction.last_write)} ago: {one.high - one.stable} offsets wait",
            "end it: restart that publisher, or kafka-transactions.sh abort "
            f"--topic {one.topic} --partition {one.partition} --start-offset {transaction.offset}",
        )
    if not old:
        yield Finding("upstream transactions", True, f"none holds readers back; {len(held)} under way")


def _contradictions(broker: Broker) -> Iterator[Finding]:
    for seen, to_do in broker.contradictions:
        yield Finding("provenance", False, seen, to_do)
    if broker.state and not broker.contradictions:
        yield Finding("provenance", True, "inputs and states are those that the last checkpoints recorded")


def _restored(written: Mapping[int, int], stored: Mapping[int, int]) -> Iterator[Finding]:
    for _, seen, to_do in contradictions_of_versions(written, stored):
        yield Finding("provenance", False, seen, to_do)


def _state(broker: Broker, now: int, settings: Settings) -> Iterator[Finding]:
    topic = state_topic(settings.app_id)
    if broker.state:
        ages = [now - part.last_checkpoint for part in broker.state if part.last_checkpoint is not None]
        last = f"last checkpoint {_age(min(ages))} ago" if ages else "no checkpoint yet"
        yield Finding("state", True, f"{_size(sum(part.bytes for part in broker.state))} in {topic}, {last}")


def _release(broker: Broker, now: int) -> Iterator[Finding]:
    """Faults of ours: partitions that stopped taking records, and parts that cost their own results."""
    for part in broker.state:
        if part.halted is not None:
            seen, _, to_do = part.halted.partition(": what follows ")
            yield Finding(
                "release", False, f"partition {part.partition} takes nothing: {seen}", f"what follows {to_do}"
            )
    for name in sorted({name for part in broker.state for name in part.health}):
        known = [part.health[name] for part in broker.state if name in part.health]
        last = max(known, key=lambda one: one.last_error_at)
        lacking = sum(one.lacking for one in known)
        yield Finding(
            "release",
            not lacking and now - last.last_error_at > FAILED_LATELY_MS,
            f"{name} failed {sum(one.errors for one in known)} times, last {_age(now - last.last_error_at)} ago "
            f"({last.last_error}); {lacking} cases lack its result",
            "records were accepted without it: run a release in which it works, and what is lacking comes by itself",
        )


def _erasures(broker: Broker, erased_at: int, now: int) -> Iterator[Finding]:
    """Copies of somebody who was erased go in time; that nothing will delete them, or has when it should, is wrong."""
    left = [one for one in broker.copies if one.partitions]
    well = True
    for one in left:
        if one.rewritten and now - erased_at > REWRITTEN_MS:
            to_do = "let the worker run: a quiet partition takes longest"
        elif not one.rewritten and one.until is None:
            to_do = f"give {one.topic} a limit, with `kafka-configs --alter`"
        elif one.until is not None and one.until < now:
            to_do = "the broker should have deleted it by then: see its log cleaner"
        else:
            continue
        well = False
        yield Finding("erasures", False, str(one), to_do)
    if well:
        last = max((one.until for one in left if one.until is not None), default=None)
        seen = "no copy is left in Kafka" if not left else f"copies in {', '.join(one.topic for one in left)}"
        yield Finding("erasures", True, seen if last is None else f"{seen}, the last until {moment(last)}")


def _group(group: ConsumerGroup) -> Iterator[Finding]:
    check = f"{group.command} lag"
    waiting = [one for one in group.lags if one.waiting]
    still = [one for one in waiting if not one.moved]
    lag = sum(one.offsets for one in waiting)
    if not group.members:
        yield Finding(
            check,
            False,
            f"no {group.command} runs (group {group.name} has no members): {lag} offsets of {len(waiting)} partitions "
            "wait",
            f"start oidor {group.command}",
        )
    elif still:
        where = ", ".join(f"{_at(one)} at {one.committed or 0}" for one in still[:3])
        yield Finding(
            check,
            False,
            f"{sum(one.offsets for one in still)} offsets wait and nobody gets on: {where}"
            + (f" and {len(still) - 3} more" if len(still) > 3 else ""),
            f"see /ready and the log of the {group.command}",
        )
    else:
        behind = f"{lag} offsets behind, getting on" if waiting else "everything was read"
        yield Finding(check, True, f"{behind}; members of {group.name}: {group.members}")


def _reconciliation(database: Database) -> Iterator[Finding]:
    for one in database.differences[:5]:
        yield Finding(
            "reconciliation",
            False,
            f"{_of(one)} on {one.day}: read differs by {one.read}, stored by {one.stored}, "
            f"rejected by {one.rejected}, for more than {RECONCILED_SECONDS} s",
            "see that the warehouse runs and gets on; if it does: oidor replay --diff",
        )
    if len(database.differences) > 5:
        yield Finding("reconciliation", False, f"and {len(database.differences) - 5} more topic-partitions and days")
    if not database.differences:
        yield Finding("reconciliation", True, "every record is accounted for")


def _merges(database: Database) -> Iterator[Finding]:
    merges = database.merges
    if merges is None:
        yield Finding("merges", True, f"each of the last {MERGED_DAYS} days reached its survivor")
        return
    yield Finding(
        "merges",
        False,
        f"{merges.count} cases of the last {MERGED_DAYS} days were merged into one that is not in their partition "
        f"({merges.unknown} into one that no partition knows), the last {merges.last}",
        "let the publisher send contact.absorbed or complaint.absorbed under the survivor's key: else its clocks do "
        "not know since when the customer waits. All of them: SELECT * FROM v_merged_elsewhere WHERE NOT carried",
    )


# Showing


def report(facts: Facts, findings: Sequence[Finding], console: Console) -> None:
    """A table of the findings, one of the partitions."""
    table = Table("", "check", "what was seen", "what to do", title="Checks", title_justify="left")
    for finding in findings:
        mark = "[green]ok" if finding.well else "[bold red]wrong"
        table.add_row(mark, finding.check, _plain(finding.seen), _plain(finding.to_do))
    console.print(table)
    if isinstance(facts.broker, Broker) and facts.broker.state:
        console.print(_partitions(facts.broker, facts.now))


def _partitions(broker: Broker, now: int) -> Table:
    table = Table(
        "partition", "state", "messages", "last checkpoint", *(f"{group.command} lag" for group in broker.groups),
        title="Partitions", title_justify="left",
    )  # fmt: skip
    for part in broker.state:
        age = "never" if part.last_checkpoint is None else f"{_age(now - part.last_checkpoint)} ago"
        lags = (
            str(sum(one.offsets for one in group.lags if one.partition == part.partition)) for group in broker.groups
        )
        table.add_row(str(part.partition), _size(part.bytes), str(part.messages), age, *lags)
    return table


def _plain(text: str) -> str:
    """Square brackets are markup to Rich."""
    return text.replace("[", r"\[")


def _at(one: InputPartition | PartitionLag) -> str:
    return f"{one.topic}[{one.partition}]"


def _of(one: Unreconciled) -> str:
    return f"{one.topic}[{one.partition}]" + (f", incarnation {one.incarnation}," if one.incarnation else "")


def _age(ms: int) -> str:
    seconds = max(0, ms) / 1000
    return (
        f"{seconds:.0f} s"
        if seconds < 600
        else f"{seconds / 60:.0f} min"
        if seconds < 36_000
        else f"{seconds / 3600:.0f} h"
    )


def _size(count: int) -> str:
    return f"{count / 1024:.0f} KiB" if count < 10 << 20 else f"{count / (1 << 20):.0f} MiB"
