"""`oidor warehouse`."""

from typing import Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.RUN


def command() -> None:
    """Write the rows of the workers to ClickHouse, until SIGTERM."""
    from deploy.cli.readiness import require_free_port, require_topics
    from deploy.clickhouse.migrate import MigrationError, pending

    settings = load_settings()
    require_free_port(settings, settings.warehouse_port)
    require_topics(settings, "warehouse")
    if missing := pending(settings):
        raise MigrationError(f"database {settings.clickhouse_database} lacks {', '.join(missing)}: run `oidor migrate`")
    from processors.warehouse import run

    raise typer.Exit(run(settings))
