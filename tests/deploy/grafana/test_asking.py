"""How what panels ask is filled in, and how an answer is read: as Grafana and its plugin for ClickHouse do."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy.grafana.asking import Asked, promql_as_sent, sql_as_sent
from deploy.grafana.units import in_words

END = datetime(2026, 11, 28, 8, tzinfo=UTC)
ALL = Asked(END - timedelta(hours=2), END)
TWO = Asked(END - timedelta(hours=2), END, {"area": ("es", "o'hara")})


@pytest.mark.parametrize(
    ("asked", "sent"),
    [(ALL, 'sum(x{area=~".*"})'), (TWO, 'sum(x{area=~"(es|o\'hara)"})')],
    ids=["all", "two"],
)
def test_a_variable_in_promql_is_a_pattern(asked: Asked, sent: str) -> None:
    assert promql_as_sent('sum(x{area=~"$area"})', asked) == sent


def test_a_rate_is_taken_over_four_scrapes_or_more_and_a_range_is_that_of_the_dashboard() -> None:
    assert promql_as_sent("rate(x[$__rate_interval])", ALL) == "rate(x[65s])"  # a step of 60 s, and one scrape
    assert promql_as_sent("increase(x[$__range])", ALL) == "increase(x[7200s])"


def test_a_condition_on_a_variable_holds_for_everything_when_all_are_chosen() -> None:
    sql = "WHERE $__conditionalAll(area IN (${area:singlequote}), $area)"
    assert sql_as_sent(sql, ALL) == "WHERE 1=1"
    assert sql_as_sent(sql, TWO) == r"WHERE area IN ('es','o\'hara')"


def test_macros_of_time_are_the_range_and_the_step() -> None:
    begin, end = int(ALL.begin.timestamp()), int(END.timestamp())
    assert sql_as_sent("$__timeFilter(at)", ALL) == f"at >= toDateTime({begin}) AND at <= toDateTime({end})"
    assert sql_as_sent("$__timeInterval(at)", ALL) == "toStartOfInterval(toDateTime(at), INTERVAL 60 second)"
    assert sql_as_sent("$__fromTime, $__toTime", ALL) == f"toDateTime({begin}), toDateTime({end})"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.905, "percentunit", "90.5 %"), (1, "percentunit", "100 %"), (0, "s", "0 s"), (0.25, "s", "250 ms"),
        (5400, "s", "1.5 h"), (12, "short", "12"), (2400, "cpm", "2.4 k /min"), (1_048_576, "bytes", "1 MiB"),
        (-7, "short", "-7"), (None, "s", "-"), ("es", "short", "es"),
    ],
)  # fmt: skip
def test_a_quantity_reads_as_in_grafana(value: object, unit: str, words: str) -> None:
    assert in_words(value, unit) == words
