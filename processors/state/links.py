"""`Links`: which surveys name which contact or complaint, whether that is here yet or not. Derived: not written."""

from collections.abc import Iterable, Sequence

from processors.cases.events import CaseKey
from processors.cases.standing import Target


class Links:
    """The surveys of each case that any of them names."""

    def __init__(self) -> None:
        self.of_case: dict[Target, dict[CaseKey, None]] = {}
        """Those that are named -> the surveys that name them."""

    def surveys_of(self, target: Target) -> Sequence[CaseKey]:
        """The keys of the surveys that name a case."""
        return [*self.of_case.get(target, ())]

    def move(self, survey: CaseKey, before: Iterable[Target], after: Iterable[Target]) -> None:
        """A survey names other cases now."""
        for target in before:
            surveys = self.of_case[target]
            del surveys[survey]
            if not surveys:
                del self.of_case[target]
        for target in after:
            self.of_case.setdefault(target, {})[survey] = None
