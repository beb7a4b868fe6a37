"""Of each key the row that was written last is shown; what never existed, or was withdrawn, is not."""

from collections.abc import Sequence
from typing import Any

from deploy.cli.tryout.outcome import Views, amounts
from schemas.kpis import COUNTS, DIMENSIONS
from schemas.outputs import COLUMNS, PartialRow


def row(table: str, **values: Any) -> Sequence[Any]:
    return [values.get(name, 0 if name != "topic" else "contact-events") for name in COLUMNS[table]]


def views(*checkpoints: dict[str, Sequence[Sequence[Any]]]) -> Views:
    shown = Views()
    for rows in checkpoints:
        shown.insert(rows)
    return shown


def test_the_last_row_of_a_key_is_shown() -> None:
    first, second = row("cases", entity_id="C1", state="open"), row("cases", entity_id="C1", state="resolved")
    other = row("cases", entity_id="C2", state="open")
    found = views({"cases": [first]}, {"cases": [other, second]}).cases()
    assert [(one["entity_id"], one["state"]) for one in found] == [("C1", "resolved"), ("C2", "open")]


def test_a_clock_that_never_existed_and_an_incident_that_was_withdrawn_are_not_shown() -> None:
    clocks = [row("sla_clocks", clock_id="a", void=1), row("sla_clocks", clock_id="b")]
    incidents = [row("incidents", incident_id="a", state="withdrawn"), row("incidents", incident_id="b", state="open")]
    shown = views({"sla_clocks": clocks, "incidents": incidents})
    assert [one["clock_id"] for one in shown.clocks()] == ["b"]
    assert [one["incident_id"] for one in shown.incidents()] == ["b"]


def test_a_minute_in_which_nothing_is_left_is_not_shown() -> None:
    def minute(amount: int) -> PartialRow:
        amounts = {COUNTS.index("contacts_opened"): amount}
        return PartialRow(60_000, "contact-events", 0, 0, 1, [(amounts, [(DIMENSIONS.index("all"), "all")])])

    assert [amounts(one) for one in views({"kpi_partials": [minute(2)]}).kpi_minutes()] == [{"contacts_opened": 2}]
    assert views({"kpi_partials": [minute(2)]}, {"kpi_partials": [minute(0)]}).kpi_minutes() == []


def test_records_are_counted_over_topics_and_days() -> None:
    days = [
        row("ingest_progress", day=day, topic=topic, records_read=3, accepted=2, late=1, rejected=1)
        for day, topic in ((0, "contact-events"), (86_400_000, "contact-events"), (0, "survey-events"))
    ]
    assert views({"ingest_progress": days}).records() == {
        "records_read": 9, "accepted": 6, "late": 3, "duplicate": 0, "rejected": 3,
    }  # fmt: skip
