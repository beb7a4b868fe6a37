"""Health: what failed by itself is kept by name, bounded, and survives a restart."""

from processors.state.health import PARTS_MAX, Health


def test_of_each_part_the_errors_are_counted_and_the_last_is_kept() -> None:
    health = Health()
    health.failed("P10", "KeyError at a.py:1", 5)
    health.failed("P10", "ValueError at b.py:2", 9)
    health.failed("text_topics", "KeyError at c.py:3", 7)
    assert health.snapshot() == {
        "P10": (2, "ValueError at b.py:2", 9, 0),
        "text_topics": (1, "KeyError at c.py:3", 7, 0),
    }


def test_it_is_restored_from_its_snapshot() -> None:
    health, again = Health(), Health()
    health.failed("P10", "KeyError at a.py:1", 5)
    health.lack("P10", 3)
    again.restore(health.snapshot())
    assert again.snapshot() == health.snapshot()


def test_what_is_lacking_is_told_once_and_counted_anew() -> None:
    health = Health()
    health.failed("P01", "KeyError at a.py:1", 5)
    health.lack("P10", 3)
    assert health.settle() == {"P10"}
    assert health.settle() == frozenset()
    assert health.parts["P01"].errors == 1


def test_parts_without_number_take_no_room() -> None:
    health = Health()
    for number in range(3 * PARTS_MAX):
        health.failed(f"part {number}", "E" * 10_000, number)
    assert len(health.parts) == PARTS_MAX + 1
    assert health.parts["other"].errors == 2 * PARTS_MAX
    assert all(len(part.last_error) < 1_000 for part in health.parts.values())
