"""ClickHouse's Native format: where one block of columns ends.

    block   = columns:varint rows:varint column*
    column  = name:string type:string data          string = length:varint bytes
    data    = prefixes, then values, both in the order of the type's parts; nothing at all when rows = 0

    fixed width      rows x width                       Nullable(T)   rows x 1, T
    String           rows x string                      Tuple(T, U)   T, U
    Array(T)         rows x 8 (running ends), T         Map(K, V)     as Array(Tuple(K, V))
    LowCardinality(T)  prefix 8; when rows > 0: flags 8, keys 8, T without its Nullable, rows 8, indexes

A block on the wire has no length, so a server must walk its columns to find the next packet. Nothing is decoded here:
the bytes go to the engine as they came.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

WIDTHS: Final = {
    "Bool": 1, "Nothing": 1, "Enum8": 1, "Enum16": 2, "Date": 2, "Date32": 4, "DateTime": 4, "DateTime64": 8,
    "Time": 4, "Time64": 8, "Float32": 4, "Float64": 8, "BFloat16": 2, "UUID": 16, "IPv4": 4, "IPv6": 16,
    **{f"{sign}Int{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)},
}  # fmt: skip
_DECIMAL_WIDTHS = ((9, 4), (18, 8), (38, 16), (76, 32))  # digits up to, bytes


class FormatError(ValueError):
    """Bytes that are not a block, or a type that this module does not know."""


class Source:
    """Bytes in the order they come. `fill` gives the next ones, b"" at the end; reading past it raises EOFError."""

    def __init__(self, fill: Callable[[], bytes]) -> None:
        self._fill = fill
        self._buffer = bytearray()
        self._at = 0

    def mark(self) -> None:
        """Begin to remember: `since_mark` gives everything read after this."""
        del self._buffer[: self._at]
        self._at = 0

    def since_mark(self) -> bytes:
        return bytes(self._buffer[: self._at])

    def at_end(self) -> bool:
        """Nothing is left; may wait for the next bytes."""
        if self._at == len(self._buffer):
            self._buffer += self._fill()
        return self._at == len(self._buffer)

    def skip(self, size: int) -> None:
        self._at += size
        self._need(self._at)

    def take(self, size: int) -> bytes:
        self.skip(size)
        return bytes(self._buffer[self._at - size : self._at])

    def byte(self) -> int:
        self._need(self._at + 1)
        self._at += 1
        return self._buffer[self._at - 1]

    def varint(self) -> int:
        value = shift = 0
        while (byte := self.byte()) > 127:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def uint64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def text(self) -> str:
        return self.take(self.varint()).decode()

    def skip_strings(self, count: int) -> None:
        """The inner loop of every insert: one short length byte at a time, without a call for each string."""
        buffer, at = self._buffer, self._at
        end = len(buffer)
        for _ in range(count):
            if at >= end:
                self._need(at + 1)
                end = len(buffer)
            size = buffer[at]
            at += 1
            if size > 127:
                self._at = at - 1
                size = self.varint()
                at, end = self._at, len(buffer)
            at += size
        self._at = at
        self._need(at)

    def _need(self, end: int) -> None:
        while len(self._buffer) < end:
            more = self._fill()
            if not more:
                raise EOFError
            self._buffer += more


@dataclass(frozen=True, slots=True)
class Type:
    """The layout of a column. `kind`: fixed, String, Nullable, Array, Tuple or LowCardinality; `width` in bytes."""

    kind: str
    parts: tuple["Type", ...] = ()
    width: int = 0


@lru_cache(maxsize=4096)
def parse_type(text: str) -> Type:
    """Raises FormatError for a type whose layout is not known here."""
    name, _, rest = text.partition("(")
    arguments = _arguments(rest[:-1]) if rest else []
    if name in WIDTHS:
        return Type("fixed", width=WIDTHS[name])
    match name, arguments:
        case "String", []:
            return Type("String")
        case "FixedString", [size]:
            return Type("fixed", width=int(size))
        case "Decimal", [digits, *_]:
            return Type("fixed", width=next(width for most, width in _DECIMAL_WIDTHS if int(digits) <= most))
        case (("Nullable" | "Array" | "LowCardinality"), [part]):
            return Type(name, (parse_type(part),))
        case "Map", [key, value]:
            return Type("Array", (Type("Tuple", (parse_type(key), parse_type(value))),))
        case "Tuple", [_, *_]:
            return Type("Tuple", tuple(parse_type(_without_name(part)) for part in arguments))
        case "SimpleAggregateFunction", [_, part]:
            return parse_type(part)
    raise FormatError(f"type {text} is not supported by the embedded ClickHouse; convert it, for example with toString")


def read_block(source: Source) -> list[tuple[str, str]]:
    """Walk one block; names and types of its columns: none is how a client ends its data. Raises FormatError."""
    count, rows = source.varint(), source.varint()
    columns = []
    for _ in range(count):
        columns.append((source.text(), source.text()))
        if rows:
            kind = parse_type(columns[-1][1])
            _skip_prefix(kind, source)
            _skip_values(kind, rows, source)
    return columns


def empty_block(columns: list[tuple[str, str]]) -> bytes:
    """A block without rows: how a server tells names and types."""
    return varint(len(columns)) + varint(0) + b"".join(string(name) + string(kind) for name, kind in columns)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def string(text: str) -> bytes:
    data = text.encode()
    return varint(len(data)) + data


def _skip_prefix(kind: Type, source: Source) -> None:
    if kind.kind == "LowCardinality":
        source.skip(8)
        return
    for part in kind.parts:
        _skip_prefix(part, source)


def _skip_values(kind: Type, rows: int, source: Source) -> None:
    if not rows:
        return
    match kind.kind:
        case "fixed":
            source.skip(rows * kind.width)
        case "String":
            source.skip_strings(rows)
        case "Nullable":
            source.skip(rows)
            _skip_values(kind.parts[0], rows, source)
        case "Tuple":
            for part in kind.parts:
                _skip_values(part, rows, source)
        case "Array":
            source.skip(8 * (rows - 1))
            _skip_values(kind.parts[0], source.uint64(), source)
        case "LowCardinality":
            _skip_low_cardinality(kind.parts[0], source)


def _skip_low_cardinality(inner: Type, source: Source) -> None:
    flags, keys = struct.unpack("<QQ", source.take(16))
    _skip_values(inner.parts[0] if inner.kind == "Nullable" else inner, keys, source)
    source.skip(source.uint64() << (flags & 0xFF))  # an index is 1, 2, 4 or 8 bytes


def _arguments(text: str) -> list[str]:
    """Split at the commas that are in no bracket and no quotes."""
    found, depth, quoted = [""], 0, ""
    escaped = False
    for character in text:
        if quoted:
            quoted = "" if character == quoted and not escaped else quoted
            escaped = character == "\\" and not escaped
        elif character in "'`":
            quoted = character
        else:
            depth += (character == "(") - (character == ")")
            if character == "," and depth == 0:
                found.append("")
                continue
        found[-1] += character
    return [argument for argument in map(str.strip, found) if argument]


def _without_name(part: str) -> str:
    """`amount Decimal(18, 4)`, an element of a named tuple, without its name."""
    found = re.match(r"(?:`(?:[^`\\]|\\.)*`|\w+)\s+(?=\w)", part)
    return part[found.end() :] if found else part
