"""One way of writing for what looks the same, and the way back to what was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events.normalisation import aligned, normalised


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("６１２３４５６７８", "612345678"),
        ("٦١٢ 𝟛𝟜𝟝", "612 345"),
        ("ana＠example．com", "ana@example.com"),
        ("612\u00a0345\u2009678\u3000", "612 345 678 "),
        ("612\u2011345\u2013678\u2212", "612-345-678-"),
        ("6\u200b1\u200d2\ufeff\u00ad", "612"),
        ("móvil mo\u0301vil", "movil movil"),
        ("nº 1ª €", "nº 1ª €"),
    ],
)
def test_what_looks_the_same_is_the_same(written: str, seen: str) -> None:
    assert normalised(written).text == seen


texts = st.text(st.characters() | st.sampled_from("6１²é\u200b\u0301\u00ad\u2009—€ñ"), max_size=30)


@given(texts)
def test_each_character_knows_where_it_was(text: str) -> None:
    seen = normalised(text)
    for place, character in enumerate(seen.text):
        start, stop = seen.origin(place, place + 1)
        assert normalised(text[start:stop]).text == character


@given(texts)
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalised(text).text
    assert normalised(once).text == once


@given(texts)
def test_aligned_text_is_as_long_as_it_was(text: str) -> None:
    assert len(aligned(text)) == len(text)
