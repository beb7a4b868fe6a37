"""`Verdicts`: the records that an installation rejected because they came from the future.

Whether a record did only a clock can say that was there. Who reads it again later takes over what was said then.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple


class Span(NamedTuple):
    """Records of one topic-partition in a row: offsets `first` to `last`, both included. `topic`: its logical name."""

    topic: str
    partition: int
    first: int
    last: int


class Verdicts:
    """Spans of offsets; those of one topic-partition do not overlap."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for span in sorted(spans):
            self._spans.setdefault((span.topic, span.partition), []).append((span.first, span.last))

    def __bool__(self) -> bool:
        return bool(self._spans)

    def hold(self, topic: str, partition: int, offset: int) -> bool:
        """Whether the record at an offset was rejected."""
        spans = self._spans.get((topic, partition), [])
        index = bisect_right(spans, (offset, offset))
        return any(first <= offset <= last for first, last in spans[max(0, index - 1) : index + 1])


def spans_of(rejected: Iterable[tuple[str, int, int]]) -> list[Span]:
    """Offsets that follow each other as one span; `rejected`: (topic, partition, offset), each once, in any order."""
    rows = sorted(rejected)
    if not rows:
        return []
    begins = [rows[0], *(row for before, row in pairwise(rows) if row != (*before[:2], before[2] + 1))]
    ends = [*(before for before, row in pairwise(rows) if row != (*before[:2], before[2] + 1)), rows[-1]]
    return [Span(*begin, end[2]) for begin, end in zip(begins, ends, strict=True)]


def read(path: Path | None) -> Verdicts:
    """What `write` wrote; without a file, none."""
    if path is None:
        return Verdicts()
    return Verdicts(Span(*json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())


def write(path: Path, spans: Iterable[Span]) -> None:
    path.write_text("".join(f"{json.dumps(span)}\n" for span in spans), encoding="utf-8")
