"""Which incidents are open, folded from `feedback-incidents`: of each the last message holds."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from schemas.taxonomy import IncidentState, Severity

TOLD_LATE_MS: Final = 86_400_000
"""What was a day old when it was told is history that is read, as of an import: counted, and not shown."""
_RANK: Final[Mapping[Severity, int]] = {"critical": 0, "warning": 1, "info": 2}


class Incident(msgspec.Struct, frozen=True):
    """An incident as its topic has it, as far as the board shows it. Moments are ms since the epoch."""

    incident_id: str
    pattern: str
    severity: Severity
    state: IncidentState
    opened_at: int
    updated_at: int
    recorded_at: int
    summary: str
    topic: str = ""
    source: str = ""
    entity_id: str = ""
    area: str = ""
    team: str = ""
    owner: str = ""
    metric: str = ""
    policy_id: str = ""
    page: bool = False
    evidence: Mapping[str, Any] = {}

    @property
    def told_late(self) -> bool:
        return self.recorded_at - self.updated_at >= TOLD_LATE_MS


class IncidentBook:
    """Incidents by id, as of what was read."""

    def __init__(self) -> None:
        self._open: dict[str, Incident] = {}
        self.unreadable = 0
        """Messages that are none of ours, or of a release to come."""

    def read(self, key: bytes | None, value: bytes | None) -> None:
        """Takes a message in; one without a value takes its incident away."""
        incident_id = (key or b"").decode(errors="replace")
        if value is None:
            self._open.pop(incident_id, None)
            return
        try:
            incident = _decoder.decode(value)
        except msgspec.DecodeError:
            self.unreadable += 1
            return
        if incident.state == "open":
            self._open[incident.incident_id] = incident
        else:
            self._open.pop(incident.incident_id, None)

    @property
    def standing(self) -> Collection[Incident]:
        """All that are open."""
        return self._open.values()

    def open(self) -> list[Incident]:
        """Those that are open, and were no history when they were told: the gravest first, of these the newest."""
        live = (one for one in self._open.values() if not one.told_late)
        return sorted(live, key=lambda one: (_RANK[one.severity], -one.opened_at, one.incident_id))

    @property
    def told_late(self) -> int:
        """How many are open that nobody could be called for, because they were history when they were told."""
        return sum(one.told_late for one in self._open.values())


_decoder = msgspec.json.Decoder(Incident)
