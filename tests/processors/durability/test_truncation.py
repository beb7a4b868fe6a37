"""When the beginning of a log is deleted: seldom, for a deletion costs a connection, and at last all that may go."""

from processors.durability.changelog import Delta
from processors.durability.truncation import Truncation


def deleted(truncation: Truncation, sequence: int, needed_from: int, size: int = 10) -> int | None:
    """What a delta of one message at offset 2 x sequence leads to."""
    return truncation.committed(Delta(sequence, [bytes(size)], needed_from), 2 * sequence)


def test_nothing_is_deleted_while_all_of_it_is_needed() -> None:
    truncation = Truncation()
    assert [deleted(truncation, sequence, 0) for sequence in range(1, 2_000)] == [None] * 1_999


def test_fifty_checkpoints_that_are_an_eighth_of_the_log_are_worth_a_deletion() -> None:
    truncation = Truncation()
    for sequence in range(1, 400):
        assert deleted(truncation, sequence, 0) is None
    assert deleted(truncation, 400, 50) is None, "49 are not enough"
    assert deleted(truncation, 401, 51) is None, "50 are not an eighth of 401"
    assert deleted(truncation, 402, 53) == 2 * 53, "the message of checkpoint 53 is the first that stays"


def test_four_megabytes_are_worth_a_deletion_though_they_are_few_checkpoints() -> None:
    truncation = Truncation()
    for sequence in range(1, 9):
        assert deleted(truncation, sequence, 0, 1_000_000) is None
    assert deleted(truncation, 9, 4, 1_000_000) is None
    assert deleted(truncation, 10, 5, 1_000_000) == 10


def test_after_a_thousand_checkpoints_whatever_is_not_needed_goes() -> None:
    truncation = Truncation()
    assert [deleted(truncation, sequence, min(sequence, 2)) for sequence in range(1, 1_000)] == [None] * 999
    assert deleted(truncation, 1_000, 2) == 4
    assert deleted(truncation, 1_001, 3) is None
