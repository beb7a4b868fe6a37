"""What a pack asks for and cannot have: refused with the line, the reason, and what would work."""

from pathlib import Path

import pytest
import yaml

from processors.rules import RulesError
from schemas.policies.abilities import ABILITIES
from schemas.policies.packs import load_all, warnings_of
from schemas.policies.policy import Policy
from schemas.policies.yaml_lines import YamlRefusedError
from schemas.taxonomy import CLOCK_METRICS
from tests.processors.feed import rules


def pack(folder: Path, text: str, policy_id: str = "p") -> Path:
    path = folder / f"{policy_id}.yaml"
    path.write_text(f'policy_id: {policy_id}\nversion: "1"\nclocks:\n{text}\n', encoding="utf-8")
    return path


def refusal(*paths: Path) -> str:
    """What is said against packs, without the file; '' when they can be used."""
    try:
        load_all(paths, grace_ms=0, calendar_ids=("uk",))
    except YamlRefusedError as error:
        return str(error).partition(".yaml:")[2]
    return ""


def rule(metric: str, keys: str) -> str:
    return f"  {metric}:\n    - target: 4h\n      {keys}"


CANNOT: dict[str, dict[str, str]] = {
    "pausable: true": {"follow_up": "a longer target would do"},
    "on_reopen: restart": dict.fromkeys(
        set(CLOCK_METRICS) - {"resolve", "final_response"}, "`on_reopen` is for resolve and final_response"
    ),
    "on_reopen: continue": dict.fromkeys(set(CLOCK_METRICS) - {"resolve", "final_response"}, "`on_reopen` is for"),
    "on_priority_change: recompute": {"follow_up": "a survey changes neither priority nor class"},
    "calendar: uk\n      extended_working_days: 9": dict.fromkeys(
        set(CLOCK_METRICS) - {"final_response"}, "a holding response extends final_response alone"
    ),
    "when: {topic: [contact-events]}": {
        "acknowledge": "no event acknowledges a contact",
        "follow_up": "only an unhappy answer to a survey",
    },
    "when: {topic: [complaint-events]}": {
        **dict.fromkeys(("first_response", "next_response"), "no event tells of a reply to a complaint"),
        **dict.fromkeys(("answer", "human_on_request", "callback"), "complaints wait in no queue"),
        "follow_up": "only an unhappy answer",
    },
    "when: {topic: [survey-events]}": dict.fromkeys(set(CLOCK_METRICS) - {"follow_up"}, "`follow_up`"),
    "when: {kind: [outbound]}": dict.fromkeys(
        ("resolve", "final_response", "acknowledge", "follow_up", "own"), "with kind outbound"
    ),
    "when: {topic_class: [general]}": dict.fromkeys(
        ("answer", "human_on_request", "first_response", "next_response", "callback", "follow_up"), "none has any"
    ),
    "when: {queue: [q]}": {"acknowledge": "none has any", "follow_up": "none has any"},
    "when: {priority: [urgent]}": {"follow_up": "none has any"},
    "legal: true": {},
    "warn_at: [0.9]": {},
    "grace: 5s": {},
    "calendar: uk": {},
}
"""Keys of a rule -> the metrics that cannot have them, and what is said; all others can."""


@pytest.mark.parametrize("metric", CLOCK_METRICS)
@pytest.mark.parametrize("keys", CANNOT)
def test_what_a_metric_cannot_do_is_refused_with_the_line_and_what_would_work(
    tmp_path: Path, keys: str, metric: str
) -> None:
    said = refusal(pack(tmp_path, rule(metric, keys)))
    why = CANNOT[keys].get(metric)
    if why is None:
        assert said == ""
    else:
        key = keys.rpartition("\n")[2].strip().partition(":")[0]
        assert said.startswith(f"{6 + keys.count(chr(10))}: clocks.{metric}.0.{key}")
        assert why in said


