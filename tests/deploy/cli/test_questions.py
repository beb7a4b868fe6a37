"""What is wrong with a question is told, and no migration is advised to a database that has its views."""

from collections.abc import Sequence

import pytest
from clickhouse_driver.errors import ServerException

from deploy.cli.questions import explained


class Tables:
    """A database that has these tables."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def execute(self, query: str) -> Sequence[Sequence[str]]:
        assert "system.tables" in query
        return [[name] for name in self._names]


UNKNOWN_TABLE = ServerException("DB::Exception: Unknown table expression identifier 'v_case'. Stack trace: ...", 60)
UNKNOWN_COLUMN = ServerException("DB::Exception: Unknown expression identifier 'opend_at'. Stack trace: ...", 47)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UNKNOWN_TABLE, "Unknown table expression identifier 'v_case': there are v_cases, v_sla, and the tables"),
        (UNKNOWN_COLUMN, "Unknown expression identifier 'opend_at': `oidor query \"DESCRIBE TABLE v_cases\"` lists"),
    ],
)
def test_a_name_that_is_wrong_is_told_with_those_that_there_are(error: ServerException, told: str) -> None:
    said = explained(Tables("cases", "v_cases", "v_sla"), error)
    assert said.startswith(told)
    assert "migrate" not in said


@pytest.mark.parametrize("error", [UNKNOWN_TABLE, UNKNOWN_COLUMN])
def test_a_database_without_views_is_to_be_migrated(error: ServerException) -> None:
    assert explained(Tables("schema_migrations"), error).endswith(": run `oidor migrate`")
