"""A connection to the database for one command: what goes wrong with it is that command's own error, in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_driver import Client, errors

from processors.settings import Settings
from schemas.errors import OidorError
from sinks.clickhouse import Address, connect, one_line


@contextmanager
def connected(
    settings: Settings, patience: float, failure: type[OidorError], *, database: str | None = None
) -> Iterator[Client]:
    """Connect, and disconnect at the end. Raises `failure` for whatever the database or the way to it raises.

    `patience`: seconds that a query may take. `database`: the one to be in; '' none, None that of the settings.
    """
    client = connect(Address.of(settings), patience, database=database)
    try:
        yield client
    except (errors.Error, OSError, EOFError) as error:
        where = f"ClickHouse at {settings.clickhouse_host}:{settings.clickhouse_port}"
        raise failure(f"{where}: {one_line(error)}") from error
    finally:
        client.disconnect()
