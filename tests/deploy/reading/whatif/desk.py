"""A desk whose past is asked about."""

from deploy.reading.stored import Position, positions
from deploy.reading.whatif.comparison import Span
from deploy.reading.whatif.overtime import Staffing
from deploy.reading.whatif.recorded import recorded
from deploy.reading.whatif.whatif import Answer, Question, of_partition
from processors.rules import Rules
from processors.sla.promises import Promises
from tests.deploy.conftest import Warehouse
from tests.deploy.reading.desks import Client
from tests.processors.feed import DAY, T0

EVER = 10**6 * DAY


def recorded_by(warehouse: Warehouse) -> list[Promises]:
    return recorded(Client(warehouse), warehouse.name)


def position_of(warehouse: Warehouse) -> Position:
    (position,) = positions(Client(warehouse), warehouse.name)
    return position


def ask(
    warehouse: Warehouse,
    in_force: Rules,
    tried: Rules,
    begin: int = 0,
    end: int = EVER,
    *,
    position: Position | None = None,
) -> Answer:
    """Of the span from T0 + `begin` to T0 + `end`, ms; as of a position, or of now."""
    question = Question(
        Span(T0 + begin, T0 + end),
        [in_force.promises, *recorded_by(warehouse)],
        tried.promises,
        in_force.case_retention_ms,
        in_force.kpi_memory_ms,
        Staffing(),
    )
    return of_partition(Client(warehouse), warehouse.name, position or position_of(warehouse), question)
