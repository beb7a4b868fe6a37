"""ClickHouse's native TCP protocol, as much of it as clickhouse-driver speaks: one thread and one session a client.

    client                                server
    HELLO                                 HELLO, or EXCEPTION
    PING                                  PONG
    QUERY, DATA (empty)                   DATA*, END_OF_STREAM, or EXCEPTION
    QUERY, DATA (empty)   an INSERT       DATA (names and types, no rows)
    DATA*, DATA (empty)                   END_OF_STREAM, or EXCEPTION

An INSERT becomes one statement once all its blocks are here: a client that dies half-way has inserted nothing.
"""

import contextlib
import re
import socket
import socketserver
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from clickhouse_cityhash.cityhash import CityHash128
from clickhouse_driver.protocol import ClientPacketTypes, ServerPacketTypes
from lz4 import block as lz4_block

from deploy.local.clickhouse.chdb_engine import AUTHENTICATION_FAILED, UNSUPPORTED_METHOD, EngineError, Session
from deploy.local.clickhouse.native_format import FormatError, Source, empty_block, read_block, string, varint
from deploy.local.clickhouse.statements import Insert, is_select, without_format

# The last revision before every column carries one more byte: up to it a block of the wire is a block of FORMAT Native,
# and what the engine gives can be sent as it is.
REVISION: Final = 54_453

_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"  # field 1: no overflow rows; field 2: no bucket; end
_INFO_WIDTHS = {1: 1, 2: 4}  # of its fields, by number
_FRAME = struct.Struct("<BII")  # method, size with these 9 bytes, size unpacked
_LZ4, _PLAIN = 0x82, 0x02
_FRAME_BYTES = 1 << 20


