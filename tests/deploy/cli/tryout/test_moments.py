"""Moments are RFC 3339 with a zone outside, milliseconds inside."""

import pytest

from deploy.cli.tryout.moments import moment_ms, shown


@pytest.mark.parametrize(
    "text", ["2026-11-24T16:30:00.250Z", "2026-11-24T17:30:00.250+01:00", "2026-11-24 16:30:00.250Z"]
)
def test_a_moment_has_a_zone(text: str) -> None:
    assert moment_ms(text) == 1_795_537_800_250


@pytest.mark.parametrize("value", ["2026-11-24T16:30:00", "2026-11-24", "noon", "", 1_795_537_800_250, None])
def test_what_has_none_is_no_moment(value: object) -> None:
    with pytest.raises(ValueError, match="is no moment of RFC 3339 with a zone, such as 2026-11-24T16:30:00Z"):
        moment_ms(value)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("due_at", 1_795_537_800_250, "2026-11-24T16:30:00.250Z"),
        ("minute", 1_795_537_800_000, "2026-11-24T16:30:00Z"),
        ("due_at", None, None),
        ("overdue_ms", 250, 250),
        ("warnings", ("late",), ("late",)),
    ],
)
def test_a_row_shows_its_moments_as_text(column: str, value: object, text: object) -> None:
    assert shown(column, value) == text
