"""Rows into ClickHouse: building a block is pure, one attempt to insert it is not; `writer` repeats it for ever.

An `InsertBlock` is fixed before the first attempt to write it, so that every attempt sends the same rows under the same
deduplication token, which names their content: however often an answer is lost, they count once.
"""

import hashlib
import logging
import re
import struct
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from clickhouse_driver import Client, errors
from clickhouse_driver.bufferedwriter import BufferedWriter
from clickhouse_driver.columns.service import write_column
from clickhouse_driver.context import Context
from pydantic import SecretStr

from schemas.outputs import RowBatch, decode_rows
from sinks.refusals import empty_row

logging.getLogger("clickhouse_driver").setLevel(logging.ERROR)  # it would add a traceback to each line of ours

REFUSED_FOR_DATA: Final = frozenset({
    6, 26, 27, 38, 41, 72, 117, 376, 441,  # cannot parse
    53, 69, 70, 131, 128, 190, 321, 349, 691,  # a value that its column cannot hold
    395, 469,  # a constraint
})  # fmt: skip
"""Error codes of ClickHouse that the same rows would meet again."""

_MIGRATE: Final = "run `oidor migrate`"
_ACCOUNT: Final = "check OIDOR_CLICKHOUSE_USER, OIDOR_CLICKHOUSE_PASSWORD and its grants"
ADVICE: Final[Mapping[int, str]] = {
    16: _MIGRATE, 47: _MIGRATE, 60: _MIGRATE, 81: _MIGRATE,
    192: _ACCOUNT, 193: _ACCOUNT, 194: _ACCOUNT, 497: _ACCOUNT, 516: _ACCOUNT,
    164: "the account is read-only: " + _ACCOUNT, 242: "the table is read-only: see the server's log",
    241: "the server is short of memory", 243: "the server's disk is full",
    252: "merges are behind: see the server's load",
}  # fmt: skip
"""Error code -> what to do, of errors that are ours to mend."""

_TLS_ADVICE: Final[Mapping[str, str]] = {
    "mismatch, certificate is not valid": "set OIDOR_CLICKHOUSE_SERVER_NAME to the name in its certificate",
    "CERTIFICATE_VERIFY_FAILED": "set OIDOR_CLICKHOUSE_CA to the authority that signed its certificate",
    "CERTIFICATE_REQUIRED": "it wants a certificate of ours, OIDOR_CLICKHOUSE_CERTIFICATE",
    "WRONG_VERSION_NUMBER": "the port speaks no TLS: set OIDOR_CLICKHOUSE_TLS=false, or the port that does (9440)",
    "Unexpected packet from server": "the port may speak TLS: set OIDOR_CLICKHOUSE_TLS=true",
    "Unexpected EOF": "if it never answers, its port speaks TLS (OIDOR_CLICKHOUSE_TLS) or wants a certificate of ours",
}
"""What the driver says of a failed handshake -> what to do."""

_SETTINGS: Final = {
    "async_insert": 0,  # an insert that is answered is stored
    "insert_deduplicate": 1,
    "max_partitions_per_insert_block": 0,  # a log of many years is many months at once
}
_COPY: Final = "oidor_empty_copy"
_NOT_ENCODABLE: Final = (errors.TypeMismatchError, TypeError, ValueError, AttributeError, OverflowError, struct.error)


class ClickHouseSettings(Protocol):
    """The knobs that name a database."""

    @property
    def clickhouse_host(self) -> str: ...
    @property
    def clickhouse_port(self) -> int: ...
    @property
    def clickhouse_user(self) -> str: ...
    @property
    def clickhouse_password(self) -> SecretStr: ...
    @property
    def clickhouse_database(self) -> str: ...
    @property
    def clickhouse_alt_hosts(self) -> tuple[str, ...]: ...
    @property
    def clickhouse_tls(self) -> bool: ...
    @property
    def clickhouse_ca(self) -> Path | None: ...
    @property
    def clickhouse_certificate(self) -> Path | None: ...
    @property
    def clickhouse_key(self) -> Path | None: ...
    @property
    def clickhouse_server_name(self) -> str: ...


class Tls(NamedTuple):
    """How a server is known, and how we are known to it. Files are PEM; None: the system's, or nothing."""

    ca: Path | None
    certificate: Path | None
    key: Path | None
    server_name: str
    """The name in its certificate; empty: the host."""


class Address(NamedTuple):
    """Where the database is, and as whom."""

    host: str
    port: int
    user: str
    password: SecretStr
    database: str
    alt_hosts: tuple[str, ...] = ()
    """More hosts of the cluster, host or host:port."""
    tls: Tls | None = None

    @classmethod
    def of(cls, settings: ClickHouseSettings) -> "Address":
        return cls(
            settings.clickhouse_host,
            settings.clickhouse_port,
            settings.clickhouse_user,
            settings.clickhouse_password,
            settings.clickhouse_database,
            settings.clickhouse_alt_hosts,
            Tls(
                settings.clickhouse_ca,
                settings.clickhouse_certificate,
                settings.clickhouse_key,
                settings.clickhouse_server_name,
            )
            if settings.clickhouse_tls
            else None,
        )


