"""SLA policy packs: which promise holds, which version, and what is said of a pack that cannot be used."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from processors.rules import RulesError
from schemas.policies.durations import in_words
from schemas.policies.packs import PolicyBook, Target, load, load_all
from schemas.policies.texts import digest_of
from schemas.policies.yaml_lines import YamlRefusedError
from tests.processors.feed import rules

GRACE = 60_000
DEFAULT = Path(__file__).parents[3] / "deploy" / "policies" / "default.yaml"
SECOND, HOUR = 1_000, 3_600_000


def pack(
    folder: Path, clocks: str, *, policy_id: str = "p", version: str = "1", valid_from: str = "2000-01-01T00:00:00Z"
) -> Path:
    path = folder / f"{policy_id}-{version}.yaml"
    path.write_text(
        f'policy_id: {policy_id}\nversion: "{version}"\nvalid_from: {valid_from}\nclocks:\n{clocks}', encoding="utf-8"
    )
    return path


def book(*paths: Path) -> PolicyBook:
    return load_all(paths, grace_ms=GRACE, calendar_ids=("always", "uk"))


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


MINUTE, DAY = 60_000, 86_400_000


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (0, "less than 1 s"),
        (999, "less than 1 s"),
        (20 * SECOND, "20 s"),
        (90 * MINUTE, "1 h 30 min"),
        (4 * HOUR, "4 h"),
        (4 * HOUR + 20 * SECOND, "4 h"),
        (51 * HOUR, "2 d 3 h"),
        (51 * HOUR + 59 * MINUTE, "2 d 3 h"),
        (14 * DAY, "14 d"),
    ],
)
def test_durations_are_said_in_their_two_largest_units(duration: int, words: str) -> None:
    assert in_words(duration) == words


NOW = ms("2026-06-01")
RESOLVE = """\
  resolve:
    - {when: {kind: [praise]}}
    - {when: {priority: [urgent], channel: [phone, chat]}, target: 1h}
    - {when: {priority: [urgent]}, target: 4h}
    - {target: 1d}
