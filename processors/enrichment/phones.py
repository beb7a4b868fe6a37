"""Telephone numbers: of any country with its code; of ES FR DE UK IT NL PT US as they are written at home.

A number of nine digits may be anything. What stands around it decides (`processors.enrichment.wording`): a word for a
reference, an amount or a quantity says that it is none, a word for a telephone that it is one.
"""

import re
from typing import Final

from processors.enrichment.digit_groups import Run, is_fraction
from processors.enrichment.wording import NO_WORDS, Before, is_called_a_phone_after, is_quantity_after, words_before

FEWEST_DIGITS: Final = 7
_MOST_DIGITS: Final = 15
"""Of a number with its country code: ITU-T E.164."""
_MOST_GROUPS: Final = 9
_FEWEST_AT_HOME: Final = 9
_MOST_AT_HOME: Final = 12


def phone_end(run: Run, first: int) -> tuple[int, int] | None:
    """The group that ends the telephone number that begins with group `first`, and where it begins in the text."""
    start = run.groups[first][0]
    plus = _PLUS.search(run.text, start - 3, start) if "+" in run.text[max(0, start - 3) : start] else None
    last = _international_end(run, first) if plus is not None else _end_at_home(run, first)
    if last is not None and not _is_in_a_word(run, first, last):
        return (last, _beginning(run, first, last, plus)) if _is_free(run, first, last) else None
    if first:
        return None
    last = _named_end(run) if last is None else last
    if last is None or not _words_before(run, first).name_a_phone():
        return None
    return last, _beginning(run, first, last, plus)


def _beginning(run: Run, first: int, last: int, plus: re.Match[str] | None) -> int:
    """Where it begins: with its +, and with the bracket around its code."""
    start = run.groups[first][0]
    if plus is not None:
        return plus.start()
    in_brackets = start > 0 and run.text[start - 1] == "(" and any(")" in gap for gap in run.gaps[first:last])
    return start - 1 if in_brackets else start


_PLUS: Final = re.compile(r"\(?\+[ (]?$")

# --- how numbers are written ---

_NATIONAL_DIGITS: Final = {
    "1": (10, 10), "30": (10, 10), "31": (9, 9), "32": (8, 9), "33": (9, 9), "34": (9, 9), "351": (9, 9),
    "353": (7, 9), "39": (8, 11), "40": (9, 9), "41": (9, 9), "43": (7, 12), "44": (9, 10), "45": (8, 8),
    "46": (7, 9), "47": (8, 8), "48": (9, 9), "49": (7, 11), "52": (10, 10), "54": (10, 11), "55": (10, 11),
    "56": (9, 9), "57": (10, 10), "212": (9, 9), "376": (6, 9),
}  # fmt: skip
"""Country code -> digits of its national numbers, fewest and most; of other countries all up to E.164's 15."""
_COUNTRIES: Final = tuple(_NATIONAL_DIGITS)

_OF_NINE: Final = frozenset(
    {(9,), (3, 3, 3), (3, 2, 2, 2), (2, 3, 2, 2), (3, 6), (6, 3), (2, 7), (1, 2, 2, 2, 2), (5, 4), (2, 3, 4), (3, 2, 4)}
)
"""Groups of a Spanish or Portuguese number."""
_ALONE: Final = frozenset({(5, 4), (2, 3, 4), (3, 2, 4), (2, 7), (6, 3)})
"""Of these, what is only a number when no other digits stand beside it."""
_WITH_TRUNK: Final = frozenset(
    {
        (10,), (11,), (2, 2, 2, 2, 2), (2, 8), (2, 4, 4), (3, 7), (3, 8), (3, 4, 4), (3, 3, 4), (4, 6), (4, 7), (4, 8),
        (4, 3, 3), (4, 3, 4), (4, 2, 2, 2), (5, 5), (5, 6), (5, 7), (5, 3, 3),
    }
)  # fmt: skip
"""Groups of a number with the trunk prefix 0: French, German, British, Dutch."""
_AMERICAN: Final = (3, 3, 4)
_AMERICAN_IN_BRACKETS: Final = (3, 7)
_ITALIAN: Final = frozenset({(3, 7), (3, 6), _AMERICAN})
_FIRST_GROUPS: Final = {
    "0": {shape[0] for shape in _WITH_TRUNK},
    "1": {1},
    "2": {3},
    "3": {2, 3, 11},
    "4": {3},
    "5": {3},
    **{head: {3, *(shape[0] for shape in _OF_NINE)} for head in "6789"},
}
"""Digits of a number's first group, by its first digit: most groups begin none."""
_DATES: Final = frozenset({(2, 2, 4), (1, 2, 4), (1, 1, 4), (2, 1, 4), (4, 2, 2)})


