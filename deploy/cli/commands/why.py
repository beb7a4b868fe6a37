"""`oidor why`."""

from enum import StrEnum
from typing import Annotated, Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.LOOK
EXIT_DIFFERS: Final = 1
"""Exit code where the telling and `v_sla` do not say the same."""


class Language(StrEnum):
    """Of a telling."""

    ENGLISH = "en"
    SPANISH = "es"


def command(
    case: Annotated[
        str, typer.Argument(help="entity id of a contact, complaint or survey; or SOURCE/ID, TOPIC/SOURCE/ID")
    ],
    at: Annotated[str, typer.Option(help="RFC 3339, or an age as 36h or 7d: as it read then")] = "",
    language: Annotated[Language, typer.Option("--lang", help="of the telling")] = Language.ENGLISH,
    zone: Annotated[str, typer.Option(help="of its times, where no calendar says one, as Europe/Madrid")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="the journal for machines")] = False,
    as_html: Annotated[bool, typer.Option("--html", help="an HTML fragment")] = False,
) -> None:
    """A case told as a court would hear it: what happened, what that meant to each promise, and why it reads so."""
    from deploy.cli.moments import moment
    from deploy.cli.why import why
    from deploy.reading.why import why as written

    journal = why(load_settings(), case, at=moment("--at", at) if at else None, zone=zone)
    if as_json:
        print(written.as_json(journal))
    elif as_html:
        print(written.as_html(journal, language), end="")
    else:
        print(written.as_text(journal, language), end="")
    raise typer.Exit(0 if journal.agrees else EXIT_DIFFERS)
