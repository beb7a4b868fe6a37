"""Numbers with letters by which a person is known: IBAN, DNI and NIE. Told from references by their check digits."""

import re
from collections.abc import Iterator
from typing import Final

from processors.enrichment.wording import words_before
from schemas.events.check_digits import IBAN_LENGTHS, dni_checks, iban_checks

Span = tuple[int, int]


def ibans(text: str) -> Iterator[Span]:
    """Where an IBAN stands. The words after it may look like more of it: its country says how long it is."""
    end = 0
    for digits in _DIGITS.finditer(text):
        check = digits.start()
        start = _country_before(text, check)
        if start is None or start < end:
            continue
        length = IBAN_LENGTHS[text[start : start + 2].upper()]
        found = _IBAN.match(text, check)
        if found is not None and _is_iban(text[start : start + 2] + found[0].translate(_WITHOUT_SEPARATORS), length):
            places = [place for place in range(check, found.end()) if text[place].isalnum()]
            end = places[length - 3] + 1
            yield start, end


def identities(text: str) -> Iterator[Span]:
    """Where a DNI (eight digits and a letter) or a NIE (X, Y or Z, seven digits and a letter) stands.

    The letter of one that the text calls so may be absent or wrong.
    """
    past = 0  # the letter of one is not the prefix of the next
    for found in _IDENTITY.finditer(text):
        start = found.start()
        before = text[max(past, start - 4) : start]
        if before[-1:].isdecimal():
            continue
        prefix = _NIE_BEFORE.search(before)
        begins = start if prefix is None else start - len(before) + prefix.start()
        number = ("" if prefix is None else prefix[0][0].upper()) + found[1].translate(_WITHOUT_SEPARATORS)
        end = found.end() if _is_identity(number, found[2], found[3]) and _is_apart(text, begins) else None
        if end is None and words_before(text, begins).name_an_identity():
            end = found.end() if found[3] and _is_adjacent(found[2]) else found.end(1)
            end = None if text[end : end + 1].isalnum() else end
        if end is not None:
            past = end
            yield begins, end


_WITHOUT_SEPARATORS: Final = {ord(separator): None for separator in " \t\r\n./_-"}
_DIGITS: Final = re.compile(r"[0-9][0-9]++")
_IBAN: Final = re.compile(r"[0-9][0-9](?:[ \t\r\n./_-]{0,3}[A-Za-z0-9]){11,30}")
_WORD: Final = re.compile(r"[A-Za-z]{5}")
"""No IBAN has five letters in a row, its country aside: what has is a sentence, `es 12 personas ...`."""
_IDENTITY: Final = re.compile(
    r"([0-9]{1,2}(?:[. ][0-9]{3}[. ][0-9]{3}|[0-9]{6}))(?![0-9])(?:([\s.-]{0,3})([A-Za-z])(?![A-Za-z0-9]))?"
)
_NIE_BEFORE: Final = re.compile(r"(?<![A-Za-z0-9])[XYZxyz][ .-]{0,3}$")
_SPANISH_WORDS: Final = "aey"
"""Letters of a DNI that are words: `12345678 y` is a number and a conjunction."""


def _country_before(text: str, check: int) -> int | None:
    """Where the country's two letters stand before the check digits, if these are an IBAN's."""
    last = check
    while last > 0 and check - last < 2 and text[last - 1] in " -":
        last -= 1
    start = last - 2
    if start < 0 or text[start:last].upper() not in IBAN_LENGTHS:
        return None
    apart = start == 0 or not text[start - 1].isalnum() or text[max(0, start - 4) : start].upper() == "IBAN"
    return start if apart else None


def _is_iban(word: str, length: int) -> bool:
    word = word[:length]
    return len(word) == length and _WORD.search(word, 4) is None and iban_checks(word)


def _is_identity(number: str, gap: str | None, letter: str | None) -> bool:
    if letter is None or gap is None:
        return False
    is_adjacent = _is_adjacent(gap)
    if len(number) == 7 and number.isdecimal() and is_adjacent:
        number = "0" + number
    if len(number) != 8 or (letter in _SPANISH_WORDS and not is_adjacent):
        return False
    return dni_checks(number, letter.upper())


def _is_adjacent(gap: str | None) -> bool:
    return gap is not None and not any(map(str.isspace, gap))


def _is_apart(text: str, start: int) -> bool:
    """Whether it begins there: after no letter, but for its own name or country, `DNI12345678Z`, `ES12345678Z`."""
    if start == 0 or not text[start - 1].isalnum():
        return True
    before = text[max(0, start - 3) : start].upper()
    return before in ("DNI", "NIE", "NIF") or (before[-2:] == "ES" and not before[:-2].isalnum())
