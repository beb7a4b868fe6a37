"""Numbers as people write them: groups of digits with something between them, and which groups make a number."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from schemas.events.check_digits import card_checks, ccc_checks

FEWEST_ACCOUNT_DIGITS: Final = 14
"""Of a card; account numbers have more."""

Span = tuple[int, int]


class Run(NamedTuple):
    """Groups of digits that may belong together, and what stands between each and the next."""

    text: str
    groups: list[Span]
    gaps: list[str]
    lengths: list[int]
    """Digits of each group."""
    total: int
    """Digits of all."""

    def digits(self, first: int, last: int) -> str:
        return "".join(self.text[start:stop] for start, stop in self.groups[first : last + 1])

    def tied_before(self, group: int) -> str:
        """What ties a group to the one before it, without a space: `2026-004711`."""
        return _tie(self.gaps[group - 1]) if group else ""

    def tied_after(self, group: int) -> str:
        return _tie(self.gaps[group]) if group < len(self.gaps) else ""


def runs(text: str, fewest: int) -> Iterator[Run]:
    """The runs of a normalised text that have `fewest` digits at least."""
    for found in _RUN.finditer(text):
        if found.end() - found.start() < fewest:
            continue
        groups = [group.span() for group in _DIGITS.finditer(text, *found.span())]
        lengths = [stop - start for start, stop in groups]
        total = sum(lengths)
        if total >= fewest:
            gaps = [text[before[1] : after[0]] for before, after in pairwise(groups)]
            yield Run(text, groups, gaps, lengths, total)


def is_fraction(text: str, start: int) -> bool:
    """Whether the digits from `start` are decimals of the number before them; `1.` before them counts a list."""
    if start < 2 or text[start - 1] not in ".," or not text[start - 2].isdecimal():
        return False
    whole = _WHOLE.search(text[max(0, start - 8) : start - 1])
    return whole is not None and (whole[0] == "0" or 1 < len(whole[0]) < 7)


def account_end(run: Run, first: int) -> tuple[int, str] | None:
    """The group that ends the longest card or account number that begins with group `first`, and its mask.

    Groups have four digits or more, but for the last and a CCC's control digits; or all have one.
    """
    if is_fraction(run.text, run.groups[first][0]):
        return None
    if run.lengths[first] == 1:
        return _single_digits(run, first)
    digits, found, card = "", None, run.text[run.groups[first][0]] in _CARD_BEGINS
    for place in range(first, len(run.groups)):
        start, stop = run.groups[place]
        is_control = stop - start == 2 and len(digits) == _BEFORE_CONTROL_DIGITS
        digits += run.text[start:stop]
        if len(digits) > _MOST_DIGITS:
            break
        if (mask := _account(digits, card)) and _is_apart(run, first, place):
            found = place, mask
        if stop - start < 4 and not is_control:
            break
        card = card and not is_control
    return found


_RUN: Final = re.compile(
    r"[0-9][0-9]*+(?:(?:[ \t\r\n]{1,2}(?:[-./_()]{1,2}[ \t\r\n]{0,2})?|[-./_()]{1,2}[ \t\r\n]{0,2})[0-9]++)*+"
)
_DIGITS: Final = re.compile(r"[0-9]++")
_WHOLE: Final = re.compile(r"[0-9]+$")
_CARD_BEGINS: Final = frozenset("234568")
_MOST_DIGITS: Final = 20
_CCC_DIGITS: Final = 20
_BEFORE_CONTROL_DIGITS: Final = 8
"""Of a CCC: bank and branch."""
_BANKS_BEGIN: Final = frozenset("0123")


def _tie(gap: str) -> str:
    return "" if gap[0].isspace() or gap[-1].isspace() or gap[0] in "()" or gap[-1] in "()" else gap


def _account(digits: str, card: bool) -> str:
    if len(digits) < FEWEST_ACCOUNT_DIGITS:
        return ""
    if card and card_checks(digits):
        return "[card]"
    may_be_ccc = len(digits) == _CCC_DIGITS and digits[0] in _BANKS_BEGIN and digits[:4] != "0000"
    return "[iban]" if may_be_ccc and ccc_checks(digits) else ""


def _is_apart(run: Run, first: int, last: int) -> bool:
    """Whether nothing is tied to it as its own groups are tied together: then it is a part of something longer."""
    within = {_tie(gap) for gap in run.gaps[first:last]} - {""}
    return run.tied_before(first) not in within and run.tied_after(last) not in within


def _single_digits(run: Run, first: int) -> tuple[int, str] | None:
    """A number written digit by digit: all of them, for many rows of digits have a card's number within."""
    if first and run.lengths[first - 1] == 1:
        return None
    last = first
    while last + 1 < len(run.groups) and run.lengths[last + 1] == 1:
        last += 1
    mask = _account(run.digits(first, last), card=True) if last - first < _MOST_DIGITS else ""
    return (last, mask) if mask else None
