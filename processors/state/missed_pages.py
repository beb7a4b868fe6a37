"""`MissedPages`: what a partition remembers of a time in which it could page nobody, for it was not live."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from processors.cases.events import CaseKey
from processors.state.subjects import SubjectKey
from schemas.outputs import IncidentRow


class Missed(NamedTuple):
    """An incident that paged nobody, and who holds it: a case, or the history of a subject."""

    incident_id: str
    case: CaseKey | None
    subject: SubjectKey | None


class MissedPages:
    """When it was live last, and the incident of ours that says what was missed while that is open.

    Live is a partition whose time is less than `page_window` behind.
    """

    def __init__(self) -> None:
        self.live_at = 0
        """The clock when it was live last, ms; 0: it never was."""
        self.live_now = 0
        """Its own time then."""
        self.live_since = 0
        """When it was live for the first time, less `page_window`, ms: before that nobody was paged."""
        self.told: IncidentRow | None = None
        self.since = self.until = 0
        """What opened between these moments, ms, the incident tells of."""
        self.open: list[Missed] = []
        """What of that may be open still. Derived."""

    def meta(self) -> dict[str, Any]:
        """What a checkpoint writes, but for what goes without saying."""
        said: dict[str, Any] = {}
        if self.live_at:
            said = {"live_at": self.live_at, "live_now": self.live_now, "live_since": self.live_since}
        if self.told is not None:
            said |= {"told": [*self.told], "since": self.since, "until": self.until}
        return said

    def restore(self, meta: Mapping[str, Any]) -> None:
        """Take in what `meta` gave."""
        self.live_at, self.live_now = meta.get("live_at", 0), meta.get("live_now", 0)
        self.live_since = meta.get("live_since", 0)
        self.told = IncidentRow(*meta["told"]) if "told" in meta else None
        self.since, self.until = meta.get("since", 0), meta.get("until", 0)
