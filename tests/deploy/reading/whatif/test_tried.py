"""Which packs are tried, in which order they are asked, and what is refused."""

from pathlib import Path

import pytest

from deploy.cli.settings import SHIPPED
from deploy.cli.whatif import HALF_THE_TIME
from deploy.reading.whatif.comparison import Span
from deploy.reading.whatif.tried import Packs, Tried, TriedError, names, promises
from processors.sla.promises import Promises
from schemas.policies import packs
from schemas.policies.yaml_lines import YamlRefusedError

SPAN = Span(1_764_000_000_000, 1_765_000_000_000)
FACTS = {"topic": "contact-events", "priority": "normal"}


@pytest.fixture
def configured(tmp_path: Path) -> Packs:
    return Packs((pack(tmp_path, "desk", "8h"), pack(tmp_path, "law", "15d")), None, 60_000)


def pack(folder: Path, policy_id: str, target: str, *, version: str = "1", since: str = "2000-01-01") -> Path:
    path = folder / f"{policy_id}-{version}-{target}.yaml"
    path.write_text(
        f'policy_id: {policy_id}\nversion: "{version}"\nvalid_from: {since}T00:00:00Z\n'
        f"clocks:\n  resolve: [{{target: {target}}}]\n",
        encoding="utf-8",
    )
    return path


def resolve(found: Promises) -> tuple[str, str]:
    promise = found.promise("resolve", SPAN.begin, FACTS)
    assert promise is not None
    return promise[0].policy_id, promise[0].written


def test_a_pack_takes_the_place_of_the_one_of_its_name(configured: Packs, tmp_path: Path) -> None:
    tried = Tried((pack(tmp_path, "law", "4d", version="2"), pack(tmp_path, "desk", "4h", version="2")))
    assert resolve(promises(configured, tried, SPAN)) == ("desk", "4h")
    assert names(configured, tried) == ["law 2", "desk 2"]


def test_one_of_another_name_is_asked_first(configured: Packs, tmp_path: Path) -> None:
    tried = Tried((pack(tmp_path, "night", "1h"),))
    assert resolve(promises(configured, tried, SPAN)) == ("night", "1h")
    assert names(configured, tried) == ["night 1, asked before those that are configured"]


def test_alone_they_are_all_there_are(configured: Packs, tmp_path: Path) -> None:
    tried = Tried((pack(tmp_path, "law", "4d", version="2"),), only=True)
    assert resolve(promises(configured, tried, SPAN)) == ("law", "4d")


def test_what_would_hold_only_after_the_span_is_refused_and_can_be_let_hold(configured: Packs, tmp_path: Path) -> None:
    late = pack(tmp_path, "desk", "4h", version="2", since="2026-12-01")
    with pytest.raises(TriedError, match=r"desk 2 holds from 2026-12-01T00:00:00Z on, after the span.*--undated"):
        promises(configured, Tried((late,)), SPAN)
    assert resolve(promises(configured, Tried((late,), undated=True), SPAN)) == ("desk", "4h")


def test_one_version_given_twice_is_refused(configured: Packs, tmp_path: Path) -> None:
    files = pack(tmp_path, "desk", "4h"), pack(tmp_path, "desk", "2h")
    with pytest.raises(YamlRefusedError, match="policy desk version 1 is loaded already"):
        promises(configured, Tried(files), SPAN)


def test_what_is_wrong_in_a_pack_is_told_by_its_line(configured: Packs, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("policy_id: desk\nversion: '2'\nclocks:\n  resolve: [{target: 8}]\n", encoding="utf-8")
    with pytest.raises(YamlRefusedError, match=r"wrong.yaml:4: "):
        promises(configured, Tried((wrong,)), SPAN)
    with pytest.raises(YamlRefusedError, match="no such file"):
        promises(configured, Tried((tmp_path / "none.yaml",)), SPAN)


def test_the_sample_is_the_default_pack_with_half_of_every_target() -> None:
    default, half = packs.load(SHIPPED / "default.yaml", ()), packs.load(HALF_THE_TIME, ())
    assert half.policy_id == default.policy_id
    for metric, rules in default.clocks.items():
        for rule, halved in zip(rules, half.clocks[metric], strict=True):
            assert halved == rule.model_copy(update={"target": rule.target and rule.target // 2})
