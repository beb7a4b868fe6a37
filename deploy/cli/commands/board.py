"""`oidor board`."""

from typing import Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.RUN


def command() -> None:
    """Serve the live page of an installation, until SIGTERM: promises, deadlines and incidents as they are now."""
    from deploy.board.board import run
    from deploy.cli.actions import Kind, about_incident
    from deploy.cli.readiness import require_free_port
    from deploy.cli.why import why
    from deploy.reading.why.why import as_html
    from schemas.actions import AnyAction

    settings = load_settings()
    require_free_port(settings, settings.board_port)
    patience = 20

    def telling(case: str, language: str) -> str:
        return as_html(why(settings, case, at=None, zone="", patience=patience), language)

    def making(what: Kind, incident_id: str, who: str, note: str) -> AnyAction:
        return about_incident(what, incident_id, who=who, note=note)

    raise typer.Exit(run(settings, telling, making))
