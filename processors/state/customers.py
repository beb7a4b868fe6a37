"""`Customers`: which cases each customer has: one of them is found without looking at all. Derived: not written."""

from collections.abc import Sequence

from processors.cases.events import CaseKey


class Customers:
    """The cases of each customer, in the order in which they came to be theirs: most have one, a list costs least."""

    def __init__(self) -> None:
        self._cases: dict[str, list[CaseKey]] = {}

    def __len__(self) -> int:
        return len(self._cases)

    def cases_of(self, customer_id: str) -> Sequence[CaseKey]:
        """The keys of all cases of a customer."""
        return self._cases.get(customer_id, [])[:]

    def move(self, case: CaseKey, before: str, after: str) -> None:
        """A case is another customer's now; '' is nobody."""
        if before:
            cases = self._cases[before]
            cases.remove(case)
            if not cases:
                del self._cases[before]
        if after:
            self._cases.setdefault(after, []).append(case)
