"""Whether it is the data or the table: one row that is refused is bad, a table that refuses everything is out of order.

Bad rows go to `feedback-rejected`. A table that is out of order takes nothing until somebody has mended it, and no row
is at fault: all of them wait.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, get_type_hints

from schemas.kpis import Histogram
from schemas.outputs import (
    COLUMNS,
    CaseRow,
    ClockRow,
    ErasureRow,
    EventRow,
    IncidentRow,
    PolicyTextRow,
    ProgressRow,
    RejectedRow,
)

RECENT_ROWS: Final = 10_000
REFUSED_ROWS: Final = 100
REFUSED_SHARE: Final = 0.01


class TableRefusesError(Exception):
    """A table is out of order, as one line says: its rows must wait."""

    def __init__(self, table: str, how: str, why: object) -> None:
        super().__init__(f"table {table} {how}: {why}")
        self.table = table


class RefusalRate:
    """How many of the last `RECENT_ROWS` rows a table refused."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, int]] = deque()
        self._rows = self._refused = 0

    def note(self, rows: int, refused: int) -> None:
        """Count rows that were written, those that were refused among them."""
        self._recent.append((rows, refused))
        self._rows, self._refused = self._rows + rows, self._refused + refused
        while self._rows - self._recent[0][0] >= RECENT_ROWS:
            oldest = self._recent.popleft()
            self._rows, self._refused = self._rows - oldest[0], self._refused - oldest[1]

    def excessive(self, rows: int, refused: int) -> str:
        """Say in words that with so many more rows, and so many refused of them, it is too many; '' when it is not."""
        together, all_refused = min(self._rows + rows, RECENT_ROWS), self._refused + refused
        if not refused or all_refused <= REFUSED_ROWS or all_refused <= REFUSED_SHARE * together:
            return ""
        return f"refused {all_refused} of its last {max(together, all_refused)} rows"


_ROWS: Final[tuple[type, ...]] = (
    EventRow, CaseRow, ClockRow, IncidentRow, RejectedRow, ProgressRow, ErasureRow, PolicyTextRow,
)  # fmt: skip
_EMPTY: Final[dict[object, Any]] = {
    int: 0,
    tuple[str, ...]: (),
    tuple[int, ...]: (),
    int | None: None,
    float | None: None,
}
_TYPES: Final = {row.__dict__["_fields"]: get_type_hints(row) for row in _ROWS}


def empty_row(table: str, columns: Sequence[str]) -> list[Any]:
    """A row of nothing, of the types that we write: a table in order takes it."""
    types = _TYPES.get(COLUMNS[table])
    if types is None:
        return [_nothing(name) for name in columns]
    return [_EMPTY.get(types[name], "") for name in columns]


def _nothing(column: str) -> Any:
    """Of a partial."""
    return "" if column in _PARTIAL_TEXTS else {} if column in Histogram.__members__ else 0


_PARTIAL_TEXTS: Final = frozenset({"dimension", "dimension_value", "topic"})