"""


@pytest.mark.parametrize(
    ("name", "facts", "hours"),
    [
        ("the first rule that fits", {"priority": "urgent", "channel": "chat"}, 1),
        ("all conditions of a rule must fit", {"priority": "urgent", "channel": "email"}, 4),
        ("what was not said fits no condition", {"priority": "urgent"}, 4),
        ("a rule without conditions fits all", {"priority": "low"}, 24),
        ("a rule without a target ends the search", {"kind": "praise", "priority": "urgent"}, None),
        ("nothing known at all", {}, 24),
    ],
)
def test_the_first_match_wins(tmp_path: Path, name: str, facts: dict[str, str], hours: int | None) -> None:
    target = book(pack(tmp_path, RESOLVE)).target("resolve", NOW, facts)
    assert (target and target.target_ms) == (hours and hours * HOUR), name


def test_a_metric_that_a_pack_does_not_name_is_not_promised(tmp_path: Path) -> None:
    assert book(pack(tmp_path, RESOLVE)).target("answer", NOW, {}) is None


def test_packs_are_asked_in_order_and_a_rule_without_target_ends_the_search_in_its_own_only(tmp_path: Path) -> None:
    strict = pack(
        tmp_path,
        "  resolve: [{when: {kind: [claim]}, target: 2h}, {when: {kind: [praise]}}, {when: {area: [x]}, target: 1h}]\n",
        policy_id="a",
    )
    usual = pack(tmp_path, "  resolve: [{target: 9h}]\n", policy_id="b")
    both = book(strict, usual)
    promised = {kind: both.target("resolve", NOW, {"kind": kind}) for kind in ("claim", "praise", "query")}
    assert {kind: (target and target.policy_id) for kind, target in promised.items()} == {
        "claim": "a",
        "praise": "b",
        "query": "b",
    }
    assert both.policy_ids == ("a", "b")


@pytest.mark.parametrize(
    ("moment", "version"),
    [("2019-12-31", None), ("2020-01-01", "1"), ("2025-12-31", "1"), ("2026-01-01", "2"), ("2030-01-01", "2")],
)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_version_in_force_when_the_clock_starts_holds(
    tmp_path: Path, moment: str, version: str | None, order: tuple[int, int]
) -> None:
    paths = [
        pack(tmp_path, "  answer: [{target: 20s}]\n", version="1", valid_from="2020-01-01T00:00:00Z"),
        pack(tmp_path, "  answer: [{target: 10s}]\n", version="2", valid_from="2026-01-01T00:00:00Z"),
    ]
    target = book(*(paths[index] for index in order)).target("answer", ms(moment), {})
    assert (target and target.policy_version) == version


def test_a_newer_version_that_promises_nothing_ends_the_promise(tmp_path: Path) -> None:
    old = pack(tmp_path, "  answer: [{target: 20s}]\n", version="1")
    new = pack(tmp_path, "  answer: []\n", version="2", valid_from="2026-01-01T00:00:00Z")
    assert book(old, new).target("answer", NOW, {}) is None


@pytest.mark.parametrize(
    ("written", "milliseconds"), [("20s", 20_000), ("15min", 900_000), ("8h", 28_800_000), ("2 d", 172_800_000)]
)
def test_durations_are_written_with_their_unit(tmp_path: Path, written: str, milliseconds: int) -> None:
    rule = f"  answer: [{{target: {written}, grace: 5s, warn_at: [0.8, 0.5]}}]\n"
    path = pack(tmp_path, rule)
    target = book(path).target("answer", NOW, {})
    assert target == Target(
        policy_id="p", policy_version="1", policy_digest=digest_of(path.read_text(encoding="utf-8")),
        target_ms=milliseconds, grace_ms=5_000, warn_at=(0.5, 0.8),
    )  # fmt: skip


def test_the_grace_is_the_settings_unless_a_rule_says_its_own(tmp_path: Path) -> None:
    both = book(pack(tmp_path, "  answer: [{when: {channel: [phone]}, target: 20s, grace: 5min}, {target: 60s}]\n"))
    graces = [both.target("answer", NOW, {"channel": channel}) for channel in ("phone", "chat")]
    assert [target and target.grace_ms for target in graces] == [300_000, GRACE]
    assert (both.longest_grace_ms, both.shortest_grace_ms) == (300_000, GRACE)


def test_what_alerts_are_held_to_decides_about_no_clock(tmp_path: Path) -> None:
    clocks = "  answer: [{target: 20s}]\n"
    held = book(pack(tmp_path, f"{clocks}attainment: {{answer: 0.8}}\noldest_case: {{urgent: 1d, low: 14d}}\n"))
    (policy,) = held.policies
    assert policy.oldest_case == {"urgent": 86_400_000, "low": 1_209_600_000}
    assert held.content == book(pack(tmp_path, clocks)).content


BAD: list[tuple[str, str, list[str]]] = [
    ("no unit", "  answer: [{target: 20}]\n", ["clocks.answer.0.target", "a duration is a number and a unit"]),
    ("another unit", "  answer: [{target: 3 weeks}]\n", ["clocks.answer.0.target", '"20s"']),
    ("nothing", "  answer: [{target: 0s}]\n", ["clocks.answer.0.target", "longer than nothing"]),
    ("an unknown metric", "  anwser: [{target: 20s}]\n", ["clocks.anwser", "'answer'"]),
    ("an unknown condition", "  answer: [{when: {colour: [red]}, target: 20s}]\n", ["when.colour"]),
    ("a channel that is none", "  answer: [{when: {channel: [fax]}, target: 20s}]\n", ["when.channel.0", "'phone'"]),
    ("no list", "  answer: [{when: {channel: phone}, target: 20s}]\n", ["when.channel"]),
    ("a warning after the deadline", "  answer: [{target: 20s, warn_at: [1.5]}]\n", ["warn_at.0"]),
    (
        "an unknown calendar",
        "  answer: [{target: 20s, calendar: mars}]\n",
        [":5: clocks.answer.0.calendar", "unknown calendar 'mars'"],
    ),
    (
        "two targets",
        "  answer: [{target: 20s, working_days: 3, calendar: uk}]\n",
        ["clocks.answer.0", "a target or working_days, not both"],
    ),
    ("working days of nobody", "  answer: [{working_days: 3}]\n", ["clocks.answer.0", "need the calendar"]),
    ("business days", "  answer: [{target: 2d, calendar: uk}]\n", ["clocks.answer.0", "ambiguous", "working_days"]),
    ("a legal pause", "  answer: [{target: 2h, legal: true, pausable: true}]\n", ["clocks.answer.0", "never pauses"]),
    (
        "a reason that is none",
        "  answer: [{target: 2h, pausable: true, pause_reasons: [lunch]}]\n",
        ["pause_reasons.0"],
    ),
    ("a pause without end", "  answer: [{target: 2h, pausable: true, max_pause: 0s}]\n", ["max_pause"]),
    ("another way to reopen", "  answer: [{target: 2h, on_reopen: always}]\n", ["on_reopen", "'continue'"]),
    (
        "a threshold that is no duration",
        "  answer: []\nshort_abandon: [{below: 5}]\n",
        ["short_abandon.0.below", '"20s"'],
    ),
    ("a threshold of nothing", "  answer: []\nshort_abandon: [{when: {queue: [q]}}]\n", ["short_abandon.0.below"]),
    ("a key twice", "  answer: []\n  answer: []\n", [":6: ", "stands twice"]),
    ("not YAML", "  answer: [\n", ["not usable YAML"]),
]


@pytest.mark.parametrize(("name", "clocks", "says"), BAD, ids=[case[0] for case in BAD])
def test_an_error_names_the_file_the_place_and_what_is_wrong(
    tmp_path: Path, name: str, clocks: str, says: list[str]
) -> None:
    path = pack(tmp_path, clocks)
    with pytest.raises(YamlRefusedError) as raised:
        load(path, ())
    message = str(raised.value)
    assert re.match(rf"{re.escape(str(path))}:\d+: ", message)
    assert "\n" not in message
    assert all(part in message for part in says), message


UNREACHABLE: list[tuple[str, str, str]] = [
    ("after one that fits all", "{target: 1h}, {when: {kind: [claim]}, target: 2h}", "rule 1 of this list fits"),
    ("after one that fits more", "{when: {channel: [phone, chat]}, target: 1h}, {when: {channel: [chat]}}", "rule 1"),
    ("after one with fewer conditions",
     "{when: {kind: [claim]}, target: 1h}, {when: {kind: [claim], channel: [chat]}, target: 2h}", "rule 1"),
    ("the same again", "{when: {kind: [claim]}, target: 1h}, {when: {kind: [claim]}, target: 2h}", "rule 1"),
    ("after several that fit all together",
     "{when: {priority: [urgent, high]}, target: 1h}, {when: {priority: [normal, low]}, target: 2h}, {target: 3h}",
     "rule 1 and rule 2 of this list fit all that it fits"),
    ("after one that fits all that can be of that class",
     "{when: {topic: [complaint-events]}, target: 1h}, {when: {topic_class: [general]}, target: 2h}", "rule 1"),
    ("each has something of its own",
     "{when: {kind: [claim]}, target: 1h}, {when: {channel: [chat]}, target: 2h}, {target: 3h}", ""),
    ("more than before", "{when: {channel: [chat]}, target: 1h}, {when: {channel: [chat, phone]}, target: 2h}", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "listed", "why"), UNREACHABLE, ids=[case[0] for case in UNREACHABLE])
def test_a_rule_that_is_never_reached_is_refused(tmp_path: Path, name: str, listed: str, why: str) -> None:
    path = pack(tmp_path, f"  resolve: [{listed}]\n")
    if not why:
        assert book(path).policy_ids == ("p",)
        return
    with pytest.raises(YamlRefusedError, match=rf"^{re.escape(str(path))}:5: clocks.resolve.\d: never reached: {why}"):
        book(path)


def test_rules_that_tell_too_many_sorts_of_cases_apart_are_compared_with_each_other(tmp_path: Path) -> None:
    names = ("area", "segment", "source", "queue")
    many = ", ".join(f"{{when: {{{name}: [{', '.join(f'v{n}' for n in range(20))}]}}, target: 1h}}" for name in names)
    with pytest.raises(YamlRefusedError, match=r"resolve\.4: never reached: rule 1 of this list fits all"):
        book(pack(tmp_path, f"  resolve: [{many}, {{when: {{area: [v3], segment: [v4]}}, target: 2h}}]\n"))
    assert book(pack(tmp_path, f"  resolve: [{many}, {{target: 2h}}]\n")).policy_ids == ("p",)


@pytest.mark.parametrize(
    ("rule", "written", "in_words"),
    [
        ("target: 4h", "4h", "4 h"),
        ("target: 48h", "2d", "2 d"),
        ("target: 48h, calendar: uk", "48h uk", "48 h of uk"),
        ("target: 90s", "90s", "1 min 30 s"),
        ("working_days: 15, calendar: uk", "15 working_days uk", "15 working days of uk"),
        ("working_days: 1, calendar: uk", "1 working_days uk", "1 working day of uk"),
    ],
)
def test_a_target_says_what_is_promised(tmp_path: Path, rule: str, written: str, in_words: str) -> None:
    target = book(pack(tmp_path, f"  resolve: [{{{rule}}}]\n")).target("resolve", NOW, {})
    assert target is not None
    assert (target.written, target.in_words) == (written, in_words)


@pytest.mark.parametrize(
    ("rule", "warn_at"),
    [
        ("target: 4h", (0.5, 0.8)),
        ("target: 4h, legal: true", (0.5, 0.8, 0.95)),
        ("target: 4h, warn_at: []", ()),
        ("target: 4h, legal: true, warn_at: [0.9]", (0.9,)),
    ],
)
def test_when_a_clock_warns(tmp_path: Path, rule: str, warn_at: tuple[float, ...]) -> None:
    target = book(pack(tmp_path, f"  resolve: [{{{rule}}}]\n")).target("resolve", NOW, {})
    assert target is not None
    assert target.warn_at == warn_at


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file"),
        (b"- a list\n", "the file"),
        (b"policy_id: Has Spaces\nversion: '1'\nclocks: {}\n", "policy_id"),
        (b"policy_id: p\nversion: 1\nclocks: {}\n", "version"),
        (b"policy_id: p\nversion: '1'\nvalid_from: 2026-01-01T00:00:00\nclocks: {}\n", "valid_from"),
        (b"policy_id: p\nversion: '1'\nclocks: {}\nauthor: me\n", "author"),
        (b"policy_id: caf\xe9\n", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_pack(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(YamlRefusedError, match=says) as raised:
        load(path, ())
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there_says_where_to_look() -> None:
    with pytest.raises(YamlRefusedError, match=r"unknown policy pack nowhere\.yaml: .*OIDOR_POLICIES"):
        load(Path("nowhere.yaml"), ())
    with pytest.raises(RulesError, match=r"nowhere\.yaml"):
        rules(policies=(Path("nowhere.yaml"),))


def test_one_version_of_a_pack_cannot_be_loaded_twice(tmp_path: Path) -> None:
    path = pack(tmp_path, RESOLVE)
    with pytest.raises(YamlRefusedError, match="policy p version 1 is loaded already"):
        book(path, path)


@pytest.mark.parametrize(
    ("metric", "facts", "target_ms"),
    [
        ("answer", {"channel": "phone"}, 20 * SECOND),
        ("answer", {"channel": "chat"}, 60 * SECOND),
        ("answer", {"channel": "post"}, None),
        ("first_response", {"topic": "contact-events", "channel": "email"}, 8 * HOUR),
        ("first_response", {"topic": "complaint-events", "channel": "email"}, None),
        ("resolve", {"priority": "urgent", "kind": "claim"}, 4 * HOUR),
        ("resolve", {"priority": "urgent", "kind": "praise"}, None),
        ("resolve", {"priority": "low"}, 40 * HOUR),
        ("acknowledge", {"topic": "complaint-events", "kind": "claim"}, 8 * HOUR),
        ("acknowledge", {"topic": "contact-events"}, None),
        ("callback", {"channel": "phone"}, HOUR),
    ],
)
def test_what_the_default_pack_promises(metric: str, facts: dict[str, str], target_ms: int | None) -> None:
    target = book(DEFAULT).target(metric, NOW, facts)  # type: ignore[arg-type]
    assert (target and target.target_ms) == target_ms


SHORT = """\
  answer: []
