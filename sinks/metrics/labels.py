"""The labels that several families share, and what bounds their values."""

from typing import Final, get_args

from schemas import taxonomy
from schemas.topics import INPUTS
from sinks.metrics.family import FROM_EVENTS, Label, closed

INPUT: Final = closed("topic", INPUTS)
EVENT_TYPE: Final = Label("event_type", "those of the contract; what a rejected record claims beside them is `other`")
SOURCE: Final = Label(
    "source", f"those of which a record was ever accepted, and OIDOR_SOURCES; {FROM_EVENTS.partition(': ')[2]}"
)
AREA: Final = Label("area", FROM_EVENTS)
QUEUE: Final = Label("queue", FROM_EVENTS)
CHANNEL: Final = closed("channel", get_args(taxonomy.Channel))
KIND: Final = Label("kind", FROM_EVENTS)
PRIORITY: Final = closed("priority", get_args(taxonomy.Priority))

POLICY: Final = Label("policy", "the policies in force")
CLOCK_METRIC: Final = closed("metric", taxonomy.CLOCK_METRICS)
COUNTED_BY: Final = closed("clock", ("elapsed", "business"))

PATTERN: Final = Label("pattern", "the patterns that are registered, and incidents of ours: `missed_pages` for one")
SEVERITY: Final = closed("severity", get_args(taxonomy.Severity))
