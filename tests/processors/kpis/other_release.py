"""Another release, in a process of its own: this tree with other declarations in `schemas.kpis`.

`python -m tests.processors.kpis.other_release '[["what stands there", "what stood there"], ...]'` counts a few events,
writes a checkpoint, and prints as JSON what it wrote and what it holds.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from processors.state.partition import PartitionState

Edits = Sequence[tuple[str, str]]
Content = dict[str, dict[str, Any]]
"""'topic minute dimension value' -> column -> amount, without what is zero"""

_COUNT = '    complaints_acknowledged = "complaints acknowledged"\n'
_SUM = '    ces_score_milli = "total of effort scores, thousandths of 1..7, 7 = easy"\n'
_HISTOGRAM = '    wait_histogram = "wait"\n'
_ESCALATED = '    contacts_escalated = "contacts escalated"\n'
_ELEMENT = ' "element",'

RELEASES: Final[dict[str, Edits]] = {
    "before a count was added": [(_COUNT, "")],
    "before a sum was added": [(_SUM, ""), ("Sum.ces_score_milli", "Sum.csat_score_milli")],
    "before a dimension was added": [(_ELEMENT, "")],
    "before a count was removed": [(_COUNT, _COUNT + _ESCALATED)],
    "before a histogram was removed": [(_HISTOGRAM, _HISTOGRAM + '    talk_histogram = "talk"\n')],
    "before a dimension was removed": [(_ELEMENT, _ELEMENT + ' "shift",'), (_COUNT, _COUNT + _ESCALATED)],
    "before all were reordered": [
        (
            "tuple(each.name for each in accumulators if each not in RETIRED)",
            "(*sorted(e.name for e in accumulators),)",
        ),
        ('"all", "channel", "area", "team",', '"team", "area", "all", "channel",'),
    ],
}
"""When the release was, seen from this one -> how its declarations differ."""


@dataclass(frozen=True)
class Written:
    """What a release wrote, and what it held when it did."""

    accumulators: list[str]
    dimensions: list[str]
    delta: list[bytes]
    batch: bytes
    """Its `kpi_partials`, as they travel to the warehouse."""
    content: Content


def written_by(edits: Edits) -> Written:
    """Run the release with these edits of `schemas/kpis.py`."""
    command = [sys.executable, "-m", __name__, json.dumps(edits)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return Written(
        said["accumulators"],
        said["dimensions"],
        [bytes.fromhex(message) for message in said["delta"]],
        bytes.fromhex(said["batch"]),
        said["content"],
    )


def content(state: "PartitionState") -> Content:
    """What the partials of a state hold, by name."""
    from processors.kpis.rows import partial_rows
    from schemas.outputs import PARTIAL_COLUMNS, partials_in_full

    held: Content = {}
    for topic, partials in state.partials.items():
        for minute, by_value in partials.minutes.items():
            for values in partials_in_full(partial_rows(minute, by_value, topic, 0), PARTIAL_COLUMNS):
                row = dict(zip(PARTIAL_COLUMNS, values, strict=True))
                name = f"{topic} {minute} {row['dimension']} {row['dimension_value']}"
                amounts = {column: row[column] for column in PARTIAL_COLUMNS[7:] if row[column]}
                held[name] = json.loads(json.dumps(amounts))
    return held


def _install(edits: Edits) -> None:
    """Put the edited declarations in the place of those of this tree, before anybody imports them."""
    spec = importlib.util.find_spec("schemas.kpis")
    assert spec is not None
    assert spec.origin is not None
    with open(spec.origin) as file:
        source = file.read()
    for ours, theirs in edits:
        assert ours in source, f"not in {spec.origin}: {ours}"
        source = source.replace(ours, theirs)
    module = importlib.util.module_from_spec(spec)
    sys.modules["schemas.kpis"] = module
    exec(compile(source, spec.origin, "exec"), module.__dict__)


def _main(edits: Edits) -> dict[str, Any]:
    _install(edits)
    from processors.kpis.samples import Sample, counted
    from schemas.kpis import ACCUMULATORS, DIMENSIONS, Count
    from schemas.topics import CONTACTS
    from sinks.messages import messages
    from tests.processors.feed import T0, Feed, event

    feed = Feed()
    said: dict[str, Any] = {
        "direction": "inbound",
        "channel": "phone",
        "org_unit": "es/care/n1",
        "demand_type": "failure",
    }
    feed.feed(
        event("contact.opened", "c-1", 0, seq=0, **said),
        event("contact.queued", "c-1", 1_000, seq=1, queue="q"),
        event("contact.answered", "c-1", 31_000, seq=2, actor={"kind": "human"}),
        event("contact.resolved", "c-1", 50_000, seq=3, resolved_level=1, talk_seconds=19),
        event("survey.answered", "s-1", 55_000, kind="csat", mode="sms", score=4),
    )
    assert not feed.state.pending.rejected
    if "contacts_escalated" in Count.__members__:
        values = {"all": "all", "channel": "phone", "shift": "north"}
        attribution = tuple(values.get(name, "") for name in DIMENSIONS)
        for _ in range(7):
            feed.state.add_sample(CONTACTS, Sample(T0, attribution, counted(Count["contacts_escalated"])), 1)
        apart = tuple("es" if name == "area" else "" for name in DIMENSIONS)
        feed.state.add_sample(CONTACTS, Sample(T0 + 600_000, apart, counted(Count["contacts_escalated"])), 1)
    checkpoint = feed.checkpoint()
    (batch,) = (
        message.value
        for message in messages(checkpoint, prefix="", wall=T0, page_window_ms=0, message_bytes=900_000)
        if message.topic == "feedback-rows" and b"kpi_partials" in message.value[:40]
    )
    return {
        "accumulators": ACCUMULATORS,
        "dimensions": DIMENSIONS,
        "delta": [message.hex() for message in feed.messages],
        "batch": batch.hex(),
        "content": content(feed.state),
    }


if __name__ == "__main__":
    print(json.dumps(_main(json.loads(sys.argv[1]))))
