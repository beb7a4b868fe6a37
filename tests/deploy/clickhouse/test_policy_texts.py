"""Texts of rules, as everybody reads them; and the questions about them that the docs answer."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy.conftest import Warehouse

pytestmark = pytest.mark.usefixtures("no_merges")

QUERIES: Final = re.search(
    r"```sql\n(.*?)```",
    (Path(__file__).parents[3] / "docs" / "policy-history.md").read_text(encoding="utf-8"),
    re.DOTALL,
)
ASKED: Final = [query for query in (QUERIES[1] if QUERIES else "").split(";") if query.strip()]
MORNING, NOON, EVENING = (f"2026-10-20 {hour}:00:00.000" for hour in ("08", "12", "20"))


def text(digest: str, seen: str, version: int, **more: Any) -> dict[str, Any]:
    said = {"kind": "pack", "name": "desk", "text_version": "1", "text": f"the text of {digest}"}
    return {**said, "digest": digest, "first_seen": seen, "version": version, "last_recorded_at": seen, **more}


def clock(number: int, digest: str, started: str) -> dict[str, Any]:
    of = {"clock_id": f"c:{number}", "entity_id": "C-17", "metric": "resolve", "instance": number, "version": 1}
    return {**of, "policy_id": "desk", "policy_version": "1", "policy_digest": digest, "started_at": started}


def test_a_text_is_one_row_first_seen_when_anybody_saw_it_first_in_whatever_order_they_came(
    warehouse: Warehouse,
) -> None:
    for seen, version in ((NOON, 2), (EVENING, 3), (MORNING, 1), (NOON, 9)):
        warehouse.insert("policy_texts", text("a", seen, version))
    assert warehouse.query(
        "SELECT digest, text, toString(first_seen), toString(last_recorded_at) FROM v_policy_texts"
    ) == [("a", "the text of a", MORNING, EVENING)]


def test_the_questions_of_the_docs_have_answers(warehouse: Warehouse) -> None:
    warehouse.insert("policy_texts", text("a", MORNING, 1), text("b", NOON, 2), text("a", EVENING, 3))
    warehouse.insert("policy_texts", text("s", MORNING, 1, kind="settings", name="settings", text_version=""))
    warehouse.insert("sla_clocks", clock(1, "a", MORNING), clock(2, "b", NOON), clock(3, "a", EVENING))

    qualified = [query.replace("JOIN v_", f"JOIN {warehouse.name}.v_") for query in ASKED]
    under, of_case, changed, in_force = map(warehouse.query, qualified)

    assert [(row[2], row[-1]) for row in under] == [("a", 2), ("b", 1)]
    assert [row[-1] for row in of_case] == ["the text of a", "the text of b", "the text of a"]
    assert [row[:4] for row in changed] == [("pack", "desk", "1", 2)]
    assert in_force == [("the text of s",)]
