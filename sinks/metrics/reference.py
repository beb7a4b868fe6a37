"""`docs/metrics.md`, from the declarations: `python -m sinks.metrics.reference > docs/metrics.md`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from sinks.metrics import board, warehouse, worker
from sinks.metrics.family import SERIES_MAX, VALUES_MAX, Family, Histogram, Label
from sinks.metrics.shared import SHARED

PROCESSES: Final[Mapping[str, Sequence[Family]]] = {
    "every process": SHARED,
    "`oidor worker`": worker.FAMILIES,
    "`oidor warehouse`": warehouse.FAMILIES,
    "`oidor board`": board.FAMILIES,
}
_SUFFIX: Final = {"counter": "_total"}

_INTRODUCTION: Final = f"""# Metrics

Generated from `sinks/metrics`: change the declarations there.

Every process exports its own families on `/metrics`, beside `process_*` and `python_*`. A label from events takes at
most {VALUES_MAX} values in a process, and a family the sets of labels that it has room for; the rest reads `other`: a
process has at most {SERIES_MAX:,} series, whatever comes in. What is known beforehand begins at 0. Counters of events
move before the checkpoint commits: exact without faults, approximate after one; ClickHouse is exact.
"""


def reference() -> str:
    """The page."""
    sections = (_section(process, families) for process, families in PROCESSES.items())
    return "\n".join([_INTRODUCTION, *sections, _labels()])


def _section(process: str, families: Iterable[Family]) -> str:
    lines = [f"## Of {process}", "", "| metric | kind | what it tells | labels |", "|---|---|---|---|"]
    return "\n".join([*lines, *map(_line, families), ""])


def _line(family: Family) -> str:
    labels = ", ".join(f"`{label.name}`" for label in family.labels)
    name = family.exported_name + _SUFFIX.get(family.kind, "")
    return f"| `{name}` | {family.kind} | {' '.join(_meaning(family))} | {labels} |"


def _labels() -> str:
    """Each label with its values; of those that share a name, also the metrics that have it."""
    of: dict[Label, list[str]] = {}
    for family in chain.from_iterable(PROCESSES.values()):
        for label in family.labels:
            of.setdefault(label, []).append(f"`{family.exported_name}`")
    names = Counter(label.name for label in of)
    lines = ["## Labels", "", "| label | values |", "|---|---|"]
    for label, metrics in sorted(of.items()):
        where = f" (of {', '.join(metrics)})" if names[label.name] > 1 else ""
        lines.append(f"| `{label.name}`{where} | {label.values} |")
    return "\n".join([*lines, ""])


def _meaning(family: Family) -> Iterator[str]:
    yield family.meaning
    if isinstance(family, Histogram):
        yield f"Buckets up to {family.buckets[-1]:,} {family.unit}."


if __name__ == "__main__":
    print(reference(), end="")
