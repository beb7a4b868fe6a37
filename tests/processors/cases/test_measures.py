"""What is counted, by hand: a few journeys each, and the numbers that they come to."""

from typing import Any

import pytest

from tests.processors.feed import DAY, HOUR, MINUTE, T0, Happening, event
from tests.processors.views import Views, views_after

HUMAN, BOT = {"kind": "human"}, {"kind": "bot"}


def contact(entity_id: str, *steps: tuple[str, int, dict[str, Any]], **opened: Any) -> list[Happening]:
    said = {"direction": "inbound", "channel": "phone", **opened}
    first = event("contact.opened", entity_id, 0, seq=0, **said)
    return [first, *(event(f"contact.{what}", entity_id, at, seq=n, **fields)
                     for n, (what, at, fields) in enumerate(steps, 1))]  # fmt: skip


def answer(entity_id: str, score: int, **fields: Any) -> Happening:
    return event("survey.answered", entity_id, 0, score=score, **{"kind": "csat", "mode": "sms", **fields})


def complaint(entity_id: str, *steps: tuple[str, dict[str, Any]], kind: str = "claim") -> list[Happening]:
    first = event("complaint.opened", entity_id, 0, kind=kind, channel="post")
    return [
        first,
        *(event(f"complaint.{what}", entity_id, HOUR * n, **fields) for n, (what, fields) in enumerate(steps, 1)),
    ]


