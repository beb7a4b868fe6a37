"""The columns of the KPI tables, written from the declarations: one for each accumulator."""

from collections.abc import Mapping
from typing import Final

from schemas.kpis import HISTOGRAM_BASE, RETIRED, Accumulator, Count, Histogram, Sum

DECLARED: Final[tuple[Accumulator, ...]] = (*Count, *Sum, *Histogram)
"""Retired ones too: what they counted stays."""
REST_OF_KEY: Final = (
    "dimension LowCardinality(String) COMMENT 'What the numbers are split by; all: not at all'",
    "dimension_value LowCardinality(String) COMMENT 'Value of it; area_channel reads area|channel, handoff from>to'",
    "topic LowCardinality(String) COMMENT 'Kafka topic that the numbers come from'",
    "partition UInt32 COMMENT 'Kafka partition that they come from'",
    "revision UInt64 COMMENT '0: all that was counted in memory; else the version of the adjustment that came later'",
)
"""What is in the natural key beside the moment. Nothing that can change, else versions of a row do not collapse."""


def literal(value: str | list[str]) -> str:
    """A value as SQL text."""
    if isinstance(value, list):
        return "[{}]".format(", ".join(literal(item) for item in value))
    return "'{}'".format(value.replace("\\", "\\\\").replace("'", "\\'"))


def placeholders() -> Mapping[str, str]:
    """Placeholder -> SQL, for `tables_kpis.sql`."""
    return {
        "kpi_rest_of_key": _lines(REST_OF_KEY),
        "kpi_is_empty": _is_empty(),
        "kpi_is_empty_comment": "COMMENT '1 when every accumulator is zero: what was counted was taken back'",
        **{
            f"kpi_accumulators_of_{bucket}": _lines([_column(each, bucket) for each in DECLARED])
            for bucket in ("minute", "quarter_hour")
        },
        **{f"kpi_new_accumulators_of_{bucket}": _additions(bucket) for bucket in ("minute", "quarter_hour")},
    }


def _lines(parts: tuple[str, ...] | list[str]) -> str:
    return ",\n    ".join(parts)


def _column(accumulator: Accumulator, bucket: str) -> str:
    """Amounts have a sign: what an adjustment takes back is less than nothing."""
    type_ = "Map(Int16, Int64)" if isinstance(accumulator, Histogram) else "Int64"
    return f"{accumulator.name} {type_} COMMENT {_comment(accumulator, bucket)}"


def _comment(accumulator: Accumulator, bucket: str) -> str:
    retired = "Not counted any more. " if accumulator in RETIRED else ""
    if isinstance(accumulator, Histogram):
        bounds = f"[{HISTOGRAM_BASE}^b, {HISTOGRAM_BASE}^(b+1))"
        return literal(f"{retired}Histogram of {accumulator.value}: bucket b counts durations of {bounds} seconds")
    kind = "Count" if isinstance(accumulator, Count) else "Sum"
    return literal(f"{retired}{kind} in the {bucket.replace('_', '-')}: {accumulator.value}")


def _additions(bucket: str) -> str:
    """What a table has to learn that was made when less was declared, or with other words."""
    before = ("definition_version", *(each.name for each in DECLARED))
    return _lines(
        [
            f"ADD COLUMN IF NOT EXISTS {_column(each, bucket)} AFTER {previous},\n"
            f"    COMMENT COLUMN {each.name} {_comment(each, bucket)}"
            for each, previous in zip(DECLARED, before, strict=False)
        ]
    )


def _is_empty() -> str:
    """Each accumulator by itself: amounts with a sign may cancel out in a sum."""
    counted = [each for each in DECLARED if each not in RETIRED]
    zeros = (
        f"arrayAll(amount -> amount = 0, mapValues({each.name}))" if isinstance(each, Histogram) else f"{each.name} = 0"
        for each in counted
    )
    return "\n        " + " AND\n        ".join(zeros)
