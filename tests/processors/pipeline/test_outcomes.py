"""Live counters of promises: PromQL can tell attainment, however late proofs come, and whoever has the partition."""

from collections import Counter
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from processors.pipeline import missed_pages
from processors.pipeline.set_back import set_back
from schemas.observations import Observations
from schemas.outputs import IncidentRow
from sinks.metrics.worker import WorkerMetrics
from tests.laws.disturbances import EVERY_CLOCK, law
from tests.laws.journeys import logs
from tests.processors.feed import DAY, HOUR, MINUTE, SECOND, T0, Feed, Happening, event, rules
from tests.processors.views import Views

HUMAN: Final = {"kind": "human"}
WINDOW: Final = 10 * MINUTE
BROKEN: Final = ("breached", "breached_open")


class Live:
    """A partition that is stepped as the wall clock goes, its metrics, and its rows."""

    def __init__(self, **settings: Any) -> None:
        self.feed, self.views, self.metrics = Feed(rules(**settings)), Views(), WorkerMetrics()
        self.page_window_ms = self.feed.rules.page_window_ms

    def at(self, wall: int, *happenings: Happening) -> None:
        """By T0 + `wall` ms all topics are read to their ends, and then these come."""
        self.feed.state.wall = T0 + wall
        self._observe(self.feed.until(wall))
        for happening in happenings:
            self._observe(self.feed.feed(happening))

    def rebalanced(self) -> None:
        """The partition moves away after its last checkpoint; what another process counts is another's series."""
        self.views.insert(self.feed.checkpoint())
        wall = self.feed.state.wall
        self.feed.restart()
        self.feed.state.wall = wall

    def killed(self) -> None:
        """What came since the last checkpoint is forgotten, and was counted: counters move before it commits."""
        wall = self.feed.state.wall
        self.feed.restart()
        self.feed.state.wall = wall

    def _observe(self, observed: Observations) -> None:
        self.metrics.observe(observed, self.feed.state.wall, self.page_window_ms)

    def counted(self, metric: str = "answer") -> tuple[int, int, int]:
        """Met, breached, withdrawn, as `sum by (metric)` tells."""
        totals: Counter[str] = Counter()
        for family in self.metrics.registry.collect():
            for sample in family.samples:
                if sample.labels.get("metric") == metric and sample.name.startswith("feedback_sla_"):
                    totals[sample.labels.get("outcome", sample.name)] += int(sample.value)
        return totals["met"], totals["breached"], totals["feedback_sla_withdrawn_total"]

    def attainment(self) -> float:
        met, breached, withdrawn = self.counted()
        return met / (met + breached - withdrawn)

    def attainment_by_rows(self) -> float:
        """As `v_sla` has it."""
        self.views.insert(self.feed.checkpoint())
        states = Counter(row["state"] for row in self.views.clocks() if row["metric"] == "answer" and not row["void"])
        met, broken = states["met"], sum(states[state] for state in BROKEN)
        return met / (met + broken)


def call(number: int, at: int) -> tuple[Happening, ...]:
    said: dict[str, Any] = {"customer": f"c{number}"}
    return (
        event("contact.opened", f"C{number}", at, seq=0, channel="phone", direction="inbound", **said),
        event("contact.queued", f"C{number}", at, seq=1, queue="q", **said),
    )


def answer(number: int, at: int, arrives: int) -> Happening:
    return event("contact.answered", f"C{number}", at, arrives=arrives, customer=f"c{number}", actor=HUMAN, seq=2)


def test_answers_of_a_mirror_that_is_behind_and_keeps_timestamps_are_kept_promises() -> None:
    live = Live()
    for number in range(10):
        live.at(0, *call(number, 0))
    live.at(40 * SECOND)
    assert live.counted() == (0, 10, 0)

    live.at(45 * SECOND, *(answer(number, 5 * SECOND, arrives=5 * SECOND) for number in range(10)))

    assert live.counted() == (10, 10, 10)
    assert live.attainment() == live.attainment_by_rows() == 1


def test_answers_that_arrive_late_are_retractions_and_withdrawn_once() -> None:
    live = Live()
    for number in range(10):
        live.at(0, *call(number, 0))
    live.at(40 * SECOND, *(answer(number, 5 * SECOND, arrives=40 * SECOND) for number in range(10)))
    assert live.counted() == (10, 10, 10)
    assert live.attainment() == live.attainment_by_rows() == 1


