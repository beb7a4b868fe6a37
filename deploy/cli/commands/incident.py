"""`oidor incident`."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

if TYPE_CHECKING:
    from deploy.cli.actions import Kind

PANEL: Final = Panel.LOOK
command = typer.Typer(
    no_args_is_help=True, help="What you do about an incident: who looks after it, what was done, that it is none."
)

Id = Annotated[str, typer.Argument(help="the incident, as its alert and v_incidents name it")]
Who = Annotated[str, typer.Option(help="your user name, which colleagues see; none: that of this machine")]
Unchecked = Annotated[bool, typer.Option("--unchecked", help="do not ask the database whether there is such one")]


@command.command("ack")
def acknowledge(
    incident_id: Id,
    note: Annotated[str, typer.Option(help="anything that others should know")] = "",
    who: Who = "",
    unchecked: Unchecked = False,
) -> None:
    """Say that you look after an incident; one that was dismissed is open again."""
    _act("acknowledged", incident_id, note, who, unchecked)


@command.command("act")
def act(
    incident_id: Id,
    note: Annotated[str, typer.Option(help="what was done")],
    who: Who = "",
    unchecked: Unchecked = False,
) -> None:
    """Say what was done about an incident."""
    _act("acted", incident_id, note, who, unchecked)


@command.command("dismiss")
def dismiss(
    incident_id: Id,
    note: Annotated[str, typer.Option(help="why it is none, or needs nothing")],
    who: Who = "",
    unchecked: Unchecked = False,
) -> None:
    """Close an incident for people: in views, on the board, for whoever was paged. What we decided stays as it is."""
    _act("dismissed", incident_id, note, who, unchecked)


def _act(kind: "Kind", incident_id: str, note: str, who: str, unchecked: bool) -> None:
    from deploy.cli.actions import about_incident, publish, require_known, said

    settings = load_settings()
    action = about_incident(kind, incident_id, who=who, note=note)
    known = "" if unchecked else require_known(settings, incident_id)
    publish(settings, action)
    print(said(action))
    if known:
        print(known)
