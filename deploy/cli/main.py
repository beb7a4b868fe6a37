"""`oidor`: finds the commands, and ends one in a line where the user, the broker or the database is at fault."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Final

import typer
from typer.core import TyperGroup

from deploy.cli import commands
from deploy.cli.command import EXIT_MISTAKE, Panel
from schemas.errors import OidorError

_ORDER: Final = tuple(Panel)


class _Mistakes(TyperGroup):
    """Prints what a command's user can put right; anything else stays a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except OidorError as error:
            print("oidor:", *str(error).split(), file=sys.stderr)
            raise typer.Exit(EXIT_MISTAKE) from error


def _commands() -> Iterator[tuple[str, ModuleType]]:
    """The name of each command and its module; `try_` is the command `try`, which cannot be a module's name."""
    for _, name, _ in iter_modules(commands.__path__):
        yield name.rstrip("_"), import_module(f"{commands.__name__}.{name}")


def _registered() -> typer.Typer:
    app = typer.Typer(
        cls=_Mistakes,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Customer feedback as a stream: promises watched, failures named. Settings: environment variables "
        "OIDOR_*.",
    )
    for name, module in sorted(_commands(), key=lambda named: (_ORDER.index(named[1].PANEL), named[0])):
        if isinstance(module.command, typer.Typer):
            app.add_typer(module.command, name=name, rich_help_panel=module.PANEL)
        else:
            app.command(name, rich_help_panel=module.PANEL)(module.command)
    return app


app: Final = _registered()


def main() -> None:
    """The console script."""
    app()