def test_a_proof_that_comes_after_the_page_window_withdraws_what_counted_and_counts_as_met() -> None:
    live = Live()
    live.at(0, *call(0, 0), *call(1, 0))
    live.at(MINUTE, answer(1, 5 * SECOND, arrives=5 * SECOND))
    live.at(HOUR, answer(0, 5 * SECOND, arrives=HOUR))
    assert live.counted() == (2, 2, 2)
    assert live.attainment() == live.attainment_by_rows() == 1


def test_an_hour_with_late_answers_retractions_and_rebalances_is_told_as_the_rows_tell_it() -> None:
    live = Live()
    for number in range(60):
        at = number * MINUTE
        live.at(at, *call(number, at))
        match number % 6:
            case 0 | 1:
                live.at(at + 8 * SECOND, answer(number, at + 8 * SECOND, arrives=at + 8 * SECOND))
            case 2:  # kept, by a mirror that is behind
                live.at(at + 50 * SECOND, answer(number, at + 9 * SECOND, arrives=at + 9 * SECOND))
            case 3:  # kept, as it turns out
                live.at(at + 50 * SECOND, answer(number, at + 9 * SECOND, arrives=at + 50 * SECOND))
            case 4:  # broken
                live.at(at + 50 * SECOND, answer(number, at + 45 * SECOND, arrives=at + 45 * SECOND))
        if number % 7 == 0:
            live.rebalanced()
    live.at(HOUR + MINUTE)
    assert live.counted() == (40, 40, 20)
    assert live.attainment() == live.attainment_by_rows() == 40 / 60


def test_after_a_sigkill_it_is_right_but_for_what_one_checkpoint_held() -> None:
    live = Live()
    for number in range(20):
        at = number * MINUTE
        live.at(at, *call(number, at))
        if number % 2:
            live.at(at + 8 * SECOND, answer(number, at + 8 * SECOND, arrives=at + 8 * SECOND))
    live.at(20 * MINUTE)
    live.views.insert(live.feed.checkpoint())
    kept, broken, answered_at = 21 * MINUTE, 22 * MINUTE, 21 * MINUTE + 8 * SECOND
    since = *call(20, kept), answer(20, answered_at, arrives=answered_at), *call(21, broken)
    for happening in since:
        live.at(happening.record_at - T0, happening)
    live.at(23 * MINUTE)
    assert live.counted() == (11, 11, 0)

    live.killed()
    live.at(23 * MINUTE, *since)
    live.at(24 * MINUTE)

    met, breached, withdrawn = live.counted()
    assert (11 <= met <= 12, 11 <= breached - withdrawn <= 12) == (True, True), (
        "what is read again counts twice at most"
    )
    assert live.attainment_by_rows() == 11 / 22


def test_a_breach_that_did_not_move_the_counter_moves_none_when_it_is_taken_back() -> None:
    live = Live()
    live.at(0, *call(0, 0))
    live.feed.state.wall = T0 + DAY
    live.metrics.observe(live.feed.until(MINUTE), T0 + DAY, WINDOW)  # a backlog that is read a day later
    live.metrics.observe(live.feed.feed(answer(0, 5 * SECOND, arrives=MINUTE)), T0 + DAY, WINDOW)
    assert live.counted() == (0, 0, 0)


def test_after_a_rebalance_it_is_still_known_which_breach_had_moved_the_counter() -> None:
    live = Live()
    live.at(0, *call(0, 0))
    live.at(MINUTE)
    live.rebalanced()
    live.at(MINUTE, answer(0, 5 * SECOND, arrives=MINUTE))
    assert live.counted() == (1, 1, 1)
    live.rebalanced()
    live.at(2 * MINUTE, answer(0, 5 * SECOND, arrives=2 * MINUTE))
    assert live.counted() == (1, 1, 1), "and once"


def test_a_log_that_is_rewritten_keeps_it() -> None:
    live = Live()
    live.at(0, *call(0, 0))
    live.at(MINUTE)
    whole = list(live.feed.state.cases.whole(("contact-events", "crm", "C0")) or ())
    live.rebalanced()
    for change in whole:
        live.feed.state.cases.apply(change, live.feed.state.cases.version)
    assert dict(live.feed.state.cases["contact-events", "crm", "C0"].live_breaches) == {
        ("answer", 1): ("default", "normal")
    }


def test_a_case_of_a_log_before_there_were_such_breaches_is_read_as_it_is() -> None:
    live = Live()
    live.at(0, *call(0, 0))
    (change,) = list(live.feed.state.cases.whole(("contact-events", "crm", "C0")) or ())
    left_out, counted_by, events, _, *standing = change.content
    live.feed.state.cases.apply(change._replace(content=(left_out, counted_by, events, *standing)), 1)
    case = live.feed.state.cases["contact-events", "crm", "C0"]
    assert (len(case.events), case.live_breaches) == (2, {})