class Place(NamedTuple):
    """Where a row comes from: a message of `feedback-rows`, and which row of it, from 0."""

    partition: int = 0
    incarnation: int = 0
    offset: int = 0
    row: int = 0


NOWHERE: Final = Place()


class RefusedRow(NamedTuple):
    """A row that the database can never take, and why. `field` is empty when the server did not name one."""

    table: str
    columns: tuple[str, ...]
    row: tuple[Any, ...]
    field: str
    expected: str
    got: str
    place: Place = NOWHERE


class Misfit(NamedTuple):
    """Which value of a row its column cannot hold."""

    field: str
    expected: str
    got: str


class RefusedError(Exception):
    """A block was refused for its data: sent again it would be refused again.

    `misfits` names the rows at fault by their index, where that is known.
    """

    def __init__(self, code: int, text: str, misfits: Mapping[int, Misfit] | None = None) -> None:
        super().__init__(f"code {code}: {text}" if code else text)
        self.misfits = misfits or {}


class InsertBlock:
    """Rows of one table in columns, with the token that names them. Add row batches, write it, forget it."""

    def __init__(self, table: str, columns: tuple[str, ...]) -> None:
        """Raises ValueError when a name is none: names come from a message and go into SQL."""
        for name in (table, *columns):
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(f"not the name of a table or column: {name!r}")
        recorded = "ingested_at" if table == "feedback_events" else "last_recorded_at"
        self.table = table
        self.columns = (*columns, "version", recorded)
        self.values: list[list[Any]] = [[] for _ in self.columns]
        self._name = hashlib.blake2b(repr((table, columns)).encode(), digest_size=16)
        self._places: list[tuple[int, Place]] = []
        """Rows, by index, and where they come from; those between two of them follow in the same message."""

    @classmethod
    def like(cls, batch: RowBatch) -> "InsertBlock":
        """An empty block that takes row batches of the same table and columns. Raises ValueError."""
        return cls(batch.table, batch.columns)

    def __len__(self) -> int:
        return len(self.values[0])

    @property
    def token(self) -> str:
        """The same for the same rows, never for others: a token that is used again drops what comes with it."""
        return self._name.hexdigest()

    def add(self, batch: RowBatch, message: Place = NOWHERE) -> list[RefusedRow]:
        """Takes the rows of a batch, which is a message; hands back those that have not one value a column.

        Raises ValueError when it is of another table or other columns, `msgspec.DecodeError` when it has no rows.
        """
        if (batch.table, batch.columns) != (self.table, self.columns[:-2]):
            raise ValueError(
                f"a row batch of {batch.table} {batch.columns} in a block of {self.table} {self.columns[:-2]}"
            )
        width = len(batch.columns)
        rows = decode_rows(batch)
        good = [row for row in rows if len(row) == width]
        if len(good) == len(rows):
            self._places.append((len(self), message))
        else:
            numbers = (number for number, row in enumerate(rows) if len(row) == width)
            self._places += [(index, message._replace(row=number)) for index, number in enumerate(numbers, len(self))]
        for column, values in zip(self.values, zip(*good, strict=True), strict=False):
            column.extend(values)
        self.values[-2].extend([batch.version] * len(good))
        self.values[-1].extend([batch.recorded_at] * len(good))
        self._name.update(struct.pack("<QqQ", batch.version, batch.recorded_at, len(batch.rows)))
        self._name.update(bytes(batch.rows))
        return [
            RefusedRow(
                self.table,
                batch.columns,
                tuple(row),
                "",
                f"{width} values",
                f"{len(row)} values",
                message._replace(row=number),
            )
            for number, row in enumerate(rows)
            if len(row) != width
        ]

    def column(self, name: str) -> list[Any]:
        """The values of a column, in the order of the rows."""
        return self.values[self.columns.index(name)]

    def assign(self, name: str, values: Mapping[int, Any]) -> None:
        """Puts other values into some rows of a column. With it comes another token: they are other rows."""
        column = self.column(name)
        for row, value in values.items():
            if column[row] != value:
                column[row] = value
                self._name.update(repr((name, row, value)).encode())

    def renew(self) -> None:
        """Takes another token: what is inserted under it is looked at again, and is no repetition."""
        self._name.update(b"again")

    def row(self, index: int) -> tuple[Any, ...]:
        """One row as its batch carried it, without version and recording time."""
        return tuple(column[index] for column in self.values[:-2])

    def place(self, index: int) -> Place:
        """Where a row comes from."""
        first, place = self._places[bisect_right(self._places, index, key=itemgetter(0)) - 1]
        return place._replace(row=place.row + index - first)

    def select(self, rows: Sequence[int]) -> "InsertBlock":
        """A block of some of the rows, under a token of its own."""
        part = InsertBlock(self.table, self.columns[:-2])
        part.values = [[column[row] for row in rows] for column in self.values]
        part._places = [(index, self.place(row)) for index, row in enumerate(rows)]
        part._name = self._name.copy()
        part._name.update(struct.pack(f"<{len(rows) + 1}Q", len(rows), *rows))
        return part