short_abandon:
  - {when: {queue: [vip]}, below: 0s}
  - {when: {channel: [phone]}, below: 8s}
"""


@pytest.mark.parametrize(
    ("facts", "short_ms"),
    [({"channel": "phone", "queue": "vip"}, 0), ({"channel": "phone"}, 8_000), ({"channel": "chat"}, 5_000)],
)
def test_who_leaves_sooner_than_the_first_rule_that_fits_did_not_wait(
    tmp_path: Path, facts: dict[str, str], short_ms: int
) -> None:
    assert book(pack(tmp_path, SHORT)).short_abandon_ms(NOW, facts) == short_ms
    assert book(pack(tmp_path, SHORT, valid_from="2026-07-01T00:00:00Z")).short_abandon_ms(NOW, facts) == 5_000


def test_a_promise_of_which_the_customer_was_told_the_time_says_so(tmp_path: Path) -> None:
    target = book(pack(tmp_path, "  callback: [{working_days: 1, calendar: uk, pausable: true}]\n")).target(
        "callback", NOW, {}
    )
    assert target is not None
    told = target.told(90 * MINUTE)
    assert (told.target_ms, told.written, told.in_words) == (90 * MINUTE, "as told", "1 h 30 min")
    assert (told.working_days, told.calendar_id, told.pause_on, told.recomputes) == (0, "", frozenset(), False)
