"""`oidor rebuild`: what it refuses, and what it says. What it counts is tested with `deploy.reading.rebuild`."""

from collections import Counter

import pytest

from deploy.cli.rebuild import report
from deploy.reading.rebuild.rebuild import Rebuilt, Span
from tests.deploy.cli.commands.conftest import Run, mistake

HOUR = ("--from", "2026-11-22T08:00:00Z", "--to", "2026-11-22T09:00:00Z")
SPAN = Span(1_764_000_000_000, 1_764_003_600_000)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--from", "yesterday", "--to", "1d"), "--from yesterday: give RFC 3339 with a zone"),
        (("--from", "7d", "--to", "2026-11-22T08:00:00"), "--to 2026-11-22T08:00:00: give RFC 3339 with a zone"),
        (
            ("--from", "2026-11-22T08:00:00Z", "--to", "2026-11-22T08:00:00Z"),
            "--from 2026-11-22T08:00:00Z is not before --to 2026-11-22T08:00:00Z",
        ),
        (HOUR, "ClickHouse at 127.0.0.1:1: "),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(arguments: tuple[str, ...], line: str, run: Run) -> None:
    assert mistake(run("rebuild", *arguments)).startswith(line)


def test_a_span_has_to_be_given(run: Run) -> None:
    done = run("rebuild", "--to", "1d")
    assert (done.exit_code, "--from" in done.stderr) == (2, True)


def test_what_differs_is_told_by_accumulator_and_what_is_left_out_is_counted() -> None:
    done = Rebuilt(SPAN, 12, 3, 500, Counter({"contacts_opened": -2}), Counter({"unknown_type": 1}), 4, 9, 1)
    lines = [*report(done, dry_run=True)]
    assert lines == [
        "2025-11-24T16:00:00Z to 2025-11-24T17:00:00Z: 500 stored events counted anew",
        "12 partials of 3 minutes differ: would be written",
        "  contacts_opened -2",
        "4 cases of customers who were erased are left out: nothing can count them again, so 9 minutes in which they "
        "counted stay as they are",
        "warning: stored events that this release rejects, and does not count: unknown_type 1",
        "warning: ClickHouse had refused to store 1 events: what they counted is counted no more",
    ]


def test_that_nothing_differs_is_told() -> None:
    assert [*report(Rebuilt(SPAN), dry_run=False)][1:] == ["every minute is what its events come to: nothing to write"]