def connect(address: Address, attempt_timeout: float, *, database: str | None = None) -> Client:
    """A client that connects when it is first used. No step of an attempt takes longer than the whole, in seconds."""
    return Client(
        address.host,
        port=address.port,
        user=address.user,
        password=address.password.get_secret_value(),
        database=address.database if database is None else database,
        connect_timeout=min(5, attempt_timeout),
        send_receive_timeout=attempt_timeout,
        sync_request_timeout=min(5, attempt_timeout),
        compression="lz4",
        client_name="oidor",
        alt_hosts=",".join(address.alt_hosts) or None,
        **(_tls_arguments(address.tls) if address.tls else {}),
    )


def _tls_arguments(tls: Tls) -> dict[str, Any]:
    files = {"ca_certs": tls.ca, "certfile": tls.certificate, "keyfile": tls.key}
    given = {name: str(file) for name, file in files.items() if file}
    return {"secure": True, "verify": True, "server_hostname": tls.server_name or None} | given


def insert(client: Client, block: InsertBlock) -> None:
    """One attempt, blocking. Raises `RefusedError` when the rows are at fault; any other error may pass."""
    into = f"{block.table} ({', '.join(block.columns)})"
    token = {"insert_deduplication_token": block.token}
    try:
        client.execute(f"INSERT INTO {into} VALUES", block.values, columnar=True, settings=_SETTINGS | token)
    except errors.ServerException as error:
        if error.code in REFUSED_FOR_DATA:
            raise RefusedError(error.code, one_line(error)) from error
        raise
    except _NOT_ENCODABLE as error:
        types = client.execute(f"DESCRIBE TABLE {block.table}")
        if misfits := _misfits({name: type_ for name, type_, *_ in types}, block, client.connection.context):
            raise RefusedError(0, one_line(error), misfits) from error
        raise


def insert_empty_row(client: Client, like: InsertBlock) -> None:
    """Insert a row of nothing into an empty copy of a block's table, blocking, which leaves nothing behind.

    Raises `RefusedError` when the copy, which has its columns and constraints, refuses that; any other error may pass.
    """
    row = [*empty_row(like.table, like.columns[:-2]), 0, 0]
    try:
        client.execute(f"CREATE OR REPLACE TEMPORARY TABLE {_COPY} AS {like.table} ENGINE = Memory")
        client.execute(f"INSERT INTO {_COPY} ({', '.join(like.columns)}) VALUES", [row])
    except errors.ServerException as error:
        if error.code in REFUSED_FOR_DATA:
            raise RefusedError(error.code, one_line(error)) from error
        raise
    except _NOT_ENCODABLE as error:
        raise RefusedError(0, one_line(error)) from error
    finally:
        client.disconnect()  # with which the copy goes


def one_line(error: BaseException) -> str:
    """What went wrong, and what to do where that is known."""
    code, text = getattr(error, "code", None) or 0, said(error)
    if code in ADVICE:
        return f"{text}: {ADVICE[code]}"
    return next((f"{text}: {advice}" for part, advice in _TLS_ADVICE.items() if part in text), text)


def said(error: BaseException) -> str:
    """What went wrong, in one line."""
    text = str(getattr(error, "message", None) or error)
    if not text or not isinstance(error, (errors.Error, OSError, EOFError)):
        text = f"{type(error).__name__}: {text}"
    return text.removeprefix("DB::Exception:").split("Stack trace:")[0].strip().splitlines()[0][:500].rstrip(" .")


def _misfits(types: Mapping[str, str], block: InsertBlock, context: Context) -> dict[int, Misfit]:
    """Row -> the first value that its column cannot hold, found without the server."""
    found: dict[int, Misfit] = {}
    for name, values in zip(block.columns, block.values, strict=True):
        if name in types and not _encodable(types[name], values, context):
            for row, value in enumerate(values):
                if row not in found and not _encodable(types[name], [value], context):
                    found[row] = Misfit(name, types[name], repr(value)[:80])
    return found


def _encodable(type_: str, values: Sequence[Any], context: Context) -> bool:
    try:
        write_column(context, "", type_, list(values), _Nowhere(1 << 16))
    except _NOT_ENCODABLE:
        return False
    return True


class _Nowhere(BufferedWriter):  # type: ignore[misc]
    def write_into_stream(self) -> None:
        self.position = 0
