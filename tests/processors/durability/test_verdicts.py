"""Verdicts on records from the future: written by who knows the installation, read by its replay."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from processors.durability.verdicts import Span, Verdicts, read, spans_of, write

REJECTED = st.sets(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2), st.integers(0, 30)))


@given(REJECTED)
def test_spans_hold_what_was_rejected_and_nothing_else(rejected: set[tuple[str, int, int]]) -> None:
    verdicts = Verdicts(spans_of(rejected))
    everything = [(topic, number, offset) for topic in ("a", "b") for number in range(3) for offset in range(32)]
    assert {one for one in everything if verdicts.hold(*one)} == rejected
    assert bool(verdicts) is bool(rejected)


def test_offsets_in_a_row_are_one_span() -> None:
    assert spans_of([("a", 0, 5), ("a", 0, 3), ("a", 0, 4), ("a", 1, 5)]) == [Span("a", 0, 3, 5), Span("a", 1, 5, 5)]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "verdicts", [Span("a", 0, 3, 5)])
    found = read(tmp_path / "verdicts")
    assert [offset for offset in range(9) if found.hold("a", 0, offset)] == [3, 4, 5]
    assert not read(None)
