"""The page of limits says what the types say, of every field that has one."""

from pathlib import Path

import pytest

from schemas import limits
from schemas.topics import CONTACTS, SURVEYS

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"


def test_the_page_is_what_the_types_say() -> None:
    assert PAGE.read_text() == limits.page(), "python -m schemas.limits > docs/limits.md"


@pytest.mark.parametrize(
    ("topic", "field", "limit"),
    [
        (CONTACTS, "customer.aliases", "at most 20 entries"),
        (CONTACTS, "values.customer.aliases[]", "at most 128 characters"),
        (CONTACTS, "attributes.*", "at most 1,000 characters"),
        (SURVEYS, "sections[].weight", "more than 0, at most 1,000,000,000"),
        (SURVEYS, "metrics.KEY", "at most 128 characters"),
    ],
)
def test_a_field_is_said_to_hold(topic: str, field: str, limit: str) -> None:
    assert limits.limits_of(topic)[field] == limit
