"""Sources whose records come behind what was decided, as the last checkpoints say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from deploy.cli.doctor.finding import Finding, moment
from schemas.observations import BehindRecords
from schemas.policies.durations import in_words

DAY_MS: Final = 86_400_000
FEW: Final = 10
"""So many of a source are no single retry any more."""


def behind_findings(states: Sequence[Mapping[tuple[str, str], BehindRecords]], now: int) -> Iterator[Finding]:
    """Name the sources of the last day whose answers in time may have paged as breaches, at `now` ms."""
    found: dict[tuple[str, str], BehindRecords] = {}
    for of, one in (item for state in states for item in state.items()):
        if now - one.last_at < DAY_MS:
            found[of] = _both(found.get(of, one._replace(records=0)), one)
    wrong = {of: one for of, one in found.items() if one.records >= FEW}
    for (topic, source), one in sorted(wrong.items()):
        yield Finding(
            "late records",
            False,
            f"{source} on {topic}: {one.records} records since {moment(one.since)} came after deadlines were decided "
            f"that they could have met, up to {in_words(one.furthest_ms)} behind, the last of {moment(one.last_at)}",
            "what it answers in time breaches live, pages, and is withdrawn when its record comes: let it, or the "
            "mirror in between, send each record sooner after its timestamp, or give the promises a longer grace",
        )
    if not wrong and states:
        yield Finding("late records", True, "no source of the last day sends behind what is decided")


def _both(one: BehindRecords, other: BehindRecords) -> BehindRecords:
    return BehindRecords(
        one.records + other.records,
        min(one.since, other.since),
        max(one.last_at, other.last_at),
        max(one.furthest_ms, other.furthest_ms),
    )
