"""The labels that several families share, and what bounds their values."""

from typing import Final, get_args

from schemas import taxonomy
from schemas.topics import INPUTS
from sinks.metrics.family import FROM_EVENTS, Label, one_of

INPUT: Final = Label("topic", one_of(INPUTS))
EVENT_TYPE: Final = Label("event_type", FROM_EVENTS)
SOURCE: Final = Label("source", FROM_EVENTS)
AREA: Final = Label("area", FROM_EVENTS)
QUEUE: Final = Label("queue", FROM_EVENTS)
CHANNEL: Final = Label("channel", one_of(get_args(taxonomy.Channel)))
KIND: Final = Label("kind", FROM_EVENTS)
PRIORITY: Final = Label("priority", one_of(get_args(taxonomy.Priority)))

POLICY: Final = Label("policy", "the policies in force")
CLOCK_METRIC: Final = Label("metric", one_of(taxonomy.CLOCK_METRICS))

PATTERN: Final = Label("pattern", "the patterns that are registered, and `missed_pages`")
SEVERITY: Final = Label("severity", one_of(get_args(taxonomy.Severity)))