QUEUED = ("queued", 0, {"queue": "q"})
Numbers = dict[str, int]
BY_HAND: list[tuple[str, list[Happening], Numbers]] = [
    (
        "K01 CSAT: what is positive is from 0.75 of the points on, rounded up",
        [answer("a", 4), answer("b", 3), answer("c", 5), answer("d", 8, scale_max=10), answer("e", 7, scale_max=10),
         answer("f", 3, scale_max=3), answer("g", 6, scale_max=7), answer("h", 5, scale_max=7)],
        # 750 + 500 + 1000 + 777 + 666 + 1000 + 833 + 666
        {"csat_answered": 8, "csat_positive": 5, "csat_score_milli": 6192, "surveys_answered": 8},
    ),
    (
        "K02 NPS: 9 and 10 promote, 0 to 6 detract",
        [answer(str(score), score, kind="nps") for score in range(11)],
        {"nps_answered": 11, "nps_promoters": 2, "nps_detractors": 7, "surveys_answered": 11},
    ),
    (
        "K03 CES: 1..7, 7 = easy, whichever way it was asked",
        [answer("a", 7, kind="ces", direction="ease"), answer("b", 7, kind="ces", direction="effort"),
         answer("c", 3, kind="ces", scale_max=5, direction="ease"), answer("d", 2, kind="ces", direction="effort")],
        # 7 + 1 + 4 + 6
        {"ces_answered": 4, "ces_easy": 2, "ces_score_milli": 18_000, "surveys_answered": 4},
    ),
    (
        "words without a rating are an answer, and in no score",
        [answer("a", 5), event("survey.answered", "b", 0, kind="csat", mode="sms", text="rather in words"),
         event("survey.answered", "c", 0, kind="ces", mode="sms", text="it was easy")],
        {"csat_answered": 1, "csat_positive": 1, "csat_score_milli": 1000, "surveys_answered": 3},
    ),
    (
        "other surveys are answered and no more",
        [event("survey.answered", "a", 0, kind="custom", mode="sms", metrics={"x": 1})],
        {"surveys_answered": 1},
    ),
    (
        "K04, K06: the wait ends with the first person, from the queue",
        contact("a", ("queued", 10_000, {"queue": "q"}), ("answered", 12_000, {"actor": BOT}),
                ("answered", 30_000, {"actor": HUMAN}), ("answered", 50_000, {"actor": HUMAN}), ("closed", HOUR, {})),
        {"contacts_offered": 1, "contacts_answered": 1, "contacts_answered_any": 1, "contacts_answered_in_target": 1,
         "wait_ms": 20_000, "answer_met": 1},
    ),
    (
        "K06: 20.001 s is not within 20 s",
        contact("a", QUEUED, ("answered", 20_001, {"actor": HUMAN}), ("resolved", 30_000, {})),
        {"contacts_offered": 1, "contacts_answered": 1, "contacts_answered_any": 1, "wait_ms": 20_001,
         "answer_breached": 1},
    ),
    (
        "K05 AHT: talk, hold and wrap of those that report them",
        [*contact("a", ("resolved", 9, {"talk_seconds": 60, "hold_seconds": 5.5, "wrap_seconds": 10})),
         *contact("b", ("resolved", 9, {"wrap_seconds": 4.5})), *contact("c", ("resolved", 9, {}))],
        {"contacts_handled": 2, "handle_ms": 80_000, "contacts_resolved": 3},
    ),
    (
        "K07: abandoned, too soon to count, and in the menu",
        [*contact("a", QUEUED, ("abandoned", 5_000, {})), *contact("b", QUEUED, ("abandoned", 4_999, {})),
         *contact("c", ("abandoned", 9_000, {"in_ivr": True})), *contact("d", ("abandoned", 6_000, {}))],
        {"contacts_offered": 3, "contacts_abandoned": 2, "contacts_abandoned_short": 1, "contacts_abandoned_ivr": 1},
    ),
    (
        "K09: the first public reply of a person",
        contact("a", ("agent_replied", 10_000, {"actor": BOT}), ("agent_replied", 20_000, {"public": False}),
                ("agent_replied", 30_000, {"actor": HUMAN}), ("agent_replied", 40_000, {}), ("resolved", HOUR, {}),
                channel="email"),
        {"first_response_ms": 30_000, "first_response_met": 1},
    ),
    (
        "K10, K16: each resolution from the opening; reopened for any reason, but not by a system alone",
        contact("a", ("resolved", HOUR, {}), ("reopened", 2 * HOUR, {"reason": "customer_reply"}),
                ("resolved", 3 * HOUR, {}), ("reopened", 4 * HOUR, {}), ("resolved", 5 * HOUR, {}),
                ("reopened", 6 * HOUR, {"reason": "system"}), ("resolved", 6 * HOUR, {}),
                ("reopened", 7 * HOUR, {"actor": {"kind": "system"}}), ("resolved", 7 * HOUR, {})),
        {"contacts_resolved": 5, "contacts_reopened": 2, "resolution_ms": 22 * HOUR, "resolve_met": 5},
    ),
    (
        "K10: spam and duplicates are no resolutions",
        [*contact("a", ("resolved", HOUR, {"resolution": "spam"})),
         *contact("b", ("resolved", HOUR, {"resolution": "duplicate"}))],
        {"contacts_opened": 2},
    ),
    (
        "K12: kept, broken, and broken with nobody looking",
        [*contact("a", ("resolved", 4 * HOUR, {}), priority="urgent"),
         *contact("b", ("resolved", 5 * HOUR, {}), priority="urgent"), *contact("c", priority="urgent")],
        {"resolve_met": 1, "resolve_breached": 2},
    ),
    (
        "K18, K19: handed on, and resolved at the first level",
        [*contact("a", ("transferred", 1, {"from": "x", "to": "y"}), ("transferred", 2, {"from": "y", "to": "z"}),
                  ("resolved", 9, {"resolved_level": 2})),
         *contact("b", ("resolved", 9, {"resolved_level": 1}))],
        {"contacts_opened": 2, "contacts_transferred": 2, "contacts_resolved": 2, "contacts_resolved_level1": 1},
    ),
    (
        "K20, K22b: complaints and claims; upheld of those decided",
        [*complaint("a", ("acknowledged", {}), ("resolved", {"outcome": "upheld"})),
         *complaint("b", ("resolved", {"outcome": "partly_upheld"}), ("reopened", {})),
         *complaint("c", ("resolved", {"outcome": "rejected"}), kind="complaint"),
         *complaint("d", ("resolved", {"outcome": "withdrawn"})), *complaint("e", kind="praise"),
         *complaint("f", kind="suggestion"), *complaint("g", kind="query")],
        {"complaints_opened": 4, "complaints_acknowledged": 1, "complaints_resolved": 4, "complaints_upheld": 2,
         "complaints_decided": 3, "complaints_reopened": 1, "praise": 1},
    ),
    (
        "K21: of known demand, how much we caused ourselves",
        [*contact("a", demand_type="failure"), *contact("b", demand_type="value"), *contact("c", demand_type="unknown"),
         *contact("d")],
        {"contacts_opened": 4, "contacts_known_demand": 2, "contacts_failure_demand": 1},
    ),
]  # fmt: skip

ALSO = {
    "K04": ("contacts_abandoned", "answer_breached"),
    "K07": ("contacts_answered", "contacts_answered_any"),
    "K09": ("contacts_resolved_level1", "first_response_breached"),
    "K10": ("resolve_breached", "contacts_handled"),
    "K20": ("contacts_opened",),
}
"""What must be nothing beside what is told."""