def test_what_is_withdrawn_has_the_labels_that_were_counted() -> None:
    live = Live()
    live.at(0, *call(0, 0))
    live.at(MINUTE)
    said: dict[str, Any] = {"customer": "c0", "to": "urgent", "seq": 3, "from": "normal"}
    urgent = event("contact.priority_changed", "C0", MINUTE, **said)
    live.at(MINUTE, urgent)
    live.at(2 * MINUTE, answer(0, 5 * SECOND, arrives=2 * MINUTE))
    labels = {"policy": "default", "metric": "answer", "priority": "normal"}
    assert live.metrics.registry.get_sample_value("feedback_sla_withdrawn_total", labels) == 1


def test_a_void_contact_takes_its_breach_back() -> None:
    live = Live()
    live.at(0, *call(0, 0))
    live.at(MINUTE, event("contact.voided", "C0", MINUTE, customer="c0", seq=3))
    assert live.counted() == (0, 1, 1)


def test_time_that_is_set_back_withdraws_what_it_had_counted() -> None:
    live = Live()
    live.at(0, *call(0, 0))
    live.at(10 * MINUTE)
    assert live.counted() == (0, 1, 0)
    live.feed.state.wall = T0 + 10 * SECOND
    observed = set_back(live.feed.state, T0 + 10 * SECOND)
    assert observed is not None
    live.metrics.observe(observed, T0 + 10 * SECOND, WINDOW)
    assert live.counted() == (0, 1, 1)


@law
@given(logs(), st.data())
def test_breached_less_withdrawn_is_what_reads_as_breached_however_records_come_and_partitions_move(
    log: list[Happening], data: st.DataObject
) -> None:
    live = Live(policies=(EVERY_CLOCK,), page_window=86_400.0, case_retention_days=400)
    live.page_window_ms = 1_000 * DAY
    counted: Counter[str] = Counter()

    def observe(observed: Observations) -> None:
        counted.update({f"{key[0]} {key[-1]}": number for key, number in observed.counts.items()})

    for happening in log:
        live.feed.state.wall = live.feed.state.now
        observe(live.feed.feed(happening))
        if data.draw(st.booleans()):
            live.rebalanced()
    live.feed.checkpoint()
    broken = sum(
        said in BROKEN
        for case in live.feed.state.cases.values()
        if not case.fold.test
        for said, clock in zip(case.evaluation.states, case.evaluation.clocks, strict=True)
        if clock.inherited_at is None
    )
    withdrawn = sum(number for key, number in counted.items() if key.startswith("sla_withdrawn"))
    in_cases = sum(len(case.live_breaches) for case in live.feed.state.cases.values())
    assert counted["sla_outcomes breached"] - withdrawn == in_cases <= broken


# Who is called


def open_incidents(live: Live, wall: int) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (_, pattern, *_labels, page), number in missed_pages.open_by_page(live.feed.state, T0 + wall).items():
        if pattern == "P02":
            found[page] += number
    return found


def looked(live: Live, wall: int) -> list[IncidentRow]:
    live.at(wall)
    return [row for row, _ in missed_pages.look(live.feed.state, T0 + wall, WINDOW).incidents]


def test_an_incident_that_opens_while_we_look_pages_until_it_ends_whoever_has_its_partition() -> None:
    live = Live()
    looked(live, 0)
    live.at(0, *call(0, 0))
    looked(live, MINUTE)
    assert open_incidents(live, MINUTE) == {"true": 1}
    for minute in range(2, 120):
        looked(live, minute * MINUTE)
    live.rebalanced()
    assert open_incidents(live, 2 * HOUR) == {"true": 1}


def test_a_replay_of_last_month_pages_nobody_also_once_it_has_caught_up() -> None:
    live = Live()
    live.at(0, *call(0, 0))
    live.at(HOUR)
    assert set(open_incidents(live, 30 * DAY)) == {"false"}
    looked(live, 30 * DAY)
    assert set(open_incidents(live, 30 * DAY)) == {"false"}
    live.rebalanced()
    assert set(open_incidents(live, 30 * DAY + MINUTE)) == {"false"}


def test_what_an_outage_of_ours_left_open_pages_by_the_incident_that_says_so() -> None:
    live = Live()
    looked(live, 0)
    live.at(0, *call(0, 0))
    assert open_incidents(live, HOUR) == {}
    live.at(50 * MINUTE)
    assert open_incidents(live, HOUR) == {"false": 1}, "nobody was called, and it is not said yet"
    assert [row.pattern for row in looked(live, HOUR)] == ["missed_pages"]
    assert open_incidents(live, HOUR) == {"false": 1}
