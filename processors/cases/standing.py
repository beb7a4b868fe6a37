"""What the other cases of a partition decide about the merges of one: whether they count, and whether the case that is
to survive is here.

A case is folded from its own events alone; this is the little that it is told besides, and it is kept with them. What
tells it is `pipeline.merging`, what follows from it is in `merges`.
"""

from typing import Final, NamedTuple


class Standing(NamedTuple):
    """Of the merges of one case."""

    found: str = ""
    """The entity that it is merged into, once something of that is here; it stays found when it leaves."""
    elsewhere: bool = False
    """Whether it was not found in all that time."""
    ignored: tuple[str, ...] = ()
    """Event ids of the merges that would close a circle, sorted: they count for nothing."""


ALONE: Final = Standing()
