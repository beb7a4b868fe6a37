"""`Subjects`: the histories of all subject-scoped patterns in one table. Derived from the cases: nothing is written."""

from collections.abc import Iterator

from processors.cases.events import CaseKey
from processors.cases.history import History, Membership, Subject

SubjectKey = tuple[str, Subject]
"""pattern id, subject"""


class Subjects:
    """A history for each (pattern id, subject) that any case belongs to."""

    def __init__(self) -> None:
        self._histories: dict[SubjectKey, History] = {}
        self._of_customer: dict[str, list[SubjectKey]] = {}

    def __len__(self) -> int:
        return len(self._histories)

    def __iter__(self) -> Iterator[SubjectKey]:
        return iter(self._histories)

    def __getitem__(self, key: SubjectKey) -> History:
        return self._histories[key]

    def __delitem__(self, key: SubjectKey) -> None:
        del self._histories[key]
        customer_id = key[1][0]
        theirs = self._of_customer[customer_id]
        theirs.remove(key)
        if not theirs:
            del self._of_customer[customer_id]

    def get(self, key: SubjectKey) -> History | None:
        return self._histories.get(key)

    def join(self, pattern_id: str, membership: Membership, case: CaseKey) -> History:
        """The history of its subject, with the case in it."""
        key = pattern_id, membership.subject
        history = self._histories.get(key)
        if history is None:
            history = self._histories[key] = History()
            self._of_customer.setdefault(membership.subject[0], []).append(key)
        history.add(membership.at, case)
        return history

    def leave(self, pattern_id: str, membership: Membership, case: CaseKey) -> History:
        """The history of its subject, without the case: with nobody in it, perhaps."""
        history = self._histories[pattern_id, membership.subject]
        history.remove(membership.at, case)
        return history

    def of_customer(self, customer_id: str) -> list[tuple[SubjectKey, History]]:
        """All histories whose subject is a customer, or something of theirs."""
        return [(key, self._histories[key]) for key in self._of_customer.get(customer_id, ())]
