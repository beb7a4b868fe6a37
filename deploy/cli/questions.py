"""A question to ClickHouse, for `oidor query`: the answer, or in one line what is wrong with the question."""

from collections.abc import Sequence
from typing import Any, Final

from clickhouse_driver.errors import Error

from deploy.clickhouse.migrate import Database
from processors.settings import Settings
from schemas.errors import OidorError
from sinks.clickhouse import Address, connect, one_line, said

_PATIENCE_SECONDS: Final = 60
_UNKNOWN_COLUMN: Final = 47
_UNKNOWN_TABLE: Final = 60


def asked(settings: Settings, sql: str) -> tuple[Sequence[Sequence[Any]], Sequence[tuple[str, str]]]:
    """Ask; returns rows, and names and types of their columns. Raises OidorError."""
    client = connect(Address.of(settings), _PATIENCE_SECONDS)
    try:
        rows, columns = client.execute(sql, with_column_types=True)
        return rows, columns
    except (Error, OSError, EOFError) as error:
        where = f"ClickHouse at {settings.clickhouse_host}:{settings.clickhouse_port}"
        raise OidorError(f"{where}: {explained(client, error)}") from error
    finally:
        client.disconnect()


def explained(client: Database, error: Exception) -> str:
    """Say what is wrong: a database that has its views lacks no migration, but the question a right name."""
    code = getattr(error, "code", 0)
    if code not in (_UNKNOWN_COLUMN, _UNKNOWN_TABLE):
        return one_line(error)
    tables = client.execute("SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name")
    views = [name for (name,) in tables if name.startswith("v_")]
    if not views:
        return one_line(error)
    if code == _UNKNOWN_COLUMN:
        return f'{said(error)}: `oidor query "DESCRIBE TABLE v_cases"` lists the columns of v_cases'
    return f'{said(error)}: there are {", ".join(views)}, and the tables that `oidor query "SHOW TABLES"` lists'
