"""What a ticket expects of its events. An expectation names a *view*:

    {"view": "case", "entity": "C1", "values": {"state": "resolved"}}                       columns of v_cases
    {"view": "clock", "entity": "C1", "metric": "resolve", "instance": 2, "values": {...}}  columns of v_sla
    {"view": "clocks", "entity": "C1", "metric": "resolve", "states": ["met", "running"]}   of all instances, in order
    {"view": "incidents", "pattern": "P02", "count": 1}         or "severities": [...]; with entity, metric: of these
    {"view": "emitted", "pattern": "P02", "transition": "opened", "page": true, "count": 1}     messages; see incidents
    {"view": "kpi", "sum": {"resolve_met": 1}}                  over all minutes; with dimension and value: of these
    {"view": "rejected", "reasons": ["bad_enum"]}               in the order of the records
    {"view": "warnings", "event": "e0007", "warnings": ["out_of_order"]}

In `values` moments are RFC 3339, and what is empty may be written 0, null or "".
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from deploy.cli.tryout.moments import is_moment, moment_ms, shown
from deploy.cli.tryout.outcome import Row, Tryout
from processors.patterns.registry import PATTERN_IDS
from schemas.kpis import COUNTS, DIMENSIONS, SUMS
from schemas.outputs import CaseRow, ClockRow
from schemas.taxonomy import ClockMetric, ClockState, Reason, Severity, Warning_

Values = Mapping[str, Any]
"""Column -> value, as a ticket writes it."""


class _Expectation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CaseExpectation(_Expectation):
    view: Literal["case"]
    entity: str
    values: Values

    @field_validator("values")
    @classmethod
    def _are_columns(cls, values: Values) -> Values:
        return _columns(values, CaseRow._fields)

    def compared(self, tryout: Tryout) -> tuple[Any, Any]:
        rows = [row for row in tryout.views.cases() if row["entity_id"] == self.entity]
        return _plain(self.values), _the_one(rows, self.values, "case")


class ClockExpectation(_Expectation):
    view: Literal["clock"]
    entity: str
    metric: ClockMetric
    instance: int = 1
    values: Values

    @field_validator("values")
    @classmethod
    def _are_columns(cls, values: Values) -> Values:
        return _columns(values, ClockRow._fields)

    def compared(self, tryout: Tryout) -> tuple[Any, Any]:
        clocks = _clocks(tryout, self.entity, self.metric)
        rows = [row for row in clocks if row["instance"] == self.instance]
        return _plain(self.values), _the_one(rows, self.values, "clock")


class ClocksExpectation(_Expectation):
    view: Literal["clocks"]
    entity: str
    metric: ClockMetric
    states: list[ClockState]

    def compared(self, tryout: Tryout) -> tuple[Any, Any]:
        return self.states, [row["state"] for row in _clocks(tryout, self.entity, self.metric)]


def _known(pattern: str) -> str:
    if pattern not in PATTERN_IDS:
        raise ValueError(f"must be one of {', '.join(PATTERN_IDS)}")
    return pattern


class _OfIncidents(_Expectation):
    pattern: Annotated[str, AfterValidator(_known)]
    entity: str | None = None
    metric: ClockMetric | None = None

    def _chosen(self, rows: Iterable[Row]) -> list[Row]:
        return [
            row
            for row in rows
            if row["pattern"] == self.pattern
            and self.entity in (None, row["entity_id"])
            and self.metric in (None, row["metric"])
        ]


class IncidentsExpectation(_OfIncidents):
    view: Literal["incidents"]
    count: int | None = None
    severities: list[Severity] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "IncidentsExpectation":
        if (self.count is None) == (self.severities is None):
            raise ValueError("give count or severities")
        return self

    def compared(self, tryout: Tryout) -> tuple[Any, Any]:
        rows = self._chosen(tryout.views.incidents())
        if self.severities is None:
            return self.count, len(rows)
        return self.severities, [row["severity"] for row in rows]


class EmittedExpectation(_OfIncidents):
    view: Literal["emitted"]
    transition: Literal["opened", "updated", "closed", "withdrawn"] | None = None
    page: bool | None = None
    count: int

    def compared(self, tryout: Tryout) -> tuple[Any, Any]:
        rows = [
            row
            for row in self._chosen(tryout.emitted)
            if self.transition in (None, row["transition"]) and self.page in (None, row["page"])
        ]
        return self.count, len(rows)


class KpiExpectation(_Expectation):
    view: Literal["kpi"]
    dimension: str = "all"
    value: str = "all"
    sum: Mapping[str, int]

    @field_validator("dimension")
    @classmethod
    def _is_known(cls, dimension: str) -> str:
        if dimension not in DIMENSIONS:
            raise ValueError(f"no dimension {dimension}; known: {', '.join(DIMENSIONS)}")
        return dimension

    @field_validator("sum")
    @classmethod
    def _are_amounts(cls, amounts: Mapping[str, int]) -> Mapping[str, int]:
        return _columns(amounts, (*COUNTS, *SUMS))

    def compared(self, tryout: Tryout) -> tuple[Any, Any]:
        rows = [
            row
            for row in tryout.views.kpi_minutes()
            if (row["dimension"], row["dimension_value"]) == (self.dimension, self.value)
        ]
        return self.sum, {name: sum(row[name] for row in rows) for name in self.sum}


class RejectedExpectation(_Expectation):
    view: Literal["rejected"]
    reasons: list[Reason]

    def compared(self, tryout: Tryout) -> tuple[Any, Any]:
        return self.reasons, [row["reason"] for row in tryout.views.rejected()]


class WarningsExpectation(_Expectation):
    view: Literal["warnings"]
    event: str
    warnings: list[Warning_]

    def compared(self, tryout: Tryout) -> tuple[Any, Any]:
        rows = [row for row in tryout.views.events() if row["event_id"] == self.event]
        return self.warnings, list(rows[0]["warnings"]) if rows else "no such event was accepted"


Expectation = Annotated[
    CaseExpectation | ClockExpectation | ClocksExpectation | IncidentsExpectation | EmittedExpectation
    | KpiExpectation | RejectedExpectation | WarningsExpectation,
    Field(discriminator="view"),
]  # fmt: skip
_ADAPTER: Final[TypeAdapter[Expectation]] = TypeAdapter(Expectation)


class Verdict(NamedTuple):
    """What was expected and what came; moments as RFC 3339."""

    subject: str
    """Of what: `clock entity=C1 metric=resolve`."""
    expected: Any
    got: Any

    @property
    def equal(self) -> bool:
        return bool(self.expected == self.got)

    def as_document(self) -> Mapping[str, Any]:
        return self._asdict() | {"equal": self.equal}


def judge(expectations: Iterable[Expectation], tryout: Tryout) -> list[Verdict]:
    """Compare each expectation with what became of the events."""
    return [Verdict(_subject(one), *one.compared(tryout)) for one in expectations]


_COMPARED: Final = frozenset({"view", "values", "states", "count", "severities", "sum", "reasons", "warnings"})


def _subject(expectation: Expectation) -> str:
    chosen = expectation.model_dump(exclude_unset=True, exclude=set(_COMPARED))
    return " ".join([expectation.view, *(f"{name}={value}" for name, value in chosen.items())])


def read_expectation(content: object) -> Expectation:
    """Raises `ValueError` with what to change."""
    try:
        return _ADAPTER.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        raise ValueError(f"{where}{': ' if where else ''}{first['msg'].removeprefix('Value error, ')}") from error


def _clocks(tryout: Tryout, entity: str, metric: str) -> list[Row]:
    return [row for row in tryout.views.clocks() if (row["entity_id"], row["metric"]) == (entity, metric)]


def _columns(values: Mapping[str, Any], known: Iterable[str]) -> Mapping[str, Any]:
    if unknown := values.keys() - set(known):
        raise ValueError(f"no column {min(unknown)}; known: {', '.join(known)}")
    for name, value in values.items():
        if is_moment(name) and isinstance(value, str) and value:
            moment_ms(value)
    return values


def _the_one(rows: list[Row], values: Values, what: str) -> Any:
    if len(rows) != 1:
        return f"{'several' if rows else 'no'} such {what}{'s' if rows else ''}"
    return _plain({name: rows[0][name] for name in values})


def _plain(values: Values) -> Values:
    """Values that are equal where they mean the same."""
    return {name: _plain_value(name, value) for name, value in values.items()}


def _plain_value(name: str, value: Any) -> Any:
    if not value:
        return 0
    if isinstance(value, tuple | list):
        return [*value]
    return shown(name, moment_ms(value) if is_moment(name) and isinstance(value, str) else value)