class _Handler(socketserver.BaseRequestHandler):
    server: "NativeServer"
    request: socket.socket

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.source = Source(lambda: self.request.recv(1 << 18))
        self.session = Session(self.server.folder)
        self.compression = False

    def finish(self) -> None:
        self.session.close()

    def handle(self) -> None:
        with contextlib.suppress(EOFError, OSError):  # the client is gone, and its statement with it
            self._hello()
            while self._packet():
                pass

    def _packet(self) -> bool:
        """Answer one packet; False when the connection cannot go on."""
        self.source.mark()
        match self.source.varint():
            case ClientPacketTypes.PING:
                self._send(varint(ServerPacketTypes.PONG))
            case ClientPacketTypes.QUERY:
                return self._answer()
            case ClientPacketTypes.CANCEL:
                pass  # nothing runs any more: statements are answered one after the other
            case _:
                return False
        return True

    def _hello(self) -> None:
        source = self.source
        if source.varint() != ClientPacketTypes.HELLO:
            raise EOFError
        source.text()  # the client's name and version
        source.varint(), source.varint(), source.varint()
        database, user, password = source.text(), source.text(), source.text()
        try:
            self.server.authenticate(user, password)
            if database:
                self.session.use(database)
        except EngineError as failure:
            self._fail(failure)
            raise EOFError from None
        major, minor, patch = self.server.version
        self._send(
            varint(ServerPacketTypes.HELLO) + string("ClickHouse") + varint(major) + varint(minor) + varint(REVISION)
            + string(self.server.timezone) + string(self.server.display_name) + varint(patch)
        )  # fmt: skip

    def _answer(self) -> bool:
        sql, settings = self._read_query()
        try:
            if list(self._read_blocks()):
                raise EngineError("External tables are not supported by the embedded ClickHouse", UNSUPPORTED_METHOD)
            self.session.configure(settings)
            self._run(sql)
        except EngineError as failure:
            self._fail(failure)
        except FormatError as error:
            self._fail(EngineError(str(error), UNSUPPORTED_METHOD))
            return False  # the rest of the stream has no known boundaries
        else:
            self._send(varint(ServerPacketTypes.END_OF_STREAM))
        return True

    def _read_query(self) -> tuple[str, dict[str, str]]:
        source = self.source
        source.text()  # query id
        self._skip_client_info()
        settings = {}
        while name := source.text():
            source.byte()  # flags
            settings[name] = source.text()
        source.text()  # secret between servers
        source.varint()  # stage: complete
        self.compression = bool(source.varint())
        return source.text(), settings

    def _skip_client_info(self) -> None:
        source = self.source
        source.byte()  # kind: initial query
        source.text(), source.text(), source.text()  # initial user, query id, address
        source.skip(8)  # start time
        source.byte()  # interface: TCP
        source.text(), source.text(), source.text()  # user and host of the system, name of the client
        source.varint(), source.varint(), source.varint()  # its version
        source.text()  # quota key
        source.varint(), source.varint()  # distributed depth, version patch
        if source.byte():  # OpenTelemetry
            source.skip(24)
            source.text()
            source.skip(1)
        source.varint(), source.varint(), source.varint()  # parallel replicas

    def _read_blocks(self) -> Iterator[bytes]:
        """The DATA packets that the client owes, up to its empty block; each as FORMAT Native."""
        while True:
            self.source.mark()
            if self.source.varint() != ClientPacketTypes.DATA:
                raise EOFError
            self.source.text()  # table
            source = Source(self._unpacked_frame) if self.compression else self.source
            while field := source.varint():  # block info
                source.skip(_INFO_WIDTHS[field])
            source.mark()
            if not read_block(source):
                return
            yield source.since_mark()

    def _run(self, sql: str) -> None:
        insert = Insert.parse(sql)
        if insert and insert.rows:
            self.session.insert(insert, insert.data_format, [insert.rows.encode()])
        elif insert:
            self._send_block(empty_block(self.session.insert_columns(insert)))
            self.session.insert(insert, "Native", self._read_blocks())
        elif is_select(sql):
            self._select(sql)
        else:
            result = self.session.query(sql)
            source = Source(iter([result, b""]).__next__)
            while not source.at_end():
                source.mark()
                read_block(source)
                self._send_block(source.since_mark())

    def _select(self, sql: str) -> None:
        count = 0
        for count, block in enumerate(self.session.blocks(sql), 1):
            if count == 1:  # drivers take names and types from a block without rows
                self._send_block(empty_block(read_block(Source(iter([block, b""]).__next__))))
            self._send_block(block)
        if not count:  # an empty result has columns too
            self._send_block(empty_block(self.session.columns(without_format(sql))))

    def _send_block(self, block: bytes) -> None:
        data = _BLOCK_INFO + block
        if self.compression:
            data = b"".join(_packed_frames(data))
        self._send(varint(ServerPacketTypes.DATA) + string("") + data)

    def _fail(self, failure: EngineError) -> None:
        text = re.sub(r"^DB::Exception: ", "", failure.text)
        self._send(
            varint(ServerPacketTypes.EXCEPTION) + struct.pack("<i", failure.code)
            + string("DB::Exception") + string(f"DB::Exception: {text}") + string("") + b"\0"
        )  # fmt: skip

    def _unpacked_frame(self) -> bytes:
        self.source.skip(16)  # the checksum: loopback has its own
        method, size, unpacked = _FRAME.unpack(self.source.take(_FRAME.size))
        payload = self.source.take(size - _FRAME.size)
        if method == _LZ4:
            return bytes(lz4_block.decompress(payload, uncompressed_size=unpacked))
        if method == _PLAIN:
            return payload
        raise FormatError(f"compression 0x{method:02x} is not supported by the embedded ClickHouse: use lz4 or none")

    def _send(self, data: bytes) -> None:
        self.request.sendall(data)


def _packed_frames(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _FRAME_BYTES):
        piece = data[start : start + _FRAME_BYTES]
        payload = lz4_block.compress(piece, store_size=False)
        frame = _FRAME.pack(_LZ4, len(payload) + _FRAME.size, len(piece)) + payload
        yield struct.pack("<QQ", *divmod(CityHash128(frame), 1 << 64)) + frame


class NativeServer(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1 and answers for the engine whose data is in `folder`."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, folder: Path, version: tuple[int, int, int], timezone: str) -> None:
        self.folder, self.version, self.timezone = folder, version, timezone
        self.display_name = str(folder)  # by which a client can tell whose database answers on a port
        super().__init__(("127.0.0.1", port), _Handler)

    def authenticate(self, user: str, password: str) -> None:
        """One user, `default`, without a password."""
        if user != "default" or password:
            raise EngineError(
                f"{user}: Authentication failed: the embedded ClickHouse has the user `default` without a password",
                AUTHENTICATION_FAILED,
            )
