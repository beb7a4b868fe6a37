"""Identifiers that hold a person's own data where a pseudonym belongs: e-mail, telephone, IBAN, DNI or NIE, card.

Check digits are computed, so that identifiers of machines (ULID, UUID, counters, epoch times) pass.
"""

import re
from typing import Final

from schemas.events.check_digits import IBAN_LENGTHS, card_checks, dni_checks, iban_checks
from schemas.events.normalisation import aligned

_DIGITS_AS_0: Final = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))
_SUSPECT_DIGITS: Final = re.compile(
    r"[0-9](?:[0-9]{9}|[0-9]{6}-?[A-Za-z](?![A-Za-z0-9])|[0-9]{3}-(?:[0-9]{4}-[0-9]{4}-[0-9]{4}|[0-9]{6}-[0-9]{5}))"
)
"""What numbers of persons have in common, when no space, @ or + is there."""
_RUNS: Final = re.compile(rb"0000(?:000|-0000(?:-0000|00-0))")
"""What all of these have in common, once every digit is a 0. It begins with what can be looked for at once."""

# Possessive, and only from the beginning of a run: else a long run of letters costs its square.
_EMAIL: Final = re.compile(r"(?<![^\s@<>\"])[^\s@<>\"]++@[^\s@<>\"]+\.[A-Za-z]{2,}")
_PHONE: Final = re.compile(r"\+[0-9](?:[ ().-]{0,2}[0-9]){7,14}(?![0-9])")
_WORD: Final = re.compile(r"[A-Za-z0-9]{9,}")
_GROUPED: Final = re.compile(
    r"[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?![A-Za-z0-9])"  # card
    r"|3[0-9]{3}([ -])[0-9]{6}\2[0-9]{5}(?![A-Za-z0-9])"  # card
    r"|[XYZxyz0-9][0-9]{7}[ -][A-Za-z](?![A-Za-z0-9])"  # DNI, NIE
    r"|[A-Za-z]{2}[0-9]{2}(?: [A-Za-z0-9]{4}){2,7}(?: [A-Za-z0-9]{1,4})?(?![A-Za-z0-9])"  # IBAN
)
_DNI: Final = re.compile(r"([XYZ][0-9]{7}|[0-9]{8})([A-Z])")
_DAY_AND_LETTER: Final = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9][ -][A-Za-z]")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]+")
_MASKED: Final = (
    _EMAIL,
    _PHONE,
    _GROUPED,
    re.compile(r"[0-9]{7,}"),
    re.compile(r"[0-9]{2,4}(?:[ .][0-9]{2,4}){2,}"),
)
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)?"
    r" ?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)


def looks_personal(identifier: str) -> bool:
    """Whether it contains an e-mail address, a telephone number with +, an IBAN, a DNI or NIE, or a card number."""
    if not identifier.isascii():
        identifier = aligned(identifier)
    if not ("@" in identifier or "+" in identifier or " " in identifier):
        # On the way of every event: a pattern that is tried at every digit costs several times as much.
        shape = identifier.encode("utf-8", "replace").translate(_DIGITS_AS_0)
        if _RUNS.search(shape) is None or _SUSPECT_DIGITS.search(identifier) is None:
            return False
    if "@" in identifier and _EMAIL.search(identifier) is not None:
        return True
    if "+" in identifier and _PHONE.search(identifier) is not None:
        return True
    words = any(map(_is_number_of_a_person, _WORD.findall(identifier)))
    return words or any(map(_is_grouped, _GROUPED.finditer(identifier)))


def masked(text: str) -> str:
    """The same text, as long as before, with `*` in place of e-mail addresses and of digits in long runs.

    Cautious rather than exact: for diagnostics, where nothing is lost when a harmless number is masked too.
    """
    if _MOMENT.fullmatch(text):
        return text
    seen = aligned(text)
    for pattern in _MASKED:
        seen = pattern.sub(_stars, seen)
    if text.isascii():
        return seen
    return "".join("*" if now == "*" else was for was, now in zip(text, seen, strict=True))


def _stars(match: re.Match[str]) -> str:
    found = match[0]
    return "*" * len(found) if "@" in found else re.sub(r"[0-9]", "*", found)


def _is_grouped(match: re.Match[str]) -> bool:
    """A number written in groups. A day with a letter after it is somebody's counter of the day."""
    starts_inside_word = match.start() > 0 and match.string[match.start() - 1].isalnum()
    if starts_inside_word or _DAY_AND_LETTER.fullmatch(match[0]):
        return False
    return _is_number_of_a_person(match[0].replace(" ", "").replace("-", ""))


def _is_number_of_a_person(word: str) -> bool:
    if len(word) == 9:
        return _is_dni(word.upper())
    if word.isdecimal():
        return card_checks(word)
    return _is_iban(word.upper())


def _is_dni(word: str) -> bool:
    return (match := _DNI.fullmatch(word)) is not None and dni_checks(*match.groups())


def _is_iban(word: str) -> bool:
    return IBAN_LENGTHS.get(word[:2]) == len(word) and _IBAN.fullmatch(word) is not None and iban_checks(word)
