"""`oidor doctor`."""

from typing import Final

import typer

from deploy.cli.command import Panel, console
from deploy.cli.settings import load_settings

PANEL: Final = Panel.LOOK


def command() -> None:
    """Look for what is wrong and say what to do. Exit code 1: something is, 2: broker or database cannot be reached."""
    from deploy.cli.doctor.diagnosis import diagnose, exit_code, report
    from deploy.cli.doctor.examination import examine

    settings = load_settings()
    facts = examine(settings)
    findings = diagnose(facts, settings)
    report(facts, findings, console())
    raise typer.Exit(exit_code(facts, findings))
