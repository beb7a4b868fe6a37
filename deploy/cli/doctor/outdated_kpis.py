"""Which KPI minutes are to be counted anew, as `v_kpi_outdated` says. Changes nothing."""

from collections.abc import Iterator
from typing import Any

from deploy.cli.doctor.facts import OutdatedKpis
from deploy.cli.doctor.finding import Finding

# Of minutes that may be in a worker's memory still nothing is to be done yet, and of those without events any more
# nothing can be.
_QUESTION = """
SELECT sum(minutes), toString(min(hour), 'UTC'), toString(max(hour) + INTERVAL 1 HOUR, 'UTC'),
    arraySort(groupUniqArray(reason)), arraySort(groupUniqArrayArray(kpis))
FROM {database}.v_kpi_outdated
WHERE hour < now() - INTERVAL {memory_s} SECOND - INTERVAL 1 HOUR AND hour > now() - INTERVAL {raw_ttl_days} DAY"""


def outdated_kpis(client: Any, database: str, *, memory_s: int, raw_ttl_days: int) -> OutdatedKpis | None:
    """What `oidor rebuild` has to do: minutes that have left memory, whose events are stored; None: nothing."""
    question = _QUESTION.format(database=database, memory_s=memory_s, raw_ttl_days=raw_ttl_days)
    ((minutes, since, until, reasons, kpis),) = client.execute(question)
    if not minutes:
        return None
    return OutdatedKpis(int(minutes), str(since), str(until), tuple(map(str, reasons)), tuple(map(str, kpis)))


def outdated_findings(outdated: OutdatedKpis | None) -> Iterator[Finding]:
    """The line of the doctor about them."""
    if outdated is None:
        yield Finding("kpis", True, "every minute is counted by the definitions of today")
        return
    new = f", KPIs {', '.join(outdated.kpis)}" if outdated.kpis else ""
    yield Finding(
        "kpis",
        False,
        f"{outdated.minutes} minutes of a topic-partition, from {outdated.since} to {outdated.until}, are not what "
        f"their events come to by the rules and definitions of today ({', '.join(outdated.reasons)}{new})",
        f"oidor rebuild --from {_iso(outdated.since)} --to {_iso(outdated.until)}; which hours: "
        "SELECT * FROM v_kpi_outdated",
    )


def _iso(moment: str) -> str:
    return moment.replace(" ", "T") + "Z"
