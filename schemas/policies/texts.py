"""Texts of rules, as they are kept: an old decision can then be told under the words of its time."""

from hashlib import blake2b
from typing import Literal, NamedTuple

TextKind = Literal["pack", "calendar", "patterns", "settings"]


class PolicyText(NamedTuple):
    """What packs, calendars, parameters of patterns and settings say."""

    kind: TextKind
    name: str
    """The id of a pack or of a calendar; else the kind."""
    text_version: str
    """As the text calls itself; '' where it does not."""
    digest: str
    text: str

    @classmethod
    def of(cls, kind: TextKind, name: str, text_version: str, text: str) -> "PolicyText":
        return cls(kind, name, text_version, digest_of(text), text)


def digest_of(text: str) -> str:
    """Of the whole text, 16 hexadecimal digits: what `b2sum -l 64` says of the file.

    Two texts may decide the same under two digests: `processors.rules.Rules.digest` is of what decides.
    """
    return blake2b(text.encode(), digest_size=8).hexdigest()
