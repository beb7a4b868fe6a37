"""`Links`: which surveys name which contact or complaint, whether that is here yet or not. Derived: not written."""

from collections.abc import Iterable, Sequence

from processors.cases.events import CaseKey
from processors.cases.standing import Target


class Links:
    """The surveys of each case that any of them names."""

    def __init__(self) -> None:
        self._surveys: dict[Target, dict[CaseKey, None]] = {}

    def __len__(self) -> int:
        return len(self._surveys)

    def surveys_of(self, target: Target) -> Sequence[CaseKey]:
        """The keys of the surveys that name a case."""
        return [*self._surveys.get(target, ())]

    def move(self, survey: CaseKey, before: Iterable[Target], after: Iterable[Target]) -> None:
        """A survey names other cases now."""
        for target in before:
            surveys = self._surveys[target]
            del surveys[survey]
            if not surveys:
                del self._surveys[target]
        for target in after:
            self._surveys.setdefault(target, {})[survey] = None
