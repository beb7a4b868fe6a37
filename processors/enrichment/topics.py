"""What a text is about: the patterns of the lexicon, found in one pass over its words."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from processors.enrichment.lexicon import CONJUNCTIONS, NEGATION_WINDOW, NEGATIONS, NOT_NEGATING, TOPICS

STOP: Final = "."
"""The word that every mark which ends a clause becomes."""
_NO_ELEMENTS: Final = frozenset[int]()


def text_topics(text: str, language: str) -> tuple[str, ...]:
    """The topics of the lexicon that `text` is about, in the lexicon's order.

    `language` is a BCP-47 tag; Spanish and English have a lexicon, any other language is read with both.
    """
    lexicon = _LEXICONS.get(language[:2].lower(), _LEXICONS[""])
    words = words_of(text)
    marks = [*map(lexicon.look_up, words)]
    present = _NO_ELEMENTS.union(*[mark.elements for mark in marks])
    hits: set[int] = set()
    for place, mark in enumerate(marks):
        for pattern in mark.anchored:
            if pattern.needs <= present and pattern.topic not in hits and pattern.holds(words, marks, place):
                hits.add(pattern.topic)
    return tuple(_TOPIC_NAMES[topic] for topic in sorted(hits)) if hits else ()


_TOPIC_NAMES: Final = tuple(TOPICS)


def _folded(byte: int) -> int:
    character = chr(byte)
    if byte < 128 and character.isalnum():
        return ord(character.lower())
    return ord(STOP if character in ".,;:!?()\n" else " ")


_FOLDED: Final = bytes(map(_folded, range(256)))


def words_of(text: str) -> list[str]:
    """Lower-case ASCII words, accents folded, apostrophes dropped, and a `.` where a clause ends."""
    if not text.isascii():
        text = unicodedata.normalize("NFD", text)
    return text.encode("ascii", "ignore").translate(_FOLDED, b"'").replace(b".", b" . ").decode().split()


@dataclass(frozen=True, slots=True)
class _Element:
    """One place of a pattern: any of its words, at most `gap` words after the place before."""

    number: int
    gap: int
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class _Pattern:
    topic: int
    elements: tuple[_Element, ...]
    needs: frozenset[int]
    """The elements without which it cannot hold: one look settles most patterns."""
    anchor: int
    """The place that is looked for first: the first that is not a word of every sentence."""
    negative: bool

    def holds(self, words: Sequence[str], marks: "Sequence[_Mark]", place: int) -> bool:
        """Whether the pattern stands in `words` with its anchor at `place`, and is not negated."""
        start = place
        for at in range(self.anchor, 0, -1):
            found = _nearest(words, marks, self.elements[at - 1].number, start, -1, self.elements[at].gap)
            if found is None:
                return False
            start = found
        end = place
        for element in self.elements[self.anchor + 1 :]:
            found = _nearest(words, marks, element.number, end, 1, element.gap)
            if (found is None) is not element.excluded:
                return False
            end = end if found is None else found
        return self.negative or not _negated(words, start)


@dataclass(frozen=True, slots=True)
class _Mark:
    """What the lexicon knows of one word: the elements it belongs to, and the patterns to try at it."""

    elements: frozenset[int]
    anchored: tuple[_Pattern, ...]


def _nearest(words: Sequence[str], marks: Sequence[_Mark], number: int, place: int, step: int, gap: int) -> int | None:
    """The nearest word of an element within `gap` words of `place`, in the same clause."""
    for _ in range(gap + 1):
        place += step
        if not 0 <= place < len(words) or words[place] == STOP:
            return None
        if number in marks[place].elements:
            return place
    return None


def _negated(words: Sequence[str], start: int) -> bool:
    for place in range(start - 1, max(-1, start - 2 - NEGATION_WINDOW), -1):
        word = words[place]
        if word == STOP or word in CONJUNCTIONS:
            return False
        if word in NEGATIONS and words[place + 1] not in NOT_NEGATING:
            return True
    return False


class _Lexicon:
    """The patterns of some languages, indexed by the words that can begin a match."""

    def __init__(self, languages: Sequence[str]) -> None:
        self._numbers: dict[str, int] = {}
        self._anchored: dict[int, list[_Pattern]] = {}
        for topic, by_language in enumerate(TOPICS.values()):
            for language in languages:
                for source in by_language[language]:
                    pattern = self._compile(topic, source)
                    self._anchored.setdefault(pattern.elements[pattern.anchor].number, []).append(pattern)
        self._exact: dict[str, list[int]] = {}
        self._stems: dict[str, list[int]] = {}
        for alternatives, number in self._numbers.items():
            for word in alternatives.split("|"):
                (self._stems if word.endswith("*") else self._exact).setdefault(word.rstrip("*"), []).append(number)
        # Bounded: the words of customers are endless, the frequent ones are few.
        self.look_up = lru_cache(maxsize=32_768)(self._look_up)

    def _compile(self, topic: int, source: str) -> _Pattern:
        elements: list[_Element] = []
        sources: list[str] = []
        for phrase_gap, phrase in _phrases(source):
            for place, alternatives in enumerate(phrase.split("_")):
                excluded = alternatives.startswith("!")
                alternatives = alternatives.lstrip("!")
                number = self._numbers.setdefault(alternatives, len(self._numbers))
                elements.append(_Element(number, 0 if place else phrase_gap, excluded))
                sources.append(alternatives)
        common = [any(word in _COMMON for word in alternatives.split("|")) for alternatives in sources]
        negative = any(word in NEGATIONS for alternatives in sources for word in alternatives.split("|"))
        needs = frozenset(element.number for element in elements if not element.excluded)
        return _Pattern(topic, tuple(elements), needs, common.index(False) if False in common else 0, negative)

    def _look_up(self, word: str) -> _Mark:
        numbers = list(self._exact.get(word, ()))
        for length in range(2, len(word) + 1):
            numbers += self._stems.get(word[:length], ())
        if not numbers:
            return _UNKNOWN
        patterns = [pattern for number in numbers for pattern in self._anchored.get(number, ())]
        return _Mark(frozenset(numbers), tuple(patterns))


def _phrases(source: str) -> Iterator[tuple[int, str]]:
    gap = 0
    for part in source.split():
        if part == "...":
            gap = 8
        else:
            yield gap, part
            gap = 2


_UNKNOWN: Final = _Mark(frozenset(), ())
_COMMON: Final = NEGATIONS | frozenset({
    "a", "al", "como", "con", "de", "del", "en", "el", "es", "ha", "han", "he", "la", "las", "le", "les", "lo", "los",
    "me", "mi", "mis", "muy", "nos", "os", "para", "por", "que", "se", "su", "un", "una", "y", "pero", "voy", "and",
    "as", "at", "be", "for", "from", "i", "in", "is", "it", "like", "my", "of", "on", "or", "our", "so", "that", "the",
    "their", "this", "to", "was", "we", "you", "your", "very", "will", "want",
})  # fmt: skip
"""Words of every sentence: no pattern is looked for at one of them if it has another."""
_LEXICONS: Final = {"es": _Lexicon(["es"]), "en": _Lexicon(["en"]), "": _Lexicon(["es", "en"])}
