"""Each kind of expectation holds when it should, differs with what came instead, and is refused when it is none."""

from typing import Any

import pytest

from deploy.cli.tryout.expectations import Verdict, judge, read_expectation
from deploy.cli.tryout.outcome import Tryout
from tests.deploy.cli.tryout.test_tryout import tried
from tests.deploy.cli.tryout.tickets import event, opened, resolved


@pytest.fixture(scope="module")
def outcome() -> Tryout:
    """C1 is resolved in time and reopened; C2 breaches at 15:00; S1 has no score."""
    return tried(
        opened(at="10:00:00"),
        opened("C2", "11:00:00", channel="chat"),
        resolved(at="12:00:00.250"),
        event("contact.reopened", "C1", "13:00:00", reason="not_fixed"),
        resolved(at="13:30:00"),
        {
            "event": event("contact.assigned", "C1", "13:20:00", owner="ana") | {"event_id": "behind"},
            "record_at": "2026-11-23T13:30:10Z",
        },
        event("survey.answered", "S1", "14:00:00", mode="email", kind="nps", score=6.5),
        until="16:00:00",
    )


def verdict(expectation: dict[str, Any], outcome: Tryout) -> Verdict:
    (found,) = judge([read_expectation(expectation)], outcome)
    return found


@pytest.mark.parametrize(
    "expectation",
    [
        {"view": "case", "entity": "C1", "values": {"state": "resolved", "closed_at": None, "owner": "ana"}},
        {"view": "case", "entity": "C1", "values": {"first_resolved_at": "2026-11-23T13:00:00.250+01:00"}},
        {"view": "clock", "entity": "C1", "metric": "resolve", "values": {"state": "met", "overdue_ms": 0}},
        {"view": "clock", "entity": "C1", "metric": "resolve", "instance": 2, "values": {"state": "met"}},
        {"view": "clock", "entity": "C2", "metric": "resolve", "values": {"stopped_at": 0, "policy_id": "p"}},
        {"view": "clocks", "entity": "C1", "metric": "resolve", "states": ["met", "met"]},
        {"view": "clocks", "entity": "C9", "metric": "resolve", "states": []},
        {"view": "incidents", "pattern": "P02", "count": 1},
        {"view": "incidents", "pattern": "P02", "entity": "C1", "count": 0},
        {"view": "incidents", "pattern": "P02", "entity": "C2", "metric": "resolve", "severities": ["warning"]},
        {"view": "emitted", "pattern": "P02", "transition": "opened", "page": True, "count": 1},
        {"view": "emitted", "pattern": "P02", "transition": "closed", "count": 0},
        {"view": "emitted", "pattern": "P01", "entity": "C2", "metric": "resolve", "page": True, "count": 0},
        {"view": "kpi", "sum": {"contacts_opened": 2, "resolve_breached": 1, "contacts_reopened": 1}},
        {"view": "kpi", "dimension": "channel", "value": "chat", "sum": {"contacts_opened": 1}},
        {"view": "kpi", "dimension": "channel", "value": "post", "sum": {"contacts_opened": 0}},
        {"view": "rejected", "reasons": ["wrong_type"]},
        {"view": "warnings", "event": "behind", "warnings": ["out_of_order"]},
    ],
    ids=str,
)  # fmt: skip
def test_what_has_become_true_is_as_expected(expectation: dict[str, Any], outcome: Tryout) -> None:
    found = verdict(expectation, outcome)
    assert found.expected == found.got
    assert found.equal


@pytest.mark.parametrize(
    ("expectation", "got"),
    [
        (
            {"view": "case", "entity": "C2", "values": {"state": "closed", "opened_at": "2026-11-23T11:00:00Z"}},
            {"state": "open", "opened_at": "2026-11-23T11:00:00Z"},
        ),
        ({"view": "case", "entity": "C9", "values": {"state": "open"}}, "no such case"),
        ({"view": "clock", "entity": "C1", "metric": "answer", "values": {"state": "met"}}, "no such clock"),
        (
            {"view": "clock", "entity": "C2", "metric": "resolve", "values": {"due_at": "2026-11-23T15:00:01Z"}},
            {"due_at": "2026-11-23T15:00:00Z"},
        ),
        ({"view": "clocks", "entity": "C2", "metric": "resolve", "states": ["met"]}, ["breached_open"]),
        ({"view": "incidents", "pattern": "P02", "count": 2}, 1),
        ({"view": "incidents", "pattern": "P02", "severities": []}, ["warning"]),
        ({"view": "emitted", "pattern": "P02", "transition": "opened", "page": False, "count": 1}, 0),
        ({"view": "kpi", "sum": {"contacts_opened": 3, "praise": 0}}, {"contacts_opened": 2, "praise": 0}),
        ({"view": "rejected", "reasons": []}, ["wrong_type"]),
        ({"view": "warnings", "event": "behind", "warnings": []}, ["out_of_order"]),
        ({"view": "warnings", "event": "e9", "warnings": []}, "no such event was accepted"),
    ],
    ids=str,
)
def test_what_has_not_differs_with_what_came_instead(expectation: dict[str, Any], got: Any, outcome: Tryout) -> None:
    found = verdict(expectation, outcome)
    assert not found.equal
    assert found.got == got


def test_a_name_that_two_cases_have_is_no_answer() -> None:
    outcome = tried(opened(source="desk"), opened(source="crm"))
    found = verdict({"view": "case", "entity": "C1", "values": {"state": "open"}}, outcome)
    assert found.got == "several such cases"


def test_a_verdict_says_of_what_it_is(outcome: Tryout) -> None:
    expectation = {"view": "clock", "entity": "C1", "metric": "resolve", "instance": 2, "values": {"state": "met"}}
    assert verdict(expectation, outcome).subject == "clock entity=C1 metric=resolve instance=2"


@pytest.mark.parametrize(
    ("expectation", "says"),
    [
        ({}, "Unable to extract tag using discriminator 'view'"),
        ({"view": "clok"}, "Input tag 'clok' found using 'view' does not match any of the expected tags: 'case'"),
        ({"view": "case", "entity": "C1"}, "values: Field required"),
        ({"view": "case", "entity": "C1", "values": {"status": 1}}, "values: no column status; known: topic, source,"),
        ({"view": "clock", "entity": "C1", "metric": "resolv", "values": {}}, "metric: Input should be 'answer'"),
        (
            {"view": "clock", "entity": "C1", "metric": "resolve", "values": {"due_at": "noon"}},
            "values: 'noon' is no moment",
        ),
        ({"view": "clocks", "entity": "C1", "metric": "resolve", "states": ["late"]}, "states.0: Input should be"),
        ({"view": "incidents", "pattern": "P99", "count": 1}, "pattern: must be one of P01, P02"),
        ({"view": "incidents", "pattern": "P01"}, "give count or severities"),
        ({"view": "incidents", "pattern": "P01", "count": 1, "severities": []}, "give count or severities"),
        ({"view": "emitted", "pattern": "P01"}, "count: Field required"),
        ({"view": "kpi", "sum": {"opened": 1}}, "sum: no column opened; known: contacts_opened"),
        ({"view": "kpi", "dimension": "planet", "sum": {}}, "dimension: no dimension planet; known: all, channel"),
        ({"view": "rejected", "reasons": ["bad"]}, "reasons.0: Input should be"),
        ({"view": "rejected", "reasons": [], "event": "e1"}, "event: Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_a_question_about_what_does_not_exist_is_refused(expectation: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_expectation(expectation)
    assert str(caught.value).startswith(says)