def _end_at_home(run: Run, first: int) -> int | None:
    """The group that ends a number without a +."""
    start, size = run.groups[first][0], run.lengths[first]
    begins = run.text[start : start + min(size, 2)]
    if begins == "00":
        return _after_double_zero(run, first)
    if size not in _FIRST_GROUPS[begins[0]]:
        return None
    total = 0
    for place, size in enumerate(run.lengths[first : first + 6], first):
        total += size
        if total > _MOST_AT_HOME:
            return None
        if total >= _FEWEST_AT_HOME:
            lengths = tuple(run.lengths[first : place + 1])
            if _is_number(begins, lengths, total) and _fits(run, first, place, lengths):
                return place
    return None


def _is_number(begins: str, lengths: tuple[int, ...], total: int) -> bool:
    head = begins[0]
    if total == 9:
        return head in "6789" and lengths in _OF_NINE
    if head == "0":
        return lengths in _WITH_TRUNK
    if total == 11 and head in "13":
        spanish = begins == "34" and (lengths == (11,) or (lengths[0] == 2 and lengths[1:] in _OF_NINE))
        return spanish or lengths == (1, *_AMERICAN)
    if lengths in (_AMERICAN, _AMERICAN_IN_BRACKETS):
        return head in "23456789"
    return head == "3" and begins[1] in "23456789" and lengths in _ITALIAN


def _fits(run: Run, first: int, last: int, lengths: tuple[int, ...]) -> bool:
    if lengths == _AMERICAN_IN_BRACKETS and run.text[run.groups[first][0]] not in "03":
        return ")" in run.gaps[first]
    if lengths in _ALONE and not (first == 0 and last == len(run.groups) - 1):
        return False
    if lengths == (3, 3, 3) and _threes_around(run, first, last) % 3:
        return False
    if sum(lengths) == 11 and run.text.startswith("34", run.groups[first][0]):
        return run.digits(first, last)[2] in "6789" and not (len(lengths) == 2 and run.gaps[first] == ".")
    return len(lengths) != 4 or not _is_address_of_a_computer(run, first, last)


def _threes_around(run: Run, first: int, last: int) -> int:
    """Groups of three digits in a row: four are a list of something, six are two numbers, ten are none."""
    begin, end = first, last
    while begin and first - begin < _MOST_GROUPS and run.lengths[begin - 1] == 3:
        begin -= 1
    while end + 1 < len(run.groups) and end - last < _MOST_GROUPS and run.lengths[end + 1] == 3:
        end += 1
    threes = end - begin + 1
    return threes if threes <= _MOST_GROUPS else 1


def _is_address_of_a_computer(run: Run, first: int, last: int) -> bool:
    octets = [int(run.text[start:stop]) for start, stop in run.groups[first : last + 1]]
    return max(octets) < 256 and set(run.gaps[first:last]) == {"."}


