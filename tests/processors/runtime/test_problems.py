"""How a problem is told: on `/ready` while it lasts, in the log where it begins and where it ends."""

import pytest

from processors.runtime.problems import LASTING_MS, Problem, ProblemJournal, ShownProblem

BEGIN = 1_000_000_000_000


def kafka(seconds: int, since: int | None = None) -> Problem:
    return Problem("kafka", f"no answer of Kafka for {seconds} s", "detection waits", since)


def test_a_problem_is_shown_with_what_is_wrong_now_since_when_it_is_and_what_that_means() -> None:
    journal = ProblemJournal()
    journal.look([kafka(1)], BEGIN)
    assert journal.look([kafka(9)], BEGIN + 8_000) == [
        ShownProblem("no answer of Kafka for 9 s", "2001-09-09T01:46:40+00:00", "detection waits")
    ]


def test_one_that_knows_when_it_began_is_shown_since_then() -> None:
    (shown,) = ProblemJournal().look([kafka(9, BEGIN)], BEGIN + 9_000)
    assert shown.since == "2001-09-09T01:46:40+00:00"


def test_one_that_came_back_began_anew() -> None:
    journal = ProblemJournal()
    journal.look([kafka(1)], BEGIN)
    journal.look([], BEGIN + 1_000)
    (shown,) = journal.look([kafka(1)], BEGIN + 60_000)
    assert shown.since == "2001-09-09T01:47:40+00:00"


def test_the_log_has_one_line_where_it_begins_and_one_where_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    journal = ProblemJournal()
    for second in range(30):
        journal.look([kafka(second)], BEGIN + 1_000 * second)
    journal.look([], BEGIN + 30_000)
    journal.look([], BEGIN + 31_000)
    assert [record.getMessage() for record in caplog.records] == [
        "Not ready since 2001-09-09T01:46:40+00:00: no answer of Kafka for 5 s: detection waits",
        "Over after 30 s, it began at 2001-09-09T01:46:40+00:00: no answer of Kafka for 29 s",
    ]


def test_what_is_over_soon_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    journal = ProblemJournal()
    journal.look([kafka(0)], BEGIN)
    journal.look([kafka(4)], BEGIN + LASTING_MS - 1)
    journal.look([], BEGIN + LASTING_MS)
    assert not caplog.records
