"""A telling as plain text, for a terminal or a file."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from deploy.reading.why.wording import Block

_NAME: Final = 18
_TIME: Final = 10


def text(blocks: Iterable[Block], width: int = 110) -> str:
    """Write down a telling."""
    return "\n".join(line for block in blocks for line in _lines(block, width)) + "\n"


def _lines(block: Block, width: int) -> Iterator[str]:
    match block.kind:
        case "title":
            yield from (block.text, "=" * len(block.text), "")
        case "heading":
            yield from ("", block.text, "-" * len(block.text))
        case "day" | "clock":
            yield from ("", block.text)
        case "event":
            yield from _set(f"  {block.when:<{_TIME}}", block.text, width)
        case "gap":
            yield from _set("             … ", block.text, width)
        case "detail":
            yield from _set("      - ", block.text, width)
        case "row":
            yield from _set(f"    {block.when:<{_NAME}}" if block.when else " " * (_NAME + 4), block.text, width)
        case _:
            yield from _set("", block.text, width)


def _set(lead: str, said: str, width: int) -> list[str]:
    lead = lead if lead.endswith(" ") or not lead else f"{lead} "
    return textwrap.wrap(
        said,
        width,
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [lead.rstrip()]
