"""The cases of a customer, as they come and go and turn out to be somebody else's."""

from processors.state.customers import Customers


def test_a_case_is_found_by_whose_it_is_now_and_nothing_is_left_of_who_has_none() -> None:
    customers, one, two = Customers(), ("contact-events", "crm", "C1"), ("contact-events", "crm", "C2")
    customers.move(one, "", "a")
    customers.move(two, "", "a")
    customers.move(one, "a", "b")
    assert (customers.cases_of("a"), customers.cases_of("b"), customers.cases_of("c")) == ([two], [one], [])
    customers.move(two, "a", "")
    assert (customers.cases_of("a"), len(customers)) == ([], 1)
