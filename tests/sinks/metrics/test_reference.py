"""The page that is generated from the declarations."""

from pathlib import Path

from sinks.metrics.reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_page_is_what_the_declarations_say() -> None:
    assert PAGE.read_text() == reference(), "python -m sinks.metrics.reference > docs/metrics.md"
