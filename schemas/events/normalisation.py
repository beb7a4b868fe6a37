"""Normalisation: one way of writing for what looks the same, so that a pattern has to know only one.

By Unicode's compatibility decomposition (NFKC, Unicode Standard Annex #15) full-width, mathematical and Arabic-Indic
digits become `0` to `9`, and `＠` becomes `@`; beyond it all spaces become one, all hyphens one, letters of the Latin
alphabet lose their accents, and what has no width is gone. Only for matching: what is kept is the text as written.
"""

import unicodedata
from typing import Final, NamedTuple


class Normalised(NamedTuple):
    """A text as patterns see it, and from where in the original each of its characters is."""

    text: str
    origins: list[int] | None
    """None: character by character; else the place of each, and the length of the original."""

    def origin(self, start: int, stop: int) -> tuple[int, int]:
        """Where the original of a span that is not empty begins and ends."""
        if self.origins is None:
            return start, stop
        return self.origins[start], self.origins[stop - 1] + 1


def normalised(text: str) -> Normalised:
    """The text in one way of writing; an ASCII text is in it already."""
    if text.isascii():
        return Normalised(text, None)
    if (western := _western(text)) is not None:
        return Normalised(western, None)
    same = text.translate(_SAME)
    if len(same) == len(text):
        return Normalised(same, None)
    return Normalised(same, [place for place, character in enumerate(text) if _SAME[ord(character)] is not None])


def _western(text: str) -> str | None:
    """The shorter way of what all letters of are of Western Europe; None for all else, and what has soft hyphens."""
    if _SOFT_HYPHEN in text:
        return None
    try:
        return text.encode("cp1252").translate(_WESTERN).decode("cp1252")
    except UnicodeEncodeError:
        return None


def aligned(text: str) -> str:
    """The text in one way of writing, character by character: what has no width stays."""
    return text if text.isascii() else text.translate(_ALIGNED)


_REMEMBERED: Final = 65_536
"""Characters whose normal form is kept: more than people write, and a bound for those who send all there are."""

_SPACES: Final = frozenset(("Zs", "Zl", "Zp"))
_NO_WIDTH: Final = frozenset(("Cf", "Mn", "Me"))
_HYPHENS: Final = "\u2212\u2043\u00b7\u2022"
"""Minus, and what is put between groups of digits: bullets and middle dots."""


class _Same(dict[int, int | None]):
    """Of a code point: its normal form; None for one without width."""

    def __missing__(self, code: int) -> int | None:
        same = _normal_form(chr(code))
        if len(self) < _REMEMBERED:
            self[code] = same
        return same


class _Aligned(dict[int, int]):
    def __missing__(self, code: int) -> int:
        same = _SAME[code]
        return code if same is None else same


_SAME: Final = _Same()


def _normal_form(character: str) -> int | None:
    category = unicodedata.category(character)
    if category in _NO_WIDTH:
        return None
    if category in _SPACES:
        return ord(" ")
    if category == "Pd" or character in _HYPHENS:
        return ord("-")
    if category == "Nd":
        return ord("0") + unicodedata.decimal(character)
    parts = unicodedata.normalize("NFKD", character)
    base, marks = parts[0], parts[1:]
    # º and ª are letters of their own: nº is a number, no is none.
    is_same = base.isascii() and category != "Lo" and all(map(unicodedata.combining, marks))
    return ord(base) if is_same else ord(character)


_ALIGNED: Final = _Aligned()
_SOFT_HYPHEN: Final = "\u00ad"
_WESTERN_CHARACTERS: Final = bytes(range(256)).decode("cp1252", "replace")
_WESTERN: Final = "".join(
    character if character == _SOFT_HYPHEN else character.translate(_SAME) for character in _WESTERN_CHARACTERS
).encode("cp1252", "replace")