ALONE: list[tuple[str, str, str]] = [
    ("a pause of what does not pause", rule("resolve", "max_pause: 1d"), "6: clocks.resolve.0.max_pause: has no"),
    ("reasons for no pause", rule("resolve", "pause_reasons: [info]"), "pause_reasons: has no effect without"),
    ("what no pause is for", rule("resolve", "pause_on: [waiting_customer]"), "pause_on: has no effect without"),
    ("a pause on nothing", rule("resolve", "pausable: true\n      pause_on: []"), "pause_on: is empty"),
    ("a pause for no reason", rule("resolve", "pausable: true\n      pause_reasons: []"), "pause_reasons: is empty"),
    ("a pause that is the end",
     rule("answer", "pausable: true\n      pause_on: [waiting_customer]\n      pause_reasons: [schedule]"),
     "pause_reasons: answer does not pause for an appointment"),
    ("a condition that is empty", rule("resolve", "when: {priority: []}"), "when.priority: is empty, so it fits all"),
    ("more of no promise",
     "  resolve:\n    - when: {kind: [praise]}\n      legal: true\n    - target: 1h", "legal: a rule with"),
    ("a calendar of nothing",
     "  resolve: [{when: {kind: [praise]}, calendar: uk}, {target: 1h}]", "calendar: a rule without"),
    ("an extension that is shorter",
     "  final_response: [{working_days: 15, calendar: uk, extended_working_days: 15}]", "more than the 15"),
    ("an extension of contacts",
     "  final_response: [{when: {topic: [contact-events]}, working_days: 1, calendar: uk, extended_working_days: 5}]",
     "only complaints have holding responses"),
    ("kept from nothing", rule("resolve", "on_priority_change: keep"), "nothing is there to keep it from"),
    ("kept from what never changes",
     rule("resolve", "when: {source: [desk]}\n      on_priority_change: keep"), "nothing is there to keep it from"),
    ("a grace that no change leads to", rule("resolve", "grace_on_escalation: 1h"), "no change leads to this rule"),
    ("a queue that changes no wait",
     rule("answer", "when: {queue: [q]}\n      on_priority_change: keep"), "nothing is there to keep it from"),
    ("nothing for whom nothing is promised anyway",
     "  resolve: [{target: 4h, when: {kind: [claim]}}, {when: {kind: [praise]}}]",
     "resolve.1: promises nothing to whom no rule after it promises anything"),
    ("a kind that is none", rule("resolve", "when: {kind: [praize]}"), "when.kind.0: must be 'inbound'"),
    ("a kind of another topic", rule("resolve", "when: {topic: [contact-events], kind: [claim]}"),
     "when.kind.0: there is no resolve clock of contact-events with kind claim: inbound"),
    ("a class of a contact", rule("resolve", "when: {topic: [contact-events], topic_class: [general]}"), "none has"),
    ("an empty wait of complaints",
     "  answer: []\nshort_abandon: [{when: {topic: [complaint-events]}, below: 1s}]", "only contacts wait"),
    ("a second threshold for all",
     "  answer: []\nshort_abandon: [{below: 1s}, {when: {channel: [phone]}, below: 2s}]", "short_abandon.1: never"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "why"), ALONE, ids=[case[0] for case in ALONE])
def test_a_key_that_has_no_effect_where_it_stands_is_refused(tmp_path: Path, name: str, text: str, why: str) -> None:
    assert why in refusal(pack(tmp_path, text)), name


WITH_EFFECT = [
    "  resolve: [{when: {priority: [urgent]}, target: 1h}, {target: 4h, on_priority_change: keep}]",
    "  resolve: [{when: {priority: [urgent]}, target: 1h, grace_on_escalation: 0s, on_priority_change: keep}]",
    "  resolve: [{when: {kind: [praise]}}, {target: 4h, grace_on_escalation: 1h}]",
    "  resolve: [{target: 4h, pausable: false, legal: true}]",
    "  final_response: [{working_days: 2, calendar: uk, extended_working_days: 3, legal: true}]",
]


@pytest.mark.parametrize("text", WITH_EFFECT)
def test_what_has_an_effect_is_not(tmp_path: Path, text: str) -> None:
    assert refusal(pack(tmp_path, text)) == ""


def test_what_decides_in_another_pack_may_be_what_a_target_is_kept_from(tmp_path: Path) -> None:
    strict = pack(tmp_path, rule("resolve", "when: {priority: [urgent]}"), "strict")
    usual = pack(tmp_path, rule("resolve", "on_priority_change: keep"), "usual")
    assert "nothing is there to keep it from" in refusal(usual)
    assert refusal(strict, usual) == ""


def test_a_category_is_called_as_it_is_shown(tmp_path: Path) -> None:
    text = rule("resolve", "when: {category: [facturacion, vpn]}")
    with pytest.raises(RulesError, match=r"when.category.0: cases of facturacion come under 'billing': write that$"):
        rules(policies=(pack(tmp_path, text),))


def test_of_several_refusals_the_first_by_line_is_named(tmp_path: Path) -> None:
    text = "  resolve:\n    - {target: 4h, max_pause: 1d}\n  answer:\n    - {target: 20s, on_reopen: none}"
    assert refusal(pack(tmp_path, text)) == (
        "5: clocks.resolve.0.max_pause: has no effect without `pausable: true` (and 1 more)"
    )


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        (
            "  acknowledge: [{target: 4h}]",
            "acknowledge.0: holds for complaint-events alone, as `topic` would say: no event",
        ),
        ("  first_response: [{target: 4h}]", "first_response.0: holds for contact-events alone"),
        ("  acknowledge: [{when: {topic: [complaint-events]}, target: 4h}]", ""),
        ("  acknowledge: [{when: {kind: [praise]}}, {when: {kind: [claim]}, target: 4h}]", ""),
        ("  callback: [{target: 4h}]", ""),
    ],
)
def test_a_promise_that_seems_to_hold_for_all_cases_is_warned_about(tmp_path: Path, text: str, warned: str) -> None:
    path = pack(tmp_path, text)
    policy = Policy.model_validate({"policy_id": "p", "version": "1", "clocks": yaml.safe_load(text)})
    said = list(warnings_of(path, policy))
    assert len(said) == bool(warned)
    assert all(warned in line for line in said)


def test_every_metric_says_what_it_can_do() -> None:
    assert set(ABILITIES) == set(CLOCK_METRICS)