@pytest.mark.parametrize(("name", "log", "numbers"), BY_HAND, ids=[case[0].partition(":")[0] for case in BY_HAND])
def test_by_hand(name: str, log: list[Happening], numbers: Numbers) -> None:
    found = views_after(log).kpi_totals()
    assert {column: found.get(column, 0) for column in numbers} == numbers, name
    for column in ALSO.get(name[:3], ()):
        assert column not in found, name


def test_a_wait_counts_where_it_began_another_duration_where_it_ended_and_a_breach_where_it_was_due() -> None:
    views = views_after(contact("a", QUEUED, ("answered", 2 * MINUTE, {"actor": HUMAN}), ("resolved", 3 * MINUTE, {})))
    by_minute = {
        name: [line["minute"] - T0 for line in views.kpis() if line["dimension"] == "all" and line[name]]
        for name in ("contacts_opened", "answer_breached", "wait_ms", "resolution_ms", "resolve_met")
    }
    assert by_minute == {
        "contacts_opened": [0],
        "answer_breached": [0],
        "wait_ms": [0],
        "resolution_ms": [3 * MINUTE],
        "resolve_met": [3 * MINUTE],
    }


def test_a_breach_counts_for_the_team_that_had_the_case_when_it_was_due() -> None:
    steps = [
        ("transferred", HOUR, {"from": "n1", "to": "n2"}),
        ("transferred", 5 * HOUR, {"from": "n2", "to": "n3"}),
        ("resolved", 6 * HOUR, {}),
    ]
    views = views_after(contact("a", *steps, priority="urgent", org_unit="es/care/n1"))
    blamed = {
        line["dimension_value"] for line in views.kpis() if line["dimension"] == "team" and line["resolve_breached"]
    }
    assert blamed == {"n2"}


def counted_by(views: Views, dimension: str, *names: str) -> dict[str, tuple[int, ...]]:
    """Value of a dimension -> what these counts come to."""
    found: dict[str, tuple[int, ...]] = {}
    for line in views.kpis():
        amounts = tuple(line[name] for name in names)
        if line["dimension"] == dimension and any(amounts):
            before = found.get(line["dimension_value"], (0,) * len(names))
            found[line["dimension_value"]] = tuple(map(sum, zip(before, amounts, strict=True)))
    return found


def test_a_hand_off_counts_for_who_hands_on_and_by_from_and_to() -> None:
    handed_on = ("transferred", 5_000, {"from": "billing", "to": "level2"})
    log = [*contact("a", handed_on, org_unit="mini/x/billing"),
           *contact("b", handed_on, ("transferred", 6_000, {"from": "level2", "to": "billing"}),
                    org_unit="mini/x/billing"),
           *contact("c", org_unit="mini/x/level2")]  # fmt: skip
    views = views_after(log)
    both = ("contacts_opened", "contacts_transferred")
    assert counted_by(views, "team", *both) == {"billing": (2, 2), "level2": (1, 1)}
    assert counted_by(views, "handoff", *both) == {"billing>level2": (0, 2), "level2>billing": (0, 1)}
    assert counted_by(views, "area", *both) == {"mini": (3, 3)}


def test_a_reopening_counts_for_the_team_that_had_resolved() -> None:
    steps = [
        ("resolved", HOUR, {}),
        ("transferred", 2 * HOUR, {"from": "n1", "to": "n2"}),
        ("reopened", 3 * HOUR, {"reason": "not_fixed"}),
        ("resolved", 4 * HOUR, {}),
        ("reopened", 5 * HOUR, {"reason": "not_fixed"}),
    ]
    views = views_after(contact("a", *steps, org_unit="es/care/n1"))
    assert counted_by(views, "team", "contacts_resolved", "contacts_reopened") == {"n1": (1, 1), "n2": (1, 1)}


def reopened(at: int, **fields: Any) -> tuple[str, int, dict[str, Any]]:
    return "reopened", at, {"reason": "not_fixed", **fields}


RESOLVED = ("resolved", HOUR, {"resolution": "solved"})


