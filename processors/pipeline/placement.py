"""Whether an event lies where the others of its customer do: under the customer's key, and in that key's partition.

Where it does not, its case may live in two partitions, which know nothing of each other: what is answered in one is
breached in the other. The event is taken in all the same, and warned.
"""

import logging
from typing import Final

from processors.cases.case import Case
from processors.state.partition import PartitionState
from schemas.events.envelope import Event
from schemas.taxonomy import Warning_

log = logging.getLogger(__name__)

SOURCES_LOGGED_MAX: Final = 100
"""Sources that a process names in its log for each partition, once each."""

_OPENINGS: Final = frozenset({"opened", "invited"})


def oddities(state: PartitionState, case: Case, event: Event, key: bytes) -> tuple[Warning_, ...]:
    """What is odd about where an event lies, that is about to be folded into a case; `key` is its record's."""
    warnings: tuple[Warning_, ...] = ()
    customer = event.customer
    if customer is not None and key != customer.id.encode() and not _opened_anonymously(case, event):
        warnings = ("key_not_customer",)
    # Of the other events of a case it would say nothing new, and murmur2 is a tenth of a step.
    if not case.events and (partition_of := state.rules.partition_of) is not None:
        right = partition_of(key)
        if right != state.number:
            _tell(state, event, right)
            warnings += ("wrong_partition",)
    return warnings


def _opened_anonymously(case: Case, event: Event) -> bool:
    """May all of a case be published under its own id? Who its customer is was not known when it was opened."""
    if event.event_type == "contact.identified":
        return True
    return any(one.type in _OPENINGS and "customer_id" not in one.facts for one in case.events)


def _tell(state: PartitionState, event: Event, right: int) -> None:
    told = state.misplacing_sources
    if event.source not in told and len(told) < SOURCES_LOGGED_MAX:
        told.add(event.source)
        log.warning(
            "partition %d: source %s sends here what belongs in partition %d: its client places keys otherwise than "
            "OIDOR_PARTITIONER says, so its cases are split and may page falsely; `oidor doctor` names the cure",
            state.number, event.source, right,
        )  # fmt: skip
