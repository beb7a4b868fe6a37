"""The ClickHouse engine inside this process: chDB, one session for each client.

Importing this module loads the engine (a quarter of a second, 260 MB): only the server process does.
"""

import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from chdb import _chdb  # the public wrapper ends a stream at the first block that read no row from a table

from deploy.local.clickhouse.statements import Insert, quoted

UNKNOWN_SETTING = 115
UNSUPPORTED_METHOD = 1
AUTHENTICATION_FAILED = 516
_OTHER = 1002


class EngineError(Exception):
    """What ClickHouse refused: its error code and its text."""

    def __init__(self, text: str, code: int | None = None) -> None:
        found = re.match(r"Code: (\d+)\. ", text)
        self.code = code if code is not None else int(found[1]) if found else _OTHER
        self.text = text[found.end() :] if found else text
        super().__init__(text)


class Session:
    """One client's connection: its database, its settings. For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._chdb = _chdb.connect(str(folder))  # type: ignore[attr-defined]  # its stub leaves it out
        self._settings: dict[str, str] = {}

    def close(self) -> None:
        self._chdb.close()

    def query(self, sql: str, output: str = "Native", parameters: Mapping[str, str] | None = None) -> bytes:
        """The whole result in one piece."""
        result = _failing(self._chdb.query, sql, output, params=dict(parameters or {}))
        return bytes(result.bytes())

    def blocks(self, sql: str) -> Iterator[bytes]:
        """The result of a SELECT, one Native block at a time."""
        stream = _failing(self._chdb.send_query, sql, "Native", params={})
        ended = False
        try:
            while (chunk := _failing(self._chdb.streaming_fetch_result, stream)) and chunk.size():
                yield bytes(chunk.bytes())
            ended = True
        finally:
            if not ended:
                self._chdb.streaming_cancel_query(stream)

    def insert(self, statement: Insert, data_format: str, pieces: Iterable[bytes]) -> None:
        """All pieces as one INSERT, from a file that has no name.

        Not as text after the statement, which chDB cuts at the first empty line, and not through its own streaming
        insert, which reports rows as written that a constraint refused.
        """
        with _anonymous_file() as (file, path):
            file.writelines(pieces)
            file.flush()
            self.query(f"{statement.head} FROM INFILE {quoted(path)} {statement.settings} FORMAT {data_format}")

    def use(self, database: str) -> None:
        self.query("USE `" + database.replace("\\", "\\\\").replace("`", "\\`") + "`")

    def configure(self, settings: Mapping[str, str]) -> None:
        """Make these the session's settings, and no others. Unknown ones are ignored, as by a server."""
        for name in self._settings.keys() - settings.keys():
            del self._settings[name]
            self._set(name, "DEFAULT")
        for name, value in settings.items():
            if self._settings.get(name) != value:
                self._settings[name] = value
                self._set(name, quoted(value))

    def columns(self, select: str) -> list[tuple[str, str]]:
        """Names and types of what a SELECT would return."""
        described = json.loads(self.query(f"DESCRIBE TABLE ({select})", "JSONCompact"))
        return [(row[0], row[1]) for row in described["data"]]

    def insert_columns(self, statement: Insert) -> list[tuple[str, str]]:
        """Names and types of the columns that an INSERT expects."""
        return self.columns(f"SELECT {statement.columns or '*'} FROM {statement.table}")

    def may_write(self, sql: str) -> bool:
        """False when the statement changes nothing, not even a file (INTO OUTFILE), or is none at all."""
        kind = _failing(self._chdb.classify_query, sql)["query_class"].name
        return kind not in ("READ_ONLY", "UNKNOWN")

    def _set(self, name: str, value: str) -> None:
        if not re.fullmatch(r"\w+", name):
            raise EngineError(f"Setting name {name!r} is not a word", UNKNOWN_SETTING)
        try:
            self.query(f"SET {name} = {value}")
        except EngineError as failure:
            if failure.code != UNKNOWN_SETTING:
                raise


def _failing(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """chDB raises RuntimeError with ClickHouse's own text."""
    try:
        return call(*arguments, **named)
    except RuntimeError as error:
        raise EngineError(str(error)) from None


@contextlib.contextmanager
def _anonymous_file() -> Iterator[tuple[IO[bytes], str]]:
    """A file and a path by which this process can open it: in memory on Linux, temporary elsewhere."""
    if sys.platform == "linux":
        with open(os.memfd_create("insert"), "wb") as file:
            yield file, f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as temporary:
            yield temporary, temporary.name
