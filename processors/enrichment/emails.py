"""E-mail addresses in a text: as they are typed, and as people spell them, `ana arroba ejemplo punto com`."""

import re
from collections.abc import Iterator
from typing import Final

Span = tuple[int, int]


def may_hold_spelt_emails(text: str) -> bool:
    """Whether a word stands for the @ of an address: a cheap look, on the way of every event."""
    return "rroba" in text or "RROBA" in text or (("(" in text or "[" in text) and _AT.search(text) is not None)


def emails(text: str) -> Iterator[Span]:
    """Where the addresses of a normalised text stand that are typed without a space."""
    if "@" not in text:
        return
    for found in _TYPED.finditer(text):
        end = found.end() if found[1] is None else _end_of_domain(found.start(1), found[1])
        if end is not None:
            yield found.start(), end


def spelt_emails(text: str) -> Iterator[Span]:
    """Where the addresses stand that are spelt: `ana @ example.com`, `ana(at)example.com`, `ana arroba mail.es`."""
    if "@" not in text and not may_hold_spelt_emails(text):
        return
    for found in _SPELT.finditer(text):
        if len(found[1]) > 1 and found[1].isalpha():
            yield found.span()


def _end_of_domain(start: int, domain: str) -> int | None:
    """Up to the last label that may be a top-level domain: `core@17.0.1` is a version."""
    labels = domain.split(".")
    while len(labels) > 1:
        if labels[-1][0].isalpha():
            return start + len(".".join(labels))
        labels.pop()
    return None


_AT: Final = re.compile(r"[(\[][ ]?(?:at|arroba)[ ]?[)\]]", re.IGNORECASE)
# Possessive, and only from the beginning of a run: else a long run of letters costs its square.
_TYPED: Final = re.compile(
    r"""(?: "[^"\n]{1,64}" | (?<![\w.+%'&#-]) [\w.+%'&#-]++ )
    @ (?: ([\w-]++(?:\.[\w-]++)+) | \[[0-9A-Fa-f.:]{3,45}\] )""",
    re.VERBOSE,
)
_SPELT: Final = re.compile(
    r"""(?<![\w.+-])
    (?:[\w+-]{1,64}+[ ](?:punto|dot|guion|guion[ ]bajo)[ ]){0,3}+
    [\w.+-]{1,64}+
    (?: [ ]@[ ] | @ | [ ]?[(\[{][ ]?(?:at|arroba|@)[ ]?[)\]}][ ]? | [ ]arroba[ ] )
    (?:[\w-]{1,63}+ (?: \. | [ ]?[(\[{][ ]?(?:dot|punto|\.)[ ]?[)\]}][ ]? | [ ](?:dot|punto)[ ] )){1,5}
    ([\w-]{1,63}+)""",
    re.VERBOSE | re.IGNORECASE,
)
