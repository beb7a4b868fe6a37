"""`Cases`: the table of all cases that are kept. Of a case its events are written; its fold follows from them.

The content of a change is how many events were left out of the case so far, the period of rules that it is counted by,
events, which of its breaches moved the live counters if that changed, and how the case stands, if others decide
anything about it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from processors.cases.case import Case
from processors.cases.events import CaseEvent, CaseKey
from processors.cases.standing import ALONE, Linked, Standing
from processors.state.table import StateTable
from schemas.outputs import Change, Key


class Cases(dict[CaseKey, Case], StateTable):
    """Bounded by whoever adds cases. A case that changes must be noted: appended to, replaced, or removed."""

    name = "cases"
    version = 2

    def __init__(self) -> None:
        super().__init__()
        self.of_topic: Counter[str] = Counter()
        """How many there are of each input topic."""
        self._appended: dict[CaseKey, list[CaseEvent]] = {}
        self._replaced: dict[CaseKey, None] = {}
        self._removed: dict[CaseKey, None] = {}
        self._counted: dict[CaseKey, None] = {}

    @property
    def changed(self) -> bool:
        """Whether the next checkpoint writes any of them."""
        return bool(self._appended or self._replaced or self._removed or self._counted)

    def append(self, case: Case, event: CaseEvent) -> None:
        """Note an event that a case got behind all others."""
        self._hold(case)
        self._appended.setdefault(case.key, []).append(event)

    def replace(self, case: Case) -> None:
        """Note that the events of a case changed other than by appending."""
        self._hold(case)
        self._replaced[case.key] = None

    def note_live_breaches(self, case: Case) -> None:
        """Note that other breaches of a case have moved the live counters than before."""
        self._counted[case.key] = None

    def remove(self, case: Case) -> None:
        """Drop a case."""
        del self[case.key]
        self.of_topic[case.key[0]] -= 1
        self._appended.pop(case.key, None)
        self._replaced.pop(case.key, None)
        self._counted.pop(case.key, None)
        self._removed[case.key] = None

    def changes(self) -> Iterator[Change]:
        removed, self._removed = self._removed, {}
        appended, self._appended = self._appended, {}
        replaced, self._replaced = self._replaced, {}
        counted, self._counted = self._counted, {}
        for key in counted:
            if key in self:  # else it has left
                appended.setdefault(key, [])
        for key in removed:
            yield Change(key)
        for key, events in appended.items():
            if key not in replaced:
                case = self[key]
                breaches = _breaches(case) if key in counted else None
                yield Change(key, (case.left_out, case.counted_by, events, breaches))
        for key in replaced:
            yield _whole(self[key])

    def all_keys(self) -> Iterable[Key]:
        return self.keys()

    def whole(self, key: Key) -> Iterator[Change] | None:
        case = self.get(_case_key(key))
        return None if case is None else iter([_whole(case)])

    def apply(self, change: Change, version: int) -> None:
        key = _case_key(change.key)
        if change.content is None:
            if self.pop(key, None) is not None:
                self.of_topic[key[0]] -= 1
            return
        case = self.get(key)
        if case is None or change.whole:
            case = Case(key)
            self._hold(case)
        content = change.content if version > 1 else (*change.content[:3], None, *change.content[3:])
        case.left_out, case.counted_by, events, breaches, *standing = content
        if breaches is not None:
            case.live_breaches = {(metric, instance): (policy, rank) for metric, instance, policy, rank in breaches}
        if standing:
            found, elsewhere, ignored, linked = standing
            of_survey = None if linked is None else Linked(*linked)
            case.standing = Standing(found, elsewhere, tuple(ignored), of_survey)
        case.events.extend(CaseEvent(*event) for event in events)

    def _hold(self, case: Case) -> None:
        if case.key not in self:
            self.of_topic[case.key[0]] += 1
        self[case.key] = case


def _whole(case: Case) -> Change:
    standing = () if case.standing is ALONE else case.standing
    return Change(
        case.key, (case.left_out, case.counted_by, case.events, _breaches(case) or None, *standing), whole=True
    )


def _breaches(case: Case) -> list[tuple[str, int, str, str]]:
    return [(*clock, *labels) for clock, labels in case.live_breaches.items()]


def _case_key(key: Key) -> CaseKey:
    topic, source, entity_id = key
    return topic, source, entity_id
