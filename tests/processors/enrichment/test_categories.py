"""Categories: what sources call things is mapped to the common taxonomy, or kept as a slug."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.enrichment.categories import CATEGORIES, map_category


@pytest.mark.parametrize(
    ("category", "category_raw", "mapped"),
    [
        ("billing", None, ("billing", True)),
        (None, "Facturación", ("billing", True)),
        (None, "Facturación y cobros", ("billing", True)),
        ("BILLING ", "whatever", ("billing", True)),
        ("zz9", "Entregas", ("delivery", True)),
        ("zz9", None, ("zz9", False)),
        (None, "Category 45", ("category_45", False)),
        (None, "Baja", ("cancellation", True)),
        (None, "Atención al cliente", ("complaint_handling", True)),
        (None, "General ledger", ("general_ledger", False)),
        (None, "x" * 200, ("x" * 64, False)),
        (None, None, ("", True)),
        ("", "¿?", ("", True)),
    ],
)
def test_a_category_is_mapped_or_kept(category: str | None, category_raw: str | None, mapped: tuple[str, bool]) -> None:
    assert map_category(category, category_raw) == mapped


@pytest.mark.parametrize("category", CATEGORIES)
def test_our_own_categories_map_to_themselves(category: str) -> None:
    assert map_category(category, None) == (category, True)


@given(st.text(max_size=100))
def test_a_category_is_always_a_short_slug(sent: str) -> None:
    category, _ = map_category(None, sent)
    assert len(category) <= 64
    assert set(category) <= set(string.ascii_lowercase + string.digits + "_")
    assert map_category(category, None)[0] == category
