"""`oidor whatif`."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.LOOK


def command(
    begin: Annotated[str, typer.Option("--from", help="RFC 3339, or an age as 36h or 90d: where the span begins")],
    end: Annotated[str, typer.Option("--to", help="the same: where it ends, that without; else now")] = "",
    policy: Annotated[
        list[Path] | None,
        typer.Option(help="a pack to try, in place of the configured one of its policy_id; several: one option each"),
    ] = None,
    calendars: Annotated[Path | None, typer.Option(help="folder of calendars to try")] = None,
    only: Annotated[bool, typer.Option("--only", help="the packs given are all there are")] = False,
    undated: Annotated[
        bool, typer.Option("--undated", help="the newest version given holds from the beginning")
    ] = False,
    staffed: Annotated[str, typer.Option(help="calendar that says when people are there, for overtime")] = "",
    handling: Annotated[str, typer.Option(help="work on a case that states none, as 10min, for overtime")] = "",
    limit: Annotated[int, typer.Option(min=0, help="how many clocks that flip are named")] = 10,
    every: Annotated[bool, typer.Option("--all", help="name all of them")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document, with everything")] = False,
) -> None:
    """The past under other promises beside what was: attainment, breaches gained and lost, overtime. Writes nothing."""
    from deploy.cli.whatif import answered, asked
    from deploy.reading.whatif.report import document, lines

    told = answered(
        asked(
            load_settings(),
            begin,
            end,
            packs=policy or (),
            calendars=calendars,
            only=only,
            undated=undated,
            staffed=staffed,
            handling=handling,
        )
    )
    if as_json:
        print(json.dumps(document(told), indent=2, ensure_ascii=False))
    else:
        for line in lines(told, limit=None if every else limit):
            print(line)
