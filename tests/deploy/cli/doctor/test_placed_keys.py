"""Where the keys of each source lie, read back from stored events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.cli.doctor.facts import Database, SourceKeys, SplitCases
from deploy.cli.doctor.placed_keys import KEYS_MAX, with_sources
from tests.deploy.conftest import Warehouse


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


_offsets = iter(range(1_000_000))


def event(entity_id: str, partition: int, *, seconds: float = 60, **more: Any) -> dict[str, Any]:
    said = {
        "topic": "contact-events", "source": "crm", "event_type": "contact.opened", "customer_id": f"of-{entity_id}",
        "record_at": "2026-11-20 12:00:00.000", "version": 1, "warnings": [], "warning_fields": [],
    }  # fmt: skip
    return {**said, "entity_id": entity_id, "partition": partition, "offset": next(_offsets),
            "ingested_at": ago(seconds), **more}  # fmt: skip


def looked_at(warehouse: Warehouse, *events: dict[str, Any]) -> Database:
    warehouse.insert("feedback_events", *events)
    return with_sources(Database(), warehouse.engine, warehouse.name)


def test_the_key_is_the_customer_or_where_that_is_not_known_or_was_not_taken_the_entity(warehouse: Warehouse) -> None:
    seen = looked_at(
        warehouse,
        event("C1", 3, seconds=1),
        event("C2", 4, seconds=2, customer_id=""),
        event("C3", 5, seconds=3, warnings=["key_not_customer"]),
    )
    assert seen.sources == (SourceKeys("crm", (("of-C1", 3), ("C2", 4), ("C3", 5))),)
    assert seen.keyed_otherwise == {"crm": 1}


def test_of_a_case_its_first_event_in_a_partition_tells_and_one_that_may_have_either_key_does_not(
    warehouse: Warehouse,
) -> None:
    seen = looked_at(
        warehouse,
        event("C1", 3, event_type="contact.answered"),
        event("C2", 4, event_type="contact.answered", warnings=["missing_open"]),
        event("C3", 5, event_type="survey.answered", source="surveys", warnings=["wrong_partition"]),
        event("C4", 6, event_type="contact.identified", warnings=["missing_open", "wrong_partition"]),
    )
    assert seen.sources == (SourceKeys("crm", (("of-C2", 4),)), SourceKeys("surveys", (("of-C3", 5),)))


def test_what_arrived_before_yesterday_or_is_of_somebody_erased_is_not_looked_at(warehouse: Warehouse) -> None:
    seen = looked_at(
        warehouse,
        event("C1", 3, seconds=90_000, warnings=["key_not_customer"]),
        event("C1", 4, seconds=90_000),
        event("C2", 5, erased=1),
    )
    assert seen == Database()


def test_only_the_newest_keys_of_each_source_are_looked_at_so_that_a_cure_shows(warehouse: Warehouse) -> None:
    old = [event(f"C{number}", 1, seconds=600) for number in range(KEYS_MAX)]
    new = [event(f"N{number}", 2, seconds=10) for number in range(KEYS_MAX)]
    (crm, shop) = looked_at(warehouse, *old, *new, event("S1", 7, source="shop", seconds=900)).sources
    assert ({partition for _, partition in crm.keys}, len(crm.keys)) == ({2}, KEYS_MAX)
    assert shop.keys == (("of-S1", 7),)


def test_a_case_in_two_partitions_is_named_although_it_was_opened_before_yesterday(warehouse: Warehouse) -> None:
    incident = {"topic": "contact-events", "source": "crm", "entity_id": "C1", "state": "open", "version": 1}
    warehouse.insert(
        "incidents",
        {**incident, "incident_id": "P02:1"},
        {**incident, "incident_id": "P01:1", "state": "closed"},
        {**incident, "incident_id": "P02:2", "entity_id": "C2"},
    )
    seen = looked_at(
        warehouse,
        event("C1", 3, seconds=200_000),
        event("C1", 7, seconds=9, event_type="contact.answered", warnings=["missing_open"]),
        event("C2", 3),
        event("C2", 3, event_type="contact.answered"),
        event("C2", 5, source="shop"),
        event("C2", 5, topic="complaint-events", event_type="complaint.opened"),
        event("C3", 1, seconds=200_000),
        event("C3", 2, seconds=200_000),
        event("", 1),
        event("", 2),
    )
    assert seen.split_cases == SplitCases(1, ("crm",), "crm:C1 in partitions 3 and 7", 1)
