"""What counts in a span on both sides, and what flips."""

from deploy.reading.whatif.comparison import Compared, Span
from deploy.reading.whatif.readings import Reading
from schemas.taxonomy import ClockState

CASE = ("contact-events", "crm", "C1")
SPAN = Span(100, 200)
UNIT = ("n1", "resolve")


def clock(
    state: ClockState, *, due: int, ended: int | None = None, started: int = 50, team: str = "n1", inherited: int = 0
) -> Reading:
    return Reading("resolve", started, 1, team, "phone", due, ended, state, inherited, 0)


def compared(was: list[Reading], would_be: list[Reading], span: Span = SPAN) -> Compared:
    found = Compared()
    found.compare(CASE, was, would_be, span)
    return found


def test_a_kept_promise_counts_at_its_end_and_a_broken_one_at_its_deadline() -> None:
    assert SPAN.outcome(clock("met", due=250, ended=199)) == "met"
    assert SPAN.outcome(clock("met", due=250, ended=200)) == ""
    assert SPAN.outcome(clock("breached", due=100, ended=400)) == "breached"
    assert SPAN.outcome(clock("breached_open", due=99)) == ""


def test_what_is_undecided_given_up_or_counted_by_another_case_counts_nowhere() -> None:
    for reading in (clock("running", due=150), clock("cancelled", due=150, ended=120), clock("paused", due=150)):
        assert SPAN.outcome(reading) == ""
    assert SPAN.outcome(clock("breached", due=150, ended=160, inherited=1)) == ""


def test_a_breach_that_was_none_is_gained_and_its_clock_flips() -> None:
    found = compared([clock("met", due=180, ended=160)], [clock("breached", due=150, ended=160)])

    assert (found.was, found.would_be) == ({(UNIT, "met"): 1}, {(UNIT, "breached"): 1})
    assert (found.gained, found.lost) == ({UNIT: 1}, {})
    (flip,) = found.flips
    assert (flip.case, flip.metric, flip.team, flip.gained) == (CASE, "resolve", "n1", True)


def test_a_breach_that_would_be_none_is_lost() -> None:
    found = compared([clock("breached", due=150, ended=160)], [clock("met", due=180, ended=160)])
    assert (found.gained, found.lost, [flip.gained for flip in found.flips]) == ({}, {UNIT: 1}, [False])


def test_a_breach_of_both_sides_is_no_flip_and_moves_with_its_team() -> None:
    found = compared([clock("breached", due=150, ended=190)], [clock("breached", due=120, ended=190, team="n2")])
    assert (found.gained, found.lost, found.flips) == ({("n2", "resolve"): 1}, {UNIT: 1}, [])


def test_clocks_belong_together_by_their_beginning_and_not_by_their_number() -> None:
    first, second = clock("met", due=120, ended=110), clock("met", due=190, ended=180, started=120)
    found = compared([first, second._replace(instance=2)], [second._replace(instance=1)])
    assert (found.would_be, found.flips) == ({(UNIT, "met"): 1}, [])


def test_of_each_unit_what_would_be_is_what_was_with_the_gained_and_without_the_lost() -> None:
    was = [clock("breached", due=150, ended=160), clock("met", due=190, ended=110, started=60)]
    would_be = [clock("met", due=170, ended=160), clock("breached", due=105, ended=110, started=60)]
    found = compared(was, would_be)
    for unit in found.units:
        assert found.would_be[unit, "breached"] == (found.was[unit, "breached"] + found.gained[unit] - found.lost[unit])
    assert len(found.flips) == 2


def test_a_promise_of_one_side_alone_counts_on_that_side() -> None:
    found = compared([], [clock("breached_open", due=150)])
    assert (found.was, found.gained, found.flips[0].was) == ({}, {UNIT: 1}, None)


def test_parts_add_up() -> None:
    one = compared([clock("met", due=180, ended=160)], [clock("breached", due=150, ended=160)])
    one.update(compared([clock("met", due=180, ended=160)], [clock("breached", due=150, ended=160)]))
    assert (one.cases, one.gained[UNIT], len(one.flips)) == (2, 2, 2)
