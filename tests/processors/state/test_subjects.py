"""Subjects: histories by pattern and subject, in one table."""

from processors.cases.history import CASES_CONSIDERED, History, Membership
from processors.state.subjects import Subjects

A, B, C = (("contact-events", "crm", name) for name in "ABC")


def test_two_patterns_that_watch_one_subject_have_a_history_each() -> None:
    subjects = Subjects()
    customer = Membership(("c1",), 5, ())
    subjects.join("P08", customer, A)
    subjects.join("P09", customer, A)
    subjects.join("P09", customer._replace(at=3), B)
    assert sorted(subjects) == [("P08", ("c1",)), ("P09", ("c1",))]
    assert subjects["P09", ("c1",)].cases == [(3, B), (5, A)]
    assert subjects["P08", ("c1",)].cases == [(5, A)]


def test_a_case_that_leaves_was_never_there() -> None:
    subjects = Subjects()
    for at, key in ((1, A), (2, B), (3, C)):
        subjects.join("P08", Membership(("c1", "billing"), at, ()), key)
    history = subjects.leave("P08", Membership(("c1", "billing"), 2, ("anything",)), B)
    assert history.cases == [(1, A), (3, C)]


def test_all_histories_of_a_customer_are_found_and_no_others() -> None:
    subjects = Subjects()
    for subject in (("c1", "billing"), ("c1",), ("c2", "c1")):
        subjects.join("P08", Membership(subject, 1, ()), A)
    assert [key for key, _ in subjects.of_customer("c1")] == [("P08", ("c1", "billing")), ("P08", ("c1",))]


def test_of_very_many_cases_the_first_and_the_last_are_considered() -> None:
    history = History()
    for at in range(3 * CASES_CONSIDERED):
        history.add(at, A)
    considered = [at for at, _ in history.considered()]
    assert considered == [*range(CASES_CONSIDERED - 1), 3 * CASES_CONSIDERED - 1]
