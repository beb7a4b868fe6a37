"""`oidor why` of a real database: the case that is meant, all that bears on it, and what `v_sla` says of it."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.reading.why.chosen import WhyError
from deploy.reading.why.journal import Journal
from deploy.reading.why.records import read
from deploy.reading.why.why import as_html, as_text, find, why
from processors.rules import Rules
from schemas.erasure import customer_hash
from tests.deploy.conftest import Warehouse
from tests.deploy.reading.desks import Client, Desk
from tests.laws.disturbances import EVERY_CLOCK
from tests.laws.journeys import of_seed
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Happening, event, rules

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("no_merges")]
BY = rules(policies=(EVERY_CLOCK,))
RATED: Final[dict[str, Any]] = {"kind": "csat", "mode": "email", "score": 1, "scale_max": 5}


def told(warehouse: Warehouse, case: str, by: Rules = BY, **asked: int) -> Journal:
    client = Client(warehouse)
    return why(client, warehouse.name, find(client, warehouse.name, case), by, **asked)  # type: ignore[arg-type]


def opened(name: str, at: int, **said: Any) -> Happening:
    return event("contact.opened", name, at, direction="inbound", channel="email", priority="urgent", **said)


@pytest.fixture
def desk(warehouse: Warehouse) -> Desk:
    return Desk(warehouse, BY)


def test_every_case_of_a_week_is_told_as_v_sla_shows_it(desk: Desk, warehouse: Warehouse) -> None:
    log = sorted(of_seed(11, 40), key=lambda happening: happening.record_at)
    desk.hear(*log)
    desk.until(9 * DAY)
    client = Client(warehouse)
    cases = warehouse.query("SELECT DISTINCT topic, source, entity_id FROM sla_clocks")
    clocks = 0
    for key in cases:
        journal = why(client, warehouse.name, (key[0], key[1], key[2]), BY)
        assert journal.differences == (), key
        assert all(clock.compared for clock in journal.clocks)
        clocks += len(journal.clocks)
    assert clocks == warehouse.column("SELECT count() FROM v_sla")[0] > 100


def test_what_is_merged_and_what_a_survey_names_is_read_with_it(desk: Desk, warehouse: Warehouse) -> None:
    desk.hear(
        opened("C1", HOUR), opened("C2", 2 * HOUR), opened("other", 2 * HOUR),
        event("contact.merged", "C1", 3 * HOUR, into="C2"),
        event("survey.answered", "S1", 4 * HOUR, **RATED, links={"contact_id": "C2"}),
    )  # fmt: skip
    desk.until(DAY)
    client = Client(warehouse)
    for name in ("C1", "C2", "S1"):
        records = read(client, warehouse.name, find(client, warehouse.name, name))
        assert {one.event.entity_id for one in records.events} - {"S1"} == {"C1", "C2"}, name
        assert told(warehouse, name).agrees


def test_a_name_that_several_cases_bear_is_asked_back(desk: Desk, warehouse: Warehouse) -> None:
    desk.hear(opened("C1", HOUR), opened("C1", HOUR, source="shop"))
    desk.until(DAY)

    with pytest.raises(WhyError, match="C1 may be 2 cases: give crm/C1 or shop/C1"):
        told(warehouse, "C1")
    assert told(warehouse, "shop/C1").case.source == "shop"
    assert told(warehouse, "contact-events/crm/C1").case.source == "crm"


def test_a_name_that_nobody_bears_is_answered_with_those_that_are_alike(desk: Desk, warehouse: Warehouse) -> None:
    desk.hear(opened("INC0012345", HOUR))
    desk.until(DAY)

    with pytest.raises(WhyError, match=re.escape("did you mean crm/INC0012345?")):
        told(warehouse, "INC0012354")
    with pytest.raises(WhyError, match="check the id as the source writes it"):
        told(warehouse, "'); DROP TABLE cases; --")


def test_of_a_customer_who_was_erased_nothing_is_told(desk: Desk, warehouse: Warehouse) -> None:
    desk.hear(opened("C1", HOUR, customer="ana-secret"))
    desk.hear(event("customer.erased", "erase", 2 * HOUR, customer="ana-secret"))
    desk.until(DAY)

    journal = told(warehouse, "C1")
    assert (journal.erased, journal.entries, journal.clocks) == (True, (), ())
    for language in ("en", "es"):
        assert "ana-secret" not in as_text(journal, language)
        assert len(as_text(journal, language).splitlines()) < 8


def test_nor_is_it_where_not_all_of_their_rows_are_masked_yet(desk: Desk, warehouse: Warehouse) -> None:
    desk.hear(opened("C1", HOUR, customer="ana-secret"))
    desk.until(DAY)
    assert not told(warehouse, "C1").erased

    warehouse.insert(
        "erasures", {"customer": customer_hash("ana-secret"), "partition": 0, "erased_at": T0 // 1000 + 9_000}
    )
    assert told(warehouse, "C1").erased


def test_a_row_that_says_otherwise_is_said_plainly(desk: Desk, warehouse: Warehouse) -> None:
    desk.hear(opened("C1", HOUR), event("contact.resolved", "C1", 2 * HOUR, resolution="solved"))
    desk.until(DAY)
    assert told(warehouse, "C1").agrees

    columns = ", ".join(name for name, *_ in warehouse.query("DESCRIBE TABLE sla_clocks"))
    table = f"{warehouse.name}.sla_clocks"
    changed = (
        f"SELECT * REPLACE (due_at + INTERVAL 1 MILLISECOND AS due_at) FROM {table} FINAL WHERE metric = 'resolve'"
    )
    warehouse.engine.execute(f"INSERT INTO {table} ({columns}) {changed}")

    journal = told(warehouse, "C1")
    assert [(one.metric, one.column, one.stored - one.reckoned) for one in journal.differences] == [
        ("resolve", "due_at", 1)
    ]
    assert "do NOT agree" in as_text(journal)
    assert "NO coinciden" in as_text(journal, "es")
    assert 'class="bad"' in as_html(journal)


def test_a_pack_and_a_calendar_that_changed_are_told_as_they_were(
    desk: Desk, warehouse: Warehouse, tmp_path: Path
) -> None:
    calendars = tmp_path / "calendars"
    calendars.mkdir()

    def written(target: str, hours: str) -> Rules:
        (calendars / "office.yaml").write_text(
            f'calendar_id: office\nversion: "1"\nzone: UTC\nweekly: {{monday: ["{hours}"], tuesday: ["{hours}"]}}\n'
        )
        pack = tmp_path / "pack.yaml"
        pack.write_text(
            f'policy_id: desk\nversion: "1"\nclocks:\n  resolve: [{{target: {target}, calendar: office}}]\n'
        )
        return rules(policies=(pack,), calendars=calendars)

    before = written("2h", "09:00-17:00")
    desk.go_on_by(before)
    desk.hear(opened("old", 10 * HOUR), event("contact.resolved", "old", 11 * HOUR, resolution="solved"))
    desk.until(12 * HOUR)
    after = written("4h", "12:00-18:00")
    desk.go_on_by(after)
    desk.hear(opened("new", 13 * HOUR))
    desk.until(2 * DAY)

    old, new = told(warehouse, "old", after), told(warehouse, "new", after)
    assert (old.differences, new.differences) == ((), ())
    (resolve_old,), (resolve_new,) = old.clocks, new.clocks
    assert (resolve_old.promised.target_ms, resolve_new.promised.target_ms) == (2 * HOUR, 4 * HOUR)
    assert resolve_old.promised.policy_digest != resolve_new.promised.policy_digest
    assert resolve_old.used_own_ms == HOUR
    assert "2 hours of business time" in as_text(old)


def test_a_case_is_told_as_it_read_at_a_moment(desk: Desk, warehouse: Warehouse) -> None:
    desk.hear(opened("C1", HOUR), event("contact.resolved", "C1", 9 * HOUR, resolution="solved"))
    desk.until(DAY)
    then = told(warehouse, "C1", at=T0 + 2 * HOUR + MINUTE)

    assert [entry.event_type for entry in then.entries if entry.status == "counts"] == ["opened"]
    assert {clock.state for clock in then.clocks} <= {"running", "breached_open"}
    assert "later records are left out" in as_text(then).replace("\n", " ")
