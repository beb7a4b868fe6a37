"""What the other cases of a partition decide about one: whether its merges count, and whether the case that is to
survive is here; of a survey, whose it is.

A case is folded from its own events alone; this is the little that it is told besides, and it is kept with them. Merges
are told by `pipeline.merging`, what follows from it is in `merges`; surveys by `pipeline.linking`.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from processors.cases.events import CaseEvent
from schemas.topics import COMPLAINTS, CONTACTS

Target = tuple[str, str]
"""Topic and entity id of a case that a survey names; which source it is of, a survey does not know."""


class Linked(NamedTuple):
    """What a survey takes from the case that it names; '' where that does not say."""

    org_unit: str = ""
    team: str = ""
    """That it was handed on to; '' when it is the one of `org_unit`."""
    channel: str = ""
    product: str = ""


class Standing(NamedTuple):
    """Of the merges of one case, or of one survey."""

    found: str = ""
    """The entity that it is merged into, once something of that is here; it stays found when it leaves."""
    elsewhere: bool = False
    """Whether it was not found in all that time."""
    ignored: tuple[str, ...] = ()
    """Event ids of the merges that would close a circle, sorted: they count for nothing."""
    linked: Linked | None = None


ALONE: Final = Standing()
NOTHING_GIVEN: Final = Linked()


def links_of(events: Iterable[CaseEvent]) -> tuple[Target, ...]:
    """The contact and the complaint that a survey names, by its events in order: the first of each that is named."""
    contact_id = complaint_id = ""
    for event in events:
        contact_id = contact_id or event.facts.get("contact_id", "")
        complaint_id = complaint_id or event.facts.get("complaint_id", "")
    contact = ((CONTACTS, contact_id),) if contact_id else ()
    return (*contact, (COMPLAINTS, complaint_id)) if complaint_id else contact
