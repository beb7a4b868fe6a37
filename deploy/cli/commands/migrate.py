"""`oidor migrate`."""

import sys
from typing import Annotated, Final

import typer

from deploy.cli.command import Panel
from deploy.cli.settings import load_settings

PANEL: Final = Panel.PREPARE


def command(dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be applied")] = False) -> None:
    """Bring the ClickHouse database to this release. Safe to run twice, and from two places at once."""
    from deploy.cli.restored import restored
    from deploy.clickhouse.migrate import migrate

    settings = load_settings()
    applied = migrate(settings, dry_run=dry_run)
    for name in applied:
        print(f"{'would apply' if dry_run else 'applied'} {name}")
    if not applied:
        print("nothing to apply: the database is up to date")
    # No reason to refuse: what is applied harms no row, and the release that mends things may need it.
    for line in restored(settings):
        print(f"warning: {line}", file=sys.stderr)
