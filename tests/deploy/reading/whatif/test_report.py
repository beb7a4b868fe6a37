"""What is told of an answer."""

import json
from collections import Counter

from deploy.reading.whatif.comparison import Compared, Span
from deploy.reading.whatif.overtime import Overtime, Staffing
from deploy.reading.whatif.readings import Reading
from deploy.reading.whatif.report import Told, document, in_short, lines
from deploy.reading.whatif.selection import Reason
from deploy.reading.whatif.whatif import Answer

HOUR = 3_600_000
BEGIN = 1_764_000_000_000
KEPT = Reading("resolve", BEGIN, 1, "n1", "email", BEGIN + 8 * HOUR, BEGIN + 6 * HOUR, "met", 0, 0)
BROKEN = KEPT._replace(due_at=BEGIN + 4 * HOUR, state="breached", overdue_ms=2 * HOUR)


def told(cases: int = 3) -> Told:
    span = Span(BEGIN, BEGIN + 168 * HOUR)
    compared = Compared()
    for number in range(cases):
        compared.compare(("contact-events", "crm", f"C{number}"), [KEPT], [BROKEN], span)
    overtime = Overtime(Counter({20: cases}), Counter({20: cases * HOUR // 2}), stated=cases, late_ms=cases * 2 * HOUR)
    left_out: Counter[Reason] = Counter({"erased": 2, "differing": 1})
    answer = Answer(compared, overtime, left_out, ["contact-events:crm:C9: resolve 1: due_at"])
    answer.events, answer.read_to_at = 12, BEGIN + 1000 * HOUR
    return Told(span, ["desk 2"], Staffing(), answer)


def test_people_read_figures_what_is_left_out_and_the_cases_that_flip() -> None:
    assert [*lines(told(), limit=2)] == [
        "2025-11-24T16:00:00Z to 2025-12-01T16:00:00Z, as it was and with desk 2: 3 cases, 12 events",
        "left out of both sides: 2 cases, their customer was erased",
        "left out of both sides: 1 cases, folded again by the promises in force they do not come to what is stored",
        "  contact-events:crm:C9: resolve 1: due_at",
        "",
        "team  metric   was: clocks    kept  breached  would be: clocks  kept  breached  gained  lost",
        "n1    resolve            3  100.0%         0                 3  0.0%         3      +3    -0",
        "all                      3  100.0%         0                 3  0.0%         3      +3    -0",
        "",
        "3 clocks would be breached that were not, 0 would not be that were",
        "  crm/C0 resolve, n1: would be breached; was met (due 2025-11-25 00:00:00, ended 2025-11-24 22:00:00), "
        "would be breached (due 2025-11-24 20:00:00, ended 2025-11-24 22:00:00)",
        "  crm/C1 resolve, n1: would be breached; was met (due 2025-11-25 00:00:00, ended 2025-11-24 22:00:00), "
        "would be breached (due 2025-11-24 20:00:00, ended 2025-11-24 22:00:00)",
        "  and 1 more: --all names them",
        "",
        "overtime: 3 cases would have been due before they were done, 1.5 staff hours, 1.5 a week",
        "  done 2 h after that on average; 0 were not done at all",
        "  no calendar says when people are there: --staffed names one",
        "hour of the week (UTC)  cases due  staff hours",
        "Mon 20:00                       3          1.5",
    ]


def test_in_one_line_it_says_what_was_kept_and_what_would_be() -> None:
    assert in_short(told()) == (
        "with desk 2, since 2025-11-24T16:00:00Z: 0.0% of 3 promises kept instead of 100.0% of 3, 3 breaches more and "
        "0 less, 3 cases due before they were done"
    )


def test_without_a_difference_that_is_said() -> None:
    nothing = told()
    nothing.answer.compared = Compared()
    shown = [*lines(nothing, limit=None)]
    assert "nothing was decided in the span, on either side" in shown
    assert "no breach more, and none less" in shown


def test_machines_read_everything() -> None:
    read = json.loads(json.dumps(document(told())))
    assert read["units"] == [
        {
            "team": "n1", "metric": "resolve", "was": {"met": 3, "breached": 0}, "would_be": {"met": 0, "breached": 3},
            "gained": 3, "lost": 0,
        }
    ]  # fmt: skip
    assert [flip["entity_id"] for flip in read["flips"]] == ["C0", "C1", "C2"]
    assert read["flips"][0]["would_be"] == {
        "state": "breached", "started_at": "2025-11-24T16:00:00.000Z", "due_at": "2025-11-24T20:00:00.000Z",
        "stopped_at": "2025-11-24T22:00:00.000Z", "overdue_seconds": 7200.0,
    }  # fmt: skip
    assert read["overtime"]["hours"] == [{"weekday": 1, "hour": 20, "cases": 3, "staff_hours": 1.5}]
    assert read["left_out"]["erased"] == 2
