"""`oidor whatif`: with the same promises nothing differs, and with others it is what a run under them comes to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import yaml

from processors.rules import Rules
from tests.deploy.conftest import Warehouse
from tests.deploy.reading.desks import Desk, empty
from tests.deploy.reading.whatif.desk import ask, recorded_by
from tests.laws.disturbances import EVERY_CLOCK
from tests.laws.journeys import of_seed
from tests.processors.feed import DAY, HOUR, T0, Happening, event, rules

RULES = rules(policies=(EVERY_CLOCK,))
END = 40 * DAY
ERASED = ("k3", "k8")


def halved(path: Path, to: Path) -> Path:
    """The same pack with half of every target."""
    pack = yaml.safe_load(path.read_text(encoding="utf-8"))
    for listed in pack["clocks"].values():
        for rule in listed:
            if "target" in rule:
                amount, unit = rule["target"][:-1].rstrip("min"), rule["target"].lstrip("0123456789")
                seconds = int(amount) * {"s": 1, "min": 60, "h": 3600, "d": 86_400}[unit]
                rule["target"] = f"{seconds // 2}s"
            if "working_days" in rule:
                rule["working_days"] = max(1, rule["working_days"] // 2)
    path = to / "halved.yaml"
    path.write_text(yaml.safe_dump(pack), encoding="utf-8")
    return path


def heard(warehouse: Warehouse, log: Sequence[Happening], by: Rules, every: int = 50) -> Desk:
    desk = Desk(warehouse, by)
    for start in range(0, len(log), every):
        desk.hear(*log[start : start + every])
    desk.until(END)
    return desk


def journeys(seed: int, entities: int = 60, erased: Sequence[str] = ERASED) -> list[Happening]:
    """Of many customers, as they arrive; some are erased, some say what is masked; some events are put right, and some
    were rejected, and come again two days later, repaired.
    """
    random, log = Random(seed), list[Happening]()
    for happening in of_seed(seed, entities):
        number = int(happening.event["entity_id"][1:])
        told = {**happening.event, "customer": {"id": f"k{number % 20}"}}
        if random.random() < 0.2 and happening.event["event_type"].endswith("replied"):
            told["text"] = "write to ana.perez@example.org or call 600 123 456"
        if random.random() < 0.03:
            log.append(replace(happening, event={**told, "event_type": "contact.misspelt"}))
            happening = replace(happening, record_at=happening.record_at + 2 * DAY)
        log.append(replace(happening, event=told))
        if random.random() < 0.15 and happening.event["event_type"] == "contact.opened":
            at = happening.record_at - T0 + HOUR
            right = {"corrects_event_id": told["event_id"], "values": {"priority": "urgent"}}
            log.append(event("contact.corrected", told["entity_id"], at, customer=f"k{number % 20}", **right))
    log += [event("customer.erased", f"erase-{one}", 3 * DAY, source="privacy", customer=one) for one in erased]
    return sorted(log, key=lambda happening: happening.record_at)


@pytest.mark.stack
@pytest.mark.parametrize("seed", range(6))
def test_with_the_same_promises_nothing_differs(warehouse: Warehouse, seed: int) -> None:
    heard(warehouse, journeys(seed), RULES)

    answer = ask(warehouse, RULES, RULES)

    assert answer.differing == []
    assert answer.compared.flips == []
    assert answer.compared.was == answer.compared.would_be
    assert answer.compared.was.total() > 100
    assert answer.left_out["erased"] > 0
    assert warehouse.column("SELECT count() FROM rejected_events") > [0]
    corrected = "event_type = 'contact.corrected'"
    for kind in ("late = 1", "erased = 1", "position(payload, '[email]') > 0", corrected):
        assert warehouse.column(f"SELECT count() FROM feedback_events WHERE {kind}") > [0], kind


@pytest.mark.stack
@pytest.mark.parametrize("seed", range(3))
def test_with_half_the_target_it_comes_to_what_a_run_under_that_pack_stores(
    warehouse: Warehouse, tmp_path: Path, seed: int
) -> None:
    log, half = journeys(seed, erased=()), rules(policies=(halved(EVERY_CLOCK, tmp_path),))
    heard(warehouse, log, RULES)
    was, answer = counted(warehouse, 2 * DAY, 5 * DAY), ask(warehouse, RULES, half, 2 * DAY, 5 * DAY)
    empty(warehouse)

    heard(warehouse, log, half)

    would_be = counted(warehouse, 2 * DAY, 5 * DAY)
    assert was != would_be
    assert (answer.compared.was, answer.compared.would_be) == (was, would_be)
    assert answer.compared.gained.total() - answer.compared.lost.total() == breached(would_be) - breached(was)


def counted(warehouse: Warehouse, begin: int, end: int) -> Counter[tuple[tuple[str, str], str]]:
    """By SQL alone: (team, metric), outcome -> clocks decided in a span."""
    decided = "toUnixTimestamp64Milli(if(state = 'met', assumeNotNull(stopped_at), due_at))"
    rows = warehouse.query(
        f"SELECT team, metric, outcome, toUInt32(count()) FROM v_sla LEFT JOIN {warehouse.name}.cases AS c FINAL"
        " USING (topic, source, entity_id) WHERE outcome IN ('met', 'breached') AND inherited = 0 AND c.test = 0"
        f" AND {decided} >= {T0 + begin} AND {decided} < {T0 + end} GROUP BY 1, 2, 3"
    )
    return Counter({((team, metric), outcome): count for team, metric, outcome, count in rows})


def breached(counts: Counter[tuple[tuple[str, str], str]]) -> int:
    return sum(count for (_, outcome), count in counts.items() if outcome == "breached")


@pytest.mark.stack
def test_what_was_under_a_pack_that_was_changed_since_is_checked_by_its_recorded_text(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    log, half = journeys(1, erased=()), rules(policies=(halved(EVERY_CLOCK, tmp_path),))
    desk = heard(warehouse, log, half)
    desk.go_on_by(RULES)
    desk.hear(event("contact.opened", "new", END, channel="email", direction="inbound"))
    desk.until(END + DAY)

    assert {one.content for one in recorded_by(warehouse)} == {RULES.promises.content, half.promises.content}
    answer = ask(warehouse, RULES, RULES)

    assert answer.differing == []
    assert answer.compared.lost.total() > answer.compared.gained.total()


@pytest.mark.stack
def test_without_that_text_such_cases_are_left_out_of_both_sides_and_named(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    half = rules(policies=(halved(EVERY_CLOCK, tmp_path),))
    heard(warehouse, journeys(1, entities=20, erased=()), half)
    warehouse.query("TRUNCATE TABLE policy_texts")

    answer = ask(warehouse, RULES, RULES)

    assert answer.left_out["differing"] == len(answer.differing) > 5
    assert answer.compared.flips == []
