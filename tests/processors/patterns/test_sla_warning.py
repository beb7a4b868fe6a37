"""P01 SLA warning: an urgent contact is promised four hours, and warned of at 80 %."""

from pathlib import Path

import pytest

from tests.processors.feed import HOUR, MINUTE, T0, Happening
from tests.processors.patterns.incidents_after import contact, incidents_after, opened, with_parameters

DUE = 4 * HOUR
WARNED = round(0.8 * DUE)


def test_a_warning_opens_when_its_share_is_used_and_says_how_much() -> None:
    before = incidents_after(opened(priority="urgent"), until=WARNED + MINUTE)
    assert before.of("P01") == []
    warning = before.then(until=WARNED + MINUTE + 1).one("P01")
    assert (warning["state"], warning["severity"], warning["opened_at"]) == ("open", "warning", T0 + WARNED)
    assert warning["summary"] == "resolve has used 80% of its 4 h"


def test_half_of_the_time_is_information_only() -> None:
    warning = incidents_after(opened(channel="email"), until=5 * HOUR).one("P01")
    assert (warning["metric"], warning["severity"], warning["opened_at"]) == ("first_response", "info", T0 + 4 * HOUR)


@pytest.mark.parametrize(
    ("name", "log", "reason", "closed_at"),
    [
        ("resolved in time", [contact("resolved", DUE - 1)], "met", DUE - 1),
        ("given up", [contact("abandoned", DUE - 1)], "cancelled", DUE - 1),
        ("withdrawn", [contact("voided", DUE - 1)], None, None),
        ("merged", [opened("C2"), contact("merged", DUE - 1, into="C2")], "cancelled", DUE - 1),
        ("broken", [], "breached", DUE),
        ("broken, then resolved", [contact("resolved", DUE + HOUR)], "breached", DUE),
    ],
)
def test_a_warning_closes(name: str, log: list[Happening], reason: str | None, closed_at: int | None) -> None:
    case = incidents_after(opened(priority="urgent"), until=WARNED + HOUR // 10).then(*log, until=DUE + 2 * HOUR)
    if reason is None:
        assert (case.of("P01"), case.transitions[-1][2]) == ([], "withdrawn"), name
        return
    warning = next(row for row in case.of("P01") if row["entity_id"] == "C1")
    assert (warning["close_reason"], warning["closed_at"]) == (reason, T0 + (closed_at or 0)), name


def test_from_which_share_on_it_is_serious_can_be_changed(tmp_path: Path) -> None:
    changed = with_parameters(tmp_path, "P01: {serious_share: 0.5}")
    warning = incidents_after(opened(channel="email"), until=5 * HOUR, rules_=changed).one("P01")
    assert (warning["metric"], warning["severity"]) == ("first_response", "warning")
