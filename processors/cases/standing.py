"""What the other cases of a partition decide about the merges of one: whether they count, and whether the case that is
to survive is here.

A case is folded from its own events alone; this is the little that it is told besides, and it is kept with them. What
tells it is `pipeline.merging`, what follows from it is in `merges`.
"""

from typing import Final, NamedTuple

MERGED_ELSEWHERE_MS: Final = 600_000
"""How old a merge must be for its survivor, of which nothing was read, to be somewhere else."""


class Standing(NamedTuple):
    """Of the merges of one case."""

    found: tuple[str, ...] = ()
    """The entities that it was merged into and that are here, sorted; one that leaves was here."""
    elsewhere: bool = False
    """Whether the one that it is merged into was not found in all that time."""
    ignored: tuple[str, ...] = ()
    """Event ids of the merges that would close a circle, sorted: they count for nothing."""


ALONE: Final = Standing()
