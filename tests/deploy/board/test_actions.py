"""What the board makes of people's actions: the same as `v_incidents` does."""

import json
from typing import Any

from deploy.board.actions import NOBODY, ActionBook, Handling

MINUTE = 60_000
NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z


def action(kind: str, minute: int, who: str = "ana", note: str = "", **more: Any) -> tuple[bytes, int]:
    told = {
        "action_id": f"{kind}-{minute}", "action": kind, "schema_version": "1.0", "who": who,
        "at": f"2026-11-22T12:{minute:02}:00Z", "incident_id": "i",
    } | more  # fmt: skip
    return json.dumps(told | ({"note": note} if note else {})).encode(), NOON + minute * MINUTE


def book(*records: tuple[bytes, int]) -> ActionBook:
    found = ActionBook()
    for value, at in records:
        found.read(value, at)
    return found


ACK, ACT = action("acknowledged", 5), action("acted", 9, "luis", "called back")
DISMISS = action("dismissed", 12, "eva", "a test call")


def test_an_incident_has_who_did_what_first_and_what_was_said_last() -> None:
    assert book(ACK, ACT, action("acted", 20)).of("i") == Handling(
        NOON + 5 * MINUTE, "ana", NOON + 9 * MINUTE, "luis", note="called back"
    )
    assert book(ACK).of("another") == NOBODY


def test_who_acts_without_a_word_before_has_acknowledged_it() -> None:
    assert book(ACT).of("i").acknowledged_by == "luis"


def test_a_dismissal_holds_until_somebody_acknowledges_the_incident_again() -> None:
    assert book(ACK, DISMISS).of("i").dismissed
    assert book(ACK, DISMISS, ACT).of("i").dismissed, "what is noted afterwards does not open it"
    again = book(DISMISS, action("acknowledged", 15)).of("i")
    assert (again.dismissed, again.dismissed_by, again.acknowledged_by) == (False, "", "eva")


def test_what_is_read_again_counts_once() -> None:
    assert book(ACK, ACT, DISMISS, ACK, ACT, DISMISS).of("i") == book(ACK, ACT, DISMISS).of("i")


def test_what_is_no_action_is_counted_and_changes_nothing() -> None:
    found = book(ACK, (b"", NOON), (b"\xff", NOON), (b'{"action": "snoozed"}', NOON), (b"null", NOON))
    assert (found.rejected, found.of("i")) == (4, book(ACK).of("i"))


def test_maintenance_is_shown_until_it_ends_and_not_when_it_was_called_off() -> None:
    plan: dict[str, Any] = {"maintenance_id": "m", "source": "pbx", "begins_at": "2026-11-22T12:10:00Z"}
    planned = action("maintenance_planned", 1, **plan, ends_at="2026-11-22T12:30:00Z")
    off = action("maintenance_planned", 2, **plan, ends_at="2026-11-22T12:10:00Z")
    shown = book(planned)
    assert [one.source for one in shown.maintenance(NOON)] == ["pbx"]
    assert shown.maintenance(NOON + 30 * MINUTE) == []
    assert book(planned, off).maintenance(NOON) == []