@pytest.mark.parametrize(
    ("name", "steps", "minutes"),
    [
        ("reopened within the hour", [RESOLVED, reopened(2 * HOUR)], {HOUR: (1, 1)}),
        ("reopened days later", [RESOLVED, reopened(9 * DAY)], {HOUR: (1, 1)}),
        ("after 14 days to the second", [RESOLVED, reopened(HOUR + 14 * DAY)], {HOUR: (1, 1)}),
        ("later than 14 days", [RESOLVED, reopened(HOUR + 14 * DAY + 1)], {HOUR: (1, 0)}),
        ("twice", [RESOLVED, reopened(2 * HOUR), ("resolved", 3 * HOUR, {}), reopened(4 * HOUR)],
         {HOUR: (1, 1), 3 * HOUR: (1, 1)}),
        ("told twice", [RESOLVED, reopened(2 * HOUR), reopened(3 * HOUR, event_id="again")], {HOUR: (1, 1)}),
        ("resolved twice, then reopened", [RESOLVED, ("resolved", 2 * HOUR, {}), reopened(3 * HOUR)], {HOUR: (1, 1)}),
        ("resolved, closed, reopened", [RESOLVED, ("closed", 2 * HOUR, {}), reopened(3 * HOUR)], {HOUR: (1, 1)}),
        ("closed by nobody who resolved it", [("closed", HOUR, {}), reopened(2 * HOUR)], {}),
        ("resolved as a duplicate", [("resolved", HOUR, {"resolution": "duplicate"}), reopened(2 * HOUR)], {}),
        ("resolved, and then called spam", [RESOLVED, ("resolved", 2 * HOUR, {"resolution": "spam"}),
         reopened(3 * HOUR)], {HOUR: (1, 0)}),
        ("reopened by a system", [RESOLVED, reopened(2 * HOUR, reason="system")], {HOUR: (1, 0)}),
        ("the reopening is withdrawn", [RESOLVED, reopened(2 * HOUR, event_id="r"),
         ("voided", 3 * HOUR, {"voids_event_id": "r"})], {HOUR: (1, 0)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_reopening_is_booked_in_the_minute_of_the_resolution_that_it_undoes(
    name: str, steps: list[tuple[str, int, dict[str, Any]]], minutes: dict[int, tuple[int, int]]
) -> None:
    log = contact("a", *steps)
    for views in (views_after(log), views_after([log[0], *reversed(log[1:])])):
        booked = {
            row["minute"] - T0: (row["contacts_resolved"], row["contacts_resolved_reopened"])
            for row in views.kpis()
            if row["dimension"] == "all" and (row["contacts_resolved"] or row["contacts_resolved_reopened"])
        }
        assert booked == minutes, name


def test_who_hands_on_later_does_not_answer_for_an_earlier_reopening() -> None:
    """The parts of a ratio stay those of who did it, in whatever order the events came."""
    steps = [("resolved", HOUR, {}), ("reopened", 2 * HOUR, {"reason": "new_info"}),
             ("transferred", 3 * HOUR, {"from": "n1", "to": "n2"})]  # fmt: skip
    log = contact("a", *steps, org_unit="es/care/n1")
    for views in (views_after(log), views_after([log[0], *reversed(log[1:])])):
        assert counted_by(views, "team", "contacts_reopened", "contacts_transferred") == {"n1": (1, 1)}


@pytest.mark.parametrize(("waited", "within"), [(179_999, 1), (180_000, 0), (183_999, 0)])
def test_less_than_180_seconds_is_exact(waited: int, within: int) -> None:
    found = views_after(contact("a", QUEUED, ("answered", waited, {"actor": HUMAN}), ("closed", HOUR, {})))
    assert found.kpi_totals().get("contacts_answered_within_180s", 0) == within


def test_a_site_is_no_team() -> None:
    visit = event("survey.answered", "v", 0, kind="mystery_shopper", mode="in_person", visit_id="v-1", site="madrid",
                  sections=[{"code": "a", "element": "people", "earned": 1, "possible": 2}],
                  org_unit="es/stores/madrid")  # fmt: skip
    views = views_after([visit, *contact("a", org_unit="es/care/n1/bilbao")])
    assert counted_by(views, "team", "surveys_answered", "contacts_opened") == {"n1": (0, 1)}
    assert counted_by(views, "site", "surveys_answered", "contacts_opened") == {"madrid": (1, 0), "bilbao": (0, 1)}


def test_the_cause_the_product_and_the_way_of_asking_are_dimensions() -> None:
    caused = {"demand_type": "failure", "product": "fibre", "cause": {"element": "system", "origin_area": "billing"}}
    views = views_after([*contact("a", **caused), answer("s", 5, mode="whatsapp"), answer("t", 2, kind="nps")])
    assert counted_by(views, "origin_area", "contacts_failure_demand") == {"billing": (1,)}
    assert counted_by(views, "product", "contacts_opened") == {"fibre": (1,)}
    assert counted_by(views, "mode", "surveys_answered", "csat_positive") == {"whatsapp": (1, 1), "sms": (1, 0)}


def test_the_area_and_channel_pair_is_told_only_where_both_are_known() -> None:
    views = views_after([*contact("a", org_unit="es/care"), *contact("b")])
    pairs = {line["dimension_value"] for line in views.kpis() if line["dimension"] == "area_channel"}
    assert pairs == {"es|phone"}
