"""The types of event fields. Each says in itself which reason a bad value is rejected for, and what was expected."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, cast

from annotated_types import Ge, Gt, Le
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from schemas.taxonomy import Reason

SECONDS_MAX: Final = 400 * 86_400
"""A duration of more than 400 days is a defect of the publisher, and sums of such would overflow."""

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2299, 12, 31, tzinfo=UTC)
"""What a millisecond column of ClickHouse can hold."""

_DATE_AND_TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}"


class Record(BaseModel):
    """Immutable; unknown fields are kept apart in `model_extra`, so that they can be warned about, and never stored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", defer_build=True)


@dataclass(frozen=True, slots=True)
class RejectAs:
    """Whatever is wrong with the value is this reason; `expected` completes "expected ..."."""

    reason: Reason
    expected: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(
            handler(source), custom_error_type=self.reason, custom_error_message=self.expected
        )


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What happens to personal data in the value.

    `refused` rejects the event; `hashed` makes it a pseudonym, `hashed_with_key` only where there is a secret key.
    """

    handling: Literal["refused", "hashed", "hashed_with_key"]


@dataclass(frozen=True, slots=True)
class Within:
    """An integer score from `low` to `high`: a wrong type is `wrong_type`, a wrong number `score_out_of_range`."""

    low: int
    high: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        bounds = core_schema.custom_error_schema(
            core_schema.int_schema(ge=self.low, le=self.high),
            custom_error_type="score_out_of_range",
            custom_error_message=f"{self.low} to {self.high}",
        )
        return core_schema.chain_schema([core_schema.int_schema(strict=True), bounds])

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer before anything else: to a `Literal`, true and 1.0 are 1."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.chain_schema([core_schema.int_schema(strict=True), handler(source)])

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema["steps"][-1] if schema["type"] == "chain" else schema)


@dataclass(frozen=True, slots=True)
class Entries:
    """From `fewest` to `most` entries of an array or an object; whatever may repeat needs it.

    The first bad entry ends the look at the others: what a record costs must not grow with what is wrong in it.
    """

    fewest: int
    most: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        entries = cast("core_schema.TupleSchema | core_schema.DictSchema", handler(source))
        entries["max_length"], entries["fail_fast"] = self.most, True
        if self.fewest:
            entries["min_length"] = self.fewest
        return entries


@dataclass(frozen=True, slots=True)
class WithDescription:
    """Says in the JSON Schema what it has no keyword for."""

    text: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "description": self.text}


@dataclass(frozen=True, slots=True)
class Rfc3339:
    """A point in time with its offset. pydantic alone would also take a string of digits, as epoch seconds."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        shape = core_schema.str_schema(strict=True, max_length=40, pattern=_DATE_AND_TIME)
        moment = core_schema.datetime_schema(tz_constraint="aware", ge=EARLIEST, le=LATEST, strict=False)
        from_json = core_schema.chain_schema([shape, moment])
        from_python = core_schema.datetime_schema(tz_constraint="aware", ge=EARLIEST, le=LATEST, strict=True)
        return core_schema.custom_error_schema(
            core_schema.json_or_python_schema(json_schema=from_json, python_schema=from_python),
            custom_error_type="bad_timestamp",
            custom_error_message="RFC 3339 with offset, such as 2026-11-23T10:05:00+01:00",
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "date-time"}


Timestamp = Annotated[datetime, Rfc3339()]

EventId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$"),
    RejectAs("wrong_type", "string of 1 to 64 of A-Z a-z 0-9 _ . : -"),
    PersonalData("refused"),
]
NAME_LENGTH: Final = 128
"""Characters of a name at most."""

_NAME: Final = StringConstraints(min_length=1, max_length=NAME_LENGTH)

Name = Annotated[str, _NAME]
"""What the source calls something: a queue, a product, a category. Personal data in it is masked."""
Reference = Annotated[str, _NAME, PersonalData("refused")]
"""An identifier that others use, too. Personal data in it rejects the event: masked it would join nothing."""
Owner = Annotated[str, _NAME, PersonalData("hashed")]
"""Who has a case: a team, or a person of ours. What looks personal becomes a pseudonym, for owners must differ."""
Person = Annotated[str, _NAME, PersonalData("hashed_with_key")]
"""Who did something, or another name of the customer. What looks personal becomes a pseudonym, or is masked."""
Slug = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$"),
    RejectAs("wrong_type", "slug of 1 to 64 of a-z 0-9 _ . -"),
]
SchemaVersion = Annotated[
    str,
    StringConstraints(pattern=r"^1\.[0-9]{1,4}$"),
    RejectAs("schema_unsupported", "MAJOR.MINOR of major 1, such as 1.0"),
]
OrgUnit = Annotated[
    str,
    StringConstraints(pattern=r"^[^/]{1,64}(/[^/]{1,64}){0,4}$"),
    RejectAs("wrong_type", "path of 1 to 5 levels, such as area/department/team/site"),
]
Language = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$"),
    RejectAs("wrong_type", "BCP 47 tag, such as es or es-MX"),
]
Country = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{2}$"),
    RejectAs("wrong_type", "ISO 3166 code of two letters, such as ES"),
]
Amount = Annotated[
    str,
    StringConstraints(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,4})?$"),
    RejectAs("bad_amount", "decimal number in a string, such as 12.50"),
]
Currency = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{3}$"),
    RejectAs("bad_amount", "ISO 4217 code of three letters, such as EUR"),
]
Text = Annotated[str, StringConstraints(max_length=8000)]
"""What a person said or wrote: redacted before it leaves."""

Sequence = Annotated[int, Ge(0), Le(2**63 - 1)]
Count = Annotated[int, Ge(0), Le(2**31 - 1)]
Seconds = Annotated[float, Ge(0), Le(SECONDS_MAX), RejectAs("wrong_type", f"seconds, 0 to {SECONDS_MAX}")]
Number = Annotated[float, Ge(-1e15), Le(1e15), RejectAs("wrong_type", "number from -1e15 to 1e15")]
Positive = Annotated[float, Gt(0), Le(1e9), RejectAs("wrong_type", "number more than 0, at most 1e9")]
Level = Annotated[Literal[1, 2, 3], Integer()]
Grade = Annotated[Literal[1, 2, 3, 4], Integer()]
ScaleMin = Annotated[Literal[0, 1], Integer()]
ScaleMax = Annotated[Literal[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], Integer()]

AttributeKey = Annotated[str, StringConstraints(max_length=NAME_LENGTH)]
AttributeValue = Annotated[str, StringConstraints(max_length=1_000)]
ATTRIBUTES_MAX: Final = 4_000
"""Characters: what all values of an event's attributes may have together is half a text."""


def _not_too_long(attributes: dict[str, str]) -> dict[str, str]:
    if sum(map(len, attributes.values())) > ATTRIBUTES_MAX:
        raise PydanticCustomError("wrong_type", "at most {most} characters in all values", {"most": ATTRIBUTES_MAX})
    return attributes


Attributes = Annotated[
    dict[AttributeKey, AttributeValue],
    Entries(0, 20),
    AfterValidator(_not_too_long),
    WithDescription(f"At most {ATTRIBUTES_MAX} characters in all values."),
]
"""The source's own fields."""
