"""Redaction: masks personal data in a text before the text is stored or shown.

What is promised: e-mail addresses, telephone numbers, IBAN and Spanish account numbers, DNI and NIE, payment cards, as
people write them. Not names, addresses, birth dates, other documents: no pattern finds those.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from processors.enrichment.digit_groups import FEWEST_ACCOUNT_DIGITS, account_end, runs
from processors.enrichment.documents import ibans, identities
from processors.enrichment.emails import emails, may_hold_spelt_emails, spelt_emails
from processors.enrichment.phones import FEWEST_DIGITS, phone_end
from schemas.events.normalisation import normalised

Span = tuple[int, int]
Found = tuple[int, int, str]


def redact(text: str) -> str:
    """`text` with personal data masked: `[email]`, `[iban]`, `[dni]`, `[card]`, `[phone]`; the rest stays as written.

    IBAN, DNI/NIE and cards are masked when their check digits hold, so that references survive; a DNI also when the
    text calls it one. Idempotent, and no longer than before: what has a limit keeps within it.
    """
    if not _may_hold_any(text):
        return text
    normal = normalised(text)
    found = sorted(_all_found(normal.text))
    if not found:
        return text
    parts, end = [], 0
    for first, last, mask in found:
        start, stop = normal.origin(first, last)
        parts += [text[end:start], mask if len(mask) <= stop - start else "*" * (stop - start)]
        end = stop
    return "".join([*parts, text[end:]])


_NOT_SPECIAL: Final = bytes(
    byte for byte in range(256) if byte not in b"0123456789@([" and (not 0xD9 <= byte <= 0xF0 or byte == 0xE2)
)
"""All but digits, what an @ is written with, and the first bytes, in UTF-8, of scripts with digits of their own."""
_NOT_DIGITS: Final = bytes(byte for byte in range(256) if not 0x30 <= byte <= 0x39)
_DISGUISED: Final = re.compile("[^\\D0-9]|[＠﹫]")
"""A digit or a sign of another script that people read as ours."""
_PASSES: Final = 4
"""Numbers that stand edge to edge by the dozen are no sentence: to mask them one by one would cost their square."""
_DIGIT: Final = re.compile("[0-9]")


def _may_hold_any(text: str) -> bool:
    """A cheap look first, on the way of every event: most texts have neither digits nor an address."""
    special = text.encode("utf-8", "replace").translate(None, _NOT_SPECIAL)
    if special and (len(special.translate(None, _NOT_DIGITS)) >= FEWEST_DIGITS or b"@" in special):
        return True
    if may_hold_spelt_emails(text):
        return True
    return bool(special) and not special.isascii() and _DISGUISED.search(text) is not None


def _all_found(text: str) -> list[Found]:
    """What is personal in a normalised text, by where it stands; a mask can bare the edge of what stood beside it."""
    found: list[Found] = []
    for _ in range(_PASSES):
        known = len(found)
        for finder in _FINDERS:
            spans = list(finder(text))
            if spans:
                text = _blanked(text, spans)
                found += spans
        if len(found) == known:
            return found
    return found + [(*digit.span(), "*") for digit in _DIGIT.finditer(text)]


def _blanked(text: str, spans: list[Found]) -> str:
    """The text with what was found out of sight, and everything else at its place."""
    parts, end = [], 0
    for start, stop, _ in spans:
        parts += [text[end:start], "]" * (stop - start)]
        end = stop
    return "".join([*parts, text[end:]])


def _numbers(text: str) -> Iterator[Found]:
    for run in runs(text, FEWEST_DIGITS):
        may_be_account = run.total >= FEWEST_ACCOUNT_DIGITS
        group = 0
        while group < len(run.groups):
            start = run.groups[group][0]
            if may_be_account and (account := account_end(run, group)):
                last, mask = account
                yield start, run.groups[last][1], mask
            elif phone := phone_end(run, group):
                last, begins = phone
                yield begins, run.groups[last][1], "[phone]"
            else:
                last = group
            group = last + 1


def _masked_as(mask: str, spans: Callable[[str], Iterator[Span]]) -> Callable[[str], Iterator[Found]]:
    return lambda text: ((start, stop, mask) for start, stop in spans(text))


_FINDERS: Final[tuple[Callable[[str], Iterator[Found]], ...]] = (
    _masked_as("[email]", emails),
    _masked_as("[email]", spelt_emails),
    _masked_as("[iban]", ibans),
    _masked_as("[dni]", identities),
    _numbers,
)