def _international_end(run: Run, first: int, skipped: int = 0) -> int | None:
    """The group that ends a number that begins with a country code, after `skipped` digits of a prefix."""
    digits = ""
    ends: list[tuple[int, int]] = []
    for place in range(first, min(first + _MOST_GROUPS, len(run.groups))):
        start, stop = run.groups[place]
        if place == first:
            digits = run.text[start + skipped : stop]
        elif run.text[start:stop] != "0" or not run.gaps[place - 1].endswith("("):  # +49 (0)170: the trunk prefix
            digits += run.text[start:stop]
        if len(digits) > _MOST_DIGITS:
            break
        ends.append((len(digits), place))
    if not digits or digits[0] == "0":
        return None
    code = next((digits[:size] for size in (1, 2, 3) if digits[:size] in _NATIONAL_DIGITS), "")
    fewest, most = _NATIONAL_DIGITS.get(code, (8, _MOST_DIGITS))
    fitting = [place for total, place in ends if fewest <= total - len(code) <= most]
    if not fitting and not skipped:  # miscounted, but with a + it is nothing else
        fitting = [place for total, place in ends if total >= _FEWEST_AT_HOME]
    return fitting[-1] if fitting else None


def _after_double_zero(run: Run, first: int) -> int | None:
    """A number after the prefix 00: of a country that we know, for a reference begins with zeros, too."""
    start, stop = run.groups[first]
    after = start + 2 if stop - start > 2 else run.groups[first + 1][0] if first + 1 < len(run.groups) else stop
    if not run.text.startswith(_COUNTRIES, after):
        return None
    last = _international_end(run, first, 2)
    return last if last is not None and (last > first or stop - start > 10) else None


def _named_end(run: Run) -> int | None:
    """The group that ends what the text may call a telephone number, however it is grouped. No date."""
    total, end = 0, None
    for place in range(len(run.groups)):
        total += run.lengths[place]
        if total > _MOST_AT_HOME:
            break
        if total >= FEWEST_DIGITS:
            end = place
    return None if end is None or tuple(run.lengths[: min(end, 2) + 1]) in _DATES else end


# --- what stands around it ---


def _is_in_a_word(run: Run, first: int, last: int) -> bool:
    """Letters at an edge: a part of a reference, unless it is called a telephone number: `mitel612345678gracias`."""
    start, stop = run.groups[first][0], run.groups[last][1]
    return (first == 0 and run.text[start - 1 : start].isalpha()) or run.text[stop : stop + 1].isalpha()


def _words_before(run: Run, first: int) -> Before:
    """The words before a number; what stands before other numbers of the run concerns those."""
    return NO_WORDS if first else words_before(run.text, run.groups[0][0])


def _is_free(run: Run, first: int, last: int) -> bool:
    """Whether nothing around it says that it is something else."""
    text, start, stop = run.text, run.groups[first][0], run.groups[last][1]
    if not _is_apart(run, first, last) or text.endswith(("000000", "000.000"), start, stop):
        return False
    before = _words_before(run, first)
    if before.name_a_phone():
        return True
    is_attached_euro = first == last and stop - start == 9 and text.startswith("€", stop)
    if before.name_an_amount() or (is_quantity_after(text, stop) and not is_attached_euro):
        return False
    return not before.name_a_reference() or is_called_a_phone_after(text, stop)


def _is_apart(run: Run, first: int, last: int) -> bool:
    """Whether it is not a part of something longer; of a list of numbers it may be."""
    text, start, stop = run.text, run.groups[first][0], run.groups[last][1]
    if first == 0 and not _is_free_before(text, start):
        return False
    if last == len(run.groups) - 1 and (tied := _TIED_AFTER.match(text, stop)) is not None:
        return tied[1] == "," and len(tied[2]) >= FEWEST_DIGITS
    before, after = run.tied_before(first), run.tied_after(last)
    if first != last:
        within = run.gaps[first:last]
        return before not in within and after not in within
    size = run.lengths[first]
    return not (before and run.lengths[first - 1] != size) and not (after and run.lengths[last + 1] != size)


def _is_free_before(text: str, start: int) -> bool:
    if start < 2:
        return True
    last, before = text[start - 1], text[start - 2]
    if last in "-_/" and before.isalpha() and before.isupper():
        return False
    return not is_fraction(text, start) and not (last in ".:-" and before.isdecimal())


_TIED_AFTER: Final = re.compile(r"([.,:-])([0-9]++)")
