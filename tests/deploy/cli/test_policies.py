"""What is said of a pack, and of what it promises."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.policies import ExplainError, check, explain
from deploy.cli.settings import SHIPPED
from schemas.policies.yaml_lines import YamlRefusedError

CALENDARS = SHIPPED / "calendars"
PACKS = sorted(path for path in SHIPPED.glob("*.yaml") if path.stem != "patterns")


@pytest.mark.parametrize("path", PACKS, ids=[path.stem for path in PACKS])
def test_every_pack_that_is_shipped_is_right_and_says_what_it_is_not(path: Path) -> None:
    (checked,) = check([path], CALENDARS)
    assert checked.what.startswith(f"{path.stem} ")
    assert checked.warnings == ()
    header = path.read_text(encoding="utf-8").partition("policy_id:")[0].replace("\n# ", " ")
    assert "technical aid, not legal advice" in header
    assert "Must confirm before use" in header


def test_all_files_that_are_shipped_can_be_checked_whatever_they_are() -> None:
    files = [*SHIPPED.glob("*.yaml"), *CALENDARS.glob("*.yaml")]
    said = {one.path.stem: one.what for one in check(files, CALENDARS)}
    assert len(said) == len(files)
    assert said["patterns"] == "parameters of failure patterns, all as declared"
    assert said["uk"] == "calendar uk 1"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("P08: {warning: 0}", "P08.warning"),
        ("calendar_id: x", "version: is missing .and 2 more.$"),
        ("policy: x", "clocks: is missing"),
    ],
)
def test_a_file_is_checked_as_what_it_is(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(text)
    with pytest.raises(YamlRefusedError, match=wrong):
        check([file], CALENDARS)


def test_a_folder_is_no_file_and_the_files_in_it_are_named() -> None:
    with pytest.raises(YamlRefusedError) as refused:
        check([SHIPPED], CALENDARS)
    assert str(refused.value) == f"{SHIPPED} is a folder: name the files in it, as {SHIPPED / 'default.yaml'}"


def explained(pack: str, **event: Any) -> list[str]:
    said = {"occurred_at": "2026-11-23T10:05:00+01:00", **event}
    return explain([SHIPPED / f"{pack}.yaml"], CALENDARS, json.dumps(said), grace_ms=0)


CLAIM = {"event_type": "complaint.opened", "kind": "claim", "channel": "post"}


@pytest.mark.parametrize(
    ("pack", "fields", "line"),
    [
        ("es-ley-10-2025", {"topic_class": "general"}, "final_response: 15 working_days es-working-days, legal, due "
         "2026-12-15 23:59:59+01:00"),
        ("es-ley-10-2025", {"topic_class": "service_continuity"}, "final_response: 2h, legal, due "
         "2026-11-23 11:05:00+00:00"),
        ("es-ley-10-2025", {"topic_class": "billing_undue_charge"}, "final_response: 5d, legal, due "
         "2026-11-28 09:05:00+00:00"),
        ("uk-fca-disp", {"topic_class": "payment_service"}, "final_response: 15 working_days uk, legal, due "
         "2026-12-14 23:59:59+00:00"),
        ("uk-fca-disp", {"topic_class": "general"}, "final_response: 56d, legal, due 2027-01-18 09:05:00+00:00"),
        ("iso-10002", {}, "update_every: 7d, due 2026-11-30 09:05:00+00:00"),
        ("default", {"priority": "urgent"}, "resolve: 4h, due 2026-11-23 13:05:00+00:00"),
    ],
)  # fmt: skip
def test_an_event_and_what_it_is_promised(pack: str, fields: dict[str, str], line: str) -> None:
    assert line in explained(pack, **CLAIM, **fields)


def test_it_says_why_and_what_else_may_run() -> None:
    lines = explained("es-ley-10-2025", **CLAIM, topic_class="billing_undue_charge")
    assert "    rule 4 of final_response in es-ley-10-2025 1: topic_class is billing_undue_charge" in lines
    assert any(
        line.startswith("human_on_request: not for complaint-events: complaints wait in no queue") for line in lines
    )
    assert "resolve: no pack names it" in lines
    lines = explained("es-ley-10-2025", event_type="contact.opened", direction="inbound", channel="phone")
    assert "human_on_request: 3min by rule 1 of es-ley-10-2025, from human_requested on" in lines


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ("{", "not JSON"),
        ("[]", "no event_type"),
        ('{"event_type": "order.opened"}', "no event_type that begins with"),
        ('{"event_type": "contact.opened", "channel": "fax", "direction": "inbound"}', "bad_enum channel"),
    ],
)
def test_a_question_that_cannot_be_answered(event: str, says: str) -> None:
    with pytest.raises(ExplainError, match=says):
        explain([SHIPPED / "default.yaml"], CALENDARS, event, grace_ms=0)


def test_holidays_that_are_skipped_are_named() -> None:
    lines = explained("es-ley-10-2025", **CLAIM, occurred_at="2026-12-03T10:00:00+01:00")
    assert any(line.startswith("    not counted until then: ") for line in lines)
    (skipped,) = [line for line in lines if "not counted until then" in line]
    assert "4 weekends" in skipped
    assert "2026-12-08 Immaculate Conception" in skipped
    assert "2026-12-25 Christmas Day" in skipped
