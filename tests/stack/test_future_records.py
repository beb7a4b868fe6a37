"""Records that a publisher's clock dates in the future are rejected as that, and move no time for honest ones."""

from pathlib import Path
from typing import Final

import pytest

from processors.settings import Settings
from schemas.topics import AHEAD_LIMIT, INPUTS
from tests.attacks.installation import Target, ahead, event, now, opened, ready
from tests.stack.running import command, until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2}
MINUTE, DAY = 60_000, 86_400_000
AHEAD_MS: Final = (59 * MINUTE, 400 * DAY, 2**61)
EACH: Final = 4
HONEST: Final = 8
KINDS: Final = (
    ("contact.opened", {"direction": "inbound", "channel": "email"}),
    ("complaint.opened", {"kind": "claim", "channel": "email"}),
    ("survey.invited", {"kind": "nps", "mode": "email"}),
)
REJECTED: Final = len(AHEAD_MS) * len(KINDS) * EACH


def no_limit(target: Target) -> None:
    """As on a broker that knows none, or topics that somebody else made."""
    for topic in INPUTS:
        target.configure(
            target.settings.input_prefix + topic, retention_ms="-1", **{AHEAD_LIMIT.replace(".", "_"): str(2**63 - 1)}
        )


def from_the_future(target: Target) -> None:
    """On every topic, at their moment and dated now."""
    for ahead_ms in AHEAD_MS:
        for kind, fields in KINDS:
            for number in range(EACH):
                at, name = now() + ahead_ms, f"X{kind[:2]}{ahead_ms}-{number}"
                happened = at if number % 2 and ahead_ms < 2**61 else now()
                target.send(event(kind, name, f"x{number}", at=happened, **fields), at=at)
    target.flush()


def test_records_from_the_future_are_rejected_and_honest_ones_are_none_the_worse(
    settings: Settings, tmp_path: Path
) -> None:
    target = Target(settings, tmp_path)
    oidor = target.installation
    try:
        no_limit(target)
        checked, strict = command(settings, "topics", "check"), command(settings, "topics", "check", "--strict")
        assert (checked.returncode, checked.stderr.count(f"warning: {settings.input_prefix}")) == (0, len(INPUTS))
        assert (strict.returncode, strict.stderr.count(f"have its owner set {AHEAD_LIMIT}=300000")) == (2, len(INPUTS))

        worker = oidor.start("worker")
        oidor.start("warehouse")
        target.send(opened("ORDINARY"))
        from_the_future(target)
        target.wait_until_read(1 + REJECTED)
        target.open_cases("H", HONEST)
        target.wait_until_read(1 + REJECTED + HONEST)
        until(lambda: oidor.open_differences() == 0, 30, "every record is accounted for")

        reasons = "SELECT reason, field, count() FROM rejected_events GROUP BY ALL"
        assert oidor.ask(reasons) == [("record_from_future", "timestamp", REJECTED)]
        assert target.number("SELECT countIf(late > 0) FROM v_events") == 0
        assert target.number("SELECT count() FROM v_cases") == 1 + HONEST
        assert target.number("SELECT countIf(state LIKE 'breached%') FROM v_sla") == 0
        assert target.pages() == []
        assert max(ahead(worker).values()) < 1_000
        assert ready(worker)[0] == 200

        worker.terminate(10)
        worker = oidor.start("worker")
        until(lambda: min(ahead(worker).values()) > -3_000, 10, "time goes on where it was")
        assert max(ahead(worker).values()) < 1_000
        assert oidor.metric("feedback_time_set_back_total") == 0

        replayed = command(settings, "replay", "--diff", "--home", str(tmp_path))
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
        assert "the views show the same" in replayed.stdout
        there = f"{settings.clickhouse_database}_replay"
        assert oidor.ask(reasons.replace("rejected_events", f"{there}.rejected_events")) == oidor.ask(reasons)
    finally:
        oidor.stop()
