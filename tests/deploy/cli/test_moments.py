"""Moments that are typed on a command line."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy.cli.moments import moment
from schemas.errors import OidorError


@pytest.mark.parametrize("text", ["2026-09-22T08:00:00Z", "2026-09-22T10:00:00+02:00"])
def test_a_time_is_rfc_3339(text: str) -> None:
    assert moment("--to", text) == datetime(2026, 9, 22, 8, tzinfo=UTC)


@pytest.mark.parametrize(("text", "hours"), [("36h", 36), ("7d", 168), ("90m", 1.5)])
def test_a_time_may_be_an_age(text: str, hours: float) -> None:
    assert abs(datetime.now(UTC) - timedelta(hours=hours) - moment("--to", text)) < timedelta(seconds=5)


@pytest.mark.parametrize("text", ["2026-09-22T08:00:00", "yesterday", "d", ""])
def test_a_time_without_a_zone_or_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(OidorError, match=f"--to {text}: give RFC 3339 with a zone"):
        moment("--to", text)
