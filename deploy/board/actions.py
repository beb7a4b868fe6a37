"""What people did about incidents, folded from `feedback-actions` in the order of that log."""

from collections import OrderedDict
from typing import Any, Final

import msgspec

from schemas.actions import Acknowledged, Acted, AnyAction, Dismissed, MaintenancePlanned, decode_action
from schemas.events.decoding import to_ms
from schemas.outputs import Rejection

REMEMBERED: Final = 100_000
"""Incidents, and plans of maintenance, of which it is remembered what people did; the oldest leave."""


class Handling(msgspec.Struct, frozen=True):
    """What people did about one incident. Moments are ms since the epoch; names are '' where nobody did."""

    acknowledged_at: int | None = None
    """When somebody first acknowledged, acted on or dismissed it."""
    acknowledged_by: str = ""
    acted_at: int | None = None
    acted_by: str = ""
    dismissed_at: int | None = None
    """None, too, when it was acknowledged since: then it is open again."""
    dismissed_by: str = ""
    note: str = ""
    """What was said of it last."""

    @property
    def dismissed(self) -> bool:
        return self.dismissed_at is not None


NOBODY: Final = Handling()
"""Of an incident that nobody did anything about."""


class ActionBook:
    """What people did, by incident, and what they plan, as of what was read."""

    def __init__(self) -> None:
        self._handled: OrderedDict[str, Handling] = OrderedDict()
        self._planned: OrderedDict[str, MaintenancePlanned] = OrderedDict()
        self.rejected = 0
        """Records that are no actions: the warehouse says why, on `feedback-rejected`."""

    def read(self, value: bytes | None, record_at: int) -> None:
        """Takes a record in, as the broker appended it at a moment, ms. Never raises."""
        action = decode_action(value or b"", record_at)
        if isinstance(action, Rejection):
            self.rejected += 1
            return
        self.take(action)

    def take(self, action: AnyAction) -> None:
        """Takes an action in that comes after all others."""
        if isinstance(action, MaintenancePlanned):
            self._planned[action.maintenance_id] = action
            _forget(self._planned)
        else:
            self._handled[action.incident_id] = _after(self.of(action.incident_id), action)
            self._handled.move_to_end(action.incident_id)
            _forget(self._handled)

    def of(self, incident_id: str) -> Handling:
        """What was done about an incident."""
        return self._handled.get(incident_id, NOBODY)

    def maintenance(self, now: int) -> list[MaintenancePlanned]:
        """Plans that have not ended at a moment, ms, and were not called off: the next one first."""
        ahead = (one for one in self._planned.values() if one.begins_at < one.ends_at and now < to_ms(one.ends_at))
        return sorted(ahead, key=lambda one: (one.begins_at, one.maintenance_id))


def _after(handling: Handling, action: Acknowledged | Acted | Dismissed) -> Handling:
    at, who = to_ms(action.at), action.who
    changes: dict[str, Any] = {"note": action.note or handling.note}
    if handling.acknowledged_at is None or at < handling.acknowledged_at:
        changes |= {"acknowledged_at": at, "acknowledged_by": who}
    if isinstance(action, Acted) and (handling.acted_at is None or at < handling.acted_at):
        changes |= {"acted_at": at, "acted_by": who}
    if isinstance(action, Dismissed):
        changes |= {"dismissed_at": at, "dismissed_by": who}
    elif isinstance(action, Acknowledged):
        changes |= {"dismissed_at": None, "dismissed_by": ""}
    return msgspec.structs.replace(handling, **changes)


def _forget(remembered: "OrderedDict[str, Any]") -> None:
    if len(remembered) > REMEMBERED:
        remembered.popitem(last=False)
