"""`oidor publish`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings
from schemas.errors import OidorError

if TYPE_CHECKING:
    from deploy.traffic.messages import Message

PANEL: Final = Panel.TRY
SEED: Final = 7


def command(
    scenario: Annotated[str, typer.Option(help="demo, steady, storm-log; or servicenow, cfpb: the real logs")] = "demo",
    seed: Annotated[
        int | None,
        typer.Option(
            help="of the generated traffic: the same gives the same bytes; 7, or another each time with --live"
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="messages")] = 10_000,
    hours: Annotated[float, typer.Option(min=0.01, help="hours of event time that they span, up to now")] = 8,
    rate: Annotated[float | None, typer.Option(min=0.1, help="messages a second at most")] = None,
    speed: Annotated[float | None, typer.Option(min=0.001, help="times real time; none: as fast as it goes")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="generated traffic from now on for so many hours, each event when it happens")
    ] = False,
) -> None:
    """Publish generated or real events to the input topics, each with its own timestamp."""
    from deploy.cli.readiness import explained
    from deploy.traffic.publish import publish
    from processors.runtime.partitioners import of_client
    from processors.runtime.security import aiokafka_client

    settings = load_settings()
    now = datetime.now(UTC)
    if seed is None:
        seed = int(now.timestamp()) if live else SEED
    messages = _messages(scenario, seed, limit, hours, now if live else now - timedelta(hours=hours))
    with explained(settings, "publisher"):
        client = {**aiokafka_client(settings), "partitioner": of_client(settings.partitioner)}
        sent = publish(messages, client, prefix=settings.input_prefix, rate=rate, speed=1 if live else speed)
    print(f"published {sent} messages")


def _messages(scenario: str, seed: int, limit: int, hours: float, start: datetime) -> "Iterator[Message]":
    from deploy.traffic.readers import cfpb, servicenow
    from deploy.traffic.scenarios import SCENARIOS, journeys

    readers = {"servicenow": servicenow, "cfpb": cfpb}
    if scenario in readers:
        return readers[scenario]()
    if scenario not in SCENARIOS:
        raise OidorError(f"unknown scenario {scenario}: choose of {', '.join((*SCENARIOS, *readers))}")
    return journeys(SCENARIOS[scenario], seed, start, limit=limit, rate=limit / (hours * 3600))
