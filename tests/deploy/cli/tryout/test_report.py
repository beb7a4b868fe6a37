"""What became of a ticket, for a person and for a program."""

import io
import json
from typing import Any

from rich.console import Console

from deploy.cli.tryout.expectations import judge
from deploy.cli.tryout.report import document, show
from deploy.cli.tryout.ticket import read_ticket
from tests.deploy.cli.tryout.test_tryout import tried
from tests.deploy.cli.tryout.tickets import event, lines, opened, resolved

ABOUT = {"case": "B1", "title": "late by [an hour]", "until": "2026-11-23T16:00:00Z"}
EXPECTED = {
    "expected": [
        {"view": "clocks", "entity": "C1", "metric": "resolve", "states": ["met"]},
        {"view": "kpi", "sum": {"contacts_opened": 1}},
    ]
}


def told(*content: Any) -> tuple[str, dict[str, Any]]:
    ticket = read_ticket("t", lines(ABOUT, *content, EXPECTED))
    outcome = tried(*content, until="16:00:00")
    verdicts = judge(ticket.expectations, outcome)
    paper = io.StringIO()
    show(ticket, outcome, verdicts, Console(file=paper, width=150))
    return paper.getvalue(), json.loads(json.dumps(document(ticket, outcome, verdicts)))


WRONG = event("survey.answered", "S1", "14:00:00", mode="email", kind="nps", score=6.5)


def test_a_person_reads_tables_of_what_there_is() -> None:
    text, _ = told(opened(), resolved(at="15:00:00"), WRONG)
    assert "B1 late by [an hour]" in text
    assert "3 read: 2 accepted, 0 duplicate, 1 rejected; as of 2026-11-23T16:00:00Z" in text
    headings = ["Cases", "Clocks", "Incidents", "Emitted on the way", "KPI minutes", "Rejected", "Expected"]
    assert [line.strip() for line in text.splitlines() if line.strip() in headings] == headings
    assert "Warnings" not in text
    assert "overdue 3600 s" in text
    assert "contacts_resolved 1" in text
    assert "differs" in text


def test_a_program_reads_everything_with_moments_as_text() -> None:
    _, said = told(opened(), resolved(at="15:00:00"), WRONG)
    assert said["about"]["title"] == "late by [an hour]"
    assert said["until"] == "2026-11-23T16:00:00Z"
    assert said["cases"][0]["resolved_at"] == "2026-11-23T15:00:00Z"
    assert said["clocks"][0]["due_at"] == "2026-11-23T14:00:00Z"
    assert [one["transition"] for one in said["emitted"] if one["page"]] == ["opened"]
    assert said["incidents"][0]["evidence"]["target"] == "4h"
    assert said["rejected"][0]["reason"] == "wrong_type"
    assert [one["event_type"] for one in said["events"]] == ["contact.opened", "contact.resolved"]
    assert {"minute": "2026-11-23T10:00:00Z", "dimension": "all", "dimension_value": "all", "topic": "contact-events",
            "contacts_opened": 1} in said["kpi_minutes"]  # fmt: skip
    assert [one["equal"] for one in said["expected"]] == [False, True]
    assert said["as_expected"] is False
