"""A telling as HTML: a fragment that stands by itself, with classes and no style. All that is said is escaped."""

from collections.abc import Iterable
from html import escape
from typing import Final

from deploy.reading.why.wording import Block

_TAGS: Final = {"title": "h1", "heading": "h2", "day": "h3", "clock": "h3"}


def page(blocks: Iterable[Block], language: str) -> str:
    """Write down a telling as an `article`; `language` is that of its words."""
    lines = [f'<article class="why" lang="{escape(language)}">', *map(_element, blocks), "</article>"]
    return "\n".join(lines) + "\n"


def _element(block: Block) -> str:
    tag = _TAGS.get(block.kind, "p")
    tone = f" {block.tone}" if block.tone else ""
    when = f"<b>{escape(block.when)}</b> " if block.when else ""
    return f'<{tag} class="{block.kind}{tone}">{when}{escape(block.text)}</{tag}>'
