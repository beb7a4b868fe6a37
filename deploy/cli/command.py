"""What a command is made of: its heading in the help, its exit code for a mistake, and where it prints."""

import sys
from enum import StrEnum
from typing import Final

from rich.console import Console

EXIT_MISTAKE: Final = 2
"""Exit code of what a user can put right."""


class Panel(StrEnum):
    """The headings of `oidor --help`, in order; commands stand under theirs in alphabetical order."""

    TRY = "See what it does"
    PREPARE = "Prepare an installation"
    RUN = "Run it"
    LOOK = "Look at it"
    CARE = "Take care of it"


def console() -> Console:
    """The terminal. A pipe has no width: tables need more than the 80 columns that are taken for it then."""
    return Console() if sys.stdout.isatty() else Console(width=150)
