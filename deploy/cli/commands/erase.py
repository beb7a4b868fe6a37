"""`oidor erase`."""

from typing import Annotated, Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.CARE


def command(
    customer_id: Annotated[str, typer.Argument(help="the pseudonym, as customer.id of the events")],
    source: Annotated[str, typer.Option(help="who asks, as source of the event customer.erased")],
    rows_only: Annotated[
        bool, typer.Option("--rows-only", help="publish nothing; only mask what the database holds")
    ] = False,
    wait: Annotated[float, typer.Option(min=1, help="seconds until the workers have to have processed it")] = 60,
) -> None:
    """Forget a customer: their cases end, and what is stored of them is masked. It cannot be taken back."""
    from deploy.cli.erase import mask, publish, report, wait_until_processed

    settings = load_settings()
    if not rows_only:
        event_id = publish(settings, customer_id, source)
        wait_until_processed(settings, event_id, source, wait)
    for line in report(settings, customer_id, mask(settings, customer_id)):
        print(line)
