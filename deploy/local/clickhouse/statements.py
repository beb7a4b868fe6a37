"""What the embedded server must know of a statement before the engine sees it."""

import re

_COMMENTS = r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*"
_SELECT = re.compile(_COMMENTS + r"[\s(]*(?:select|with)\b", re.IGNORECASE | re.DOTALL)
_VALUE = r"(?:'(?:[^'\\]|\\.|'')*'|[\w.+-]+)"
_INSERT = re.compile(  # an INSERT whose rows come with it or after it, not from a SELECT
    rf"(?P<head>{_COMMENTS}insert\s+into\s+(?:table\s+)?"
    r"(?P<table>(?:`(?:[^`\\]|\\.)*`|\"[^\"]*\"|[\w.])+)\s*(?:\((?P<columns>(?:[^()]|\([^()]*\))*)\))?)"
    rf"\s*(?P<settings>settings\s+\w+\s*=\s*{_VALUE}(?:\s*,\s*\w+\s*=\s*{_VALUE})*)?"
    r"\s*(?:values|format\s+(?P<format>\w+))\s*(?P<rows>.*)",
    re.IGNORECASE | re.DOTALL,
)
_FORMAT = re.compile(r"\bformat\s+(\w+)\s*;?\s*$", re.IGNORECASE)


class Insert:
    """An INSERT whose rows are data: `rows` what of it stands in the statement itself, `data_format` its format."""

    def __init__(self, found: re.Match[str]) -> None:
        self.head, self.table, self.columns = found["head"], found["table"], found["columns"]
        self.settings = found["settings"] or ""
        self.data_format = found["format"] or "Values"
        self.rows = "" if found["rows"].strip() == ";" else found["rows"]

    @classmethod
    def parse(cls, sql: str) -> "Insert | None":
        """None when the statement is something else, INSERT ... SELECT included."""
        found = _INSERT.fullmatch(sql)
        return cls(found) if found else None


def is_select(sql: str) -> bool:
    """A statement that the engine can stream."""
    return bool(_SELECT.match(sql))


def without_format(sql: str) -> str:
    """The statement without its FORMAT clause and semicolon."""
    return _FORMAT.sub("", sql).rstrip("; \n\t")


def format_of(sql: str) -> str | None:
    """The format that a statement asks for."""
    found = _FORMAT.search(sql)
    return found[1] if found else None


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
