"""P10 ping-pong: what counts as handed on and back, and what ends it."""

from pathlib import Path

import pytest

from processors.patterns.ping_pong import crossing
from tests.processors.feed import HOUR, MINUTE, T0, Happening
from tests.processors.patterns.incidents_after import contact, incidents_after, opened, with_parameters


@pytest.mark.parametrize(
    ("path", "at"),
    [
        ("ab", None),
        ("abc", None),
        ("aba", 2),
        ("abcd", 3),
        ("abac", 2),
        ("aa", None),
        ("aab", None),
    ],
)
def test_crossing(path: str, at: int | None) -> None:
    transfers = [(number, path[number - 1], path[number]) for number in range(1, len(path))]
    assert crossing(transfers, 3) == at


def handed(path: str, at: int = 0) -> list[Happening]:
    return [
        contact("transferred", at + number * MINUTE, **{"from": path[number - 1], "to": path[number]})
        for number in range(1, len(path))
    ]


def test_ping_pong_opens_at_the_transfer_back_and_closes_at_resolution() -> None:
    case = incidents_after(opened(), *handed("aba"))
    open_one = case.one("P10")
    assert (open_one["state"], open_one["opened_at"], open_one["severity"]) == ("open", T0 + 2 * MINUTE, "warning")
    assert open_one["summary"] == "handed on 2 times: a > b > a"
    closed = case.then(
        contact("resolved", HOUR), contact("closed", 2 * HOUR), contact("outcome", 3 * HOUR, kind="lost")
    )
    assert (closed.one("P10")["close_reason"], closed.one("P10")["closed_at"]) == ("auto", T0 + HOUR)


def test_what_is_handed_on_after_its_resolution_is_no_ping_pong() -> None:
    assert incidents_after(opened(), contact("resolved", 1), *handed("abab")).of("P10") == []


def test_reopening_starts_the_count_again_and_what_was_stays() -> None:
    log = [opened(), *handed("aba"), contact("resolved", HOUR), contact("reopened", 2 * HOUR)]
    case = incidents_after(*log)
    assert [(row["state"], row["closed_at"]) for row in case.of("P10")] == [("closed", T0 + HOUR)]
    case.then(*handed("ab", 3 * HOUR))
    assert len(case.of("P10")) == 1
    case.then(*handed("ba", 4 * HOUR))
    assert [(row["state"], row["subject"][-2:]) for row in case.of("P10")] == [("closed", ":0"), ("open", ":1")]


def test_a_transfer_that_is_withdrawn_takes_its_incident_along() -> None:
    log = [opened(), *handed("aba")]
    case = incidents_after(*log, contact("voided", HOUR, voids_event_id=log[-1].event["event_id"]))
    assert case.of("P10") == []
    assert [transition for pattern, _, transition in case.transitions if pattern == "P10"] == ["opened", "withdrawn"]


@pytest.mark.parametrize(("transfers", "incidents"), [(2, 1), (3, 1), (4, 0)])
def test_how_many_transfers_make_it_can_be_changed(tmp_path: Path, transfers: int, incidents: int) -> None:
    changed = with_parameters(tmp_path, f"P10: {{transfers: {transfers}}}")
    assert len(incidents_after(opened(), *handed("abcd"), rules_=changed).of("P10")) == incidents
