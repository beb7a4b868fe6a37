"""What is built to be slow costs no more per character the longer it is, whatever the patterns are."""

import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from processors.enrichment.redaction import redact
from schemas.events.identifiers import looks_personal, masked

SHORT: Final = 4_000
LONG: Final = 32_000
SECONDS_A_CHARACTER: Final = 10e-6
"""Of CPU: three times what the slowest takes on a free core, for the sake of slow machines."""

HOSTILE: Final = (
    "612345678 ", "612345678,698765432 ", "600-111-222-", "00 34 6 1 2", "91 123 45 6", "1-", "tel 6 ", "a(at)b",
    "arroba ", "(912)3456789-", "(912) 345 67 89-", "91 123 45 67:",
    "+34 600 11 12 22 ", "+34(", "+1", "00 1", "(600", "6", "1 ", "1.", "12 34 ", "pedido 612345678 ", "€612345678 ",
    "ref n 600111222 ", "AA00 ", "AA00-AA00 ", "ES91-", "ES91 2100 0418 4502 0005 1332 ", "ES9121000418450200051332",
    "4 4 4 4 ", "444 ", "4444 ", "2222 ", "4111 1111 1111 1111 ", "4111111111111111-", "3782 822463 10005 ",
    "12345678Z ", "12345678Z-", "X1234567L ", "12.345.678-Z ", "DNI12345678Z ", "a@b.c ", "a.b@c-d.e@", "a@a.", "x@",
    "@x.", "a" * 64 + "@", "a", "é6", "６", "\u200b6", "\u00a06", "ﬃ6", " ", "-", "\u0301", "*", "[email]", "[",
)  # fmt: skip
"""Repeated, each is nearly a number of a person, or one that bares the edge of the next."""


def cost(function: Callable[[str], Any], text: str) -> float:
    """CPU seconds, the least of a few rounds: a busy machine only adds."""

    def once() -> float:
        began = time.process_time()
        function(text)
        return time.process_time() - began

    return min(once() for _ in range(3))


def repeated(piece: str, length: int) -> str:
    return (piece * (length // len(piece) + 1))[:length]


@pytest.mark.parametrize("function", [redact, looks_personal, masked])
@pytest.mark.parametrize("piece", HOSTILE)
def test_cost_grows_no_faster_than_the_text(piece: str, function: Callable[[str], Any]) -> None:
    short, long = (cost(function, repeated(piece, length)) for length in (SHORT, LONG))
    assert long < LONG * SECONDS_A_CHARACTER
    assert long < 3 * LONG / SHORT * max(short, 1e-4)


def test_a_text_of_numbers_edge_to_edge_keeps_no_digit_and_is_redacted_once_for_all() -> None:
    redacted = redact(repeated("(912)3456789-", 1_000))
    assert not any(map(str.isdigit, redacted))
    assert redact(redacted) == redacted
