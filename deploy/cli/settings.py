"""The settings of a command: those of the processors, with the packs and calendars that are shipped beside them."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import ValidationError
from pydantic_settings import NoDecode, SettingsError

from processors.settings import SECRETS, Settings
from schemas.errors import OidorError

_NEVER_SHOWN: Final = frozenset({*SECRETS, "brokers"})
"""Passwords, and what people write passwords into."""
SHIPPED: Final = Path(str(files("deploy") / "policies"))
"""The folder of the packs and calendars of this release."""


class ShippedSettings(Settings):
    """Settings of an installation: who names no pack promises what the default one does."""

    policies: Annotated[tuple[Path, ...], NoDecode] = (SHIPPED / "default.yaml",)
    """SLA policy packs, files, the first that matches wins; when not given, the default pack of this release."""
    calendars: Path | None = SHIPPED / "calendars"
    """Folder of the calendars that the packs name; when not given, those of this release."""
    patterns: Path | None = SHIPPED / "patterns.yaml"
    """File of the parameters of failure patterns that this installation changes."""


def load_settings(**others: Any) -> Settings:
    """Read the settings of this process from its environment, `others` first.

    Raises `OidorError` that names the first wrong one.
    """
    try:
        return ShippedSettings(**others)
    except ValidationError as error:
        raise OidorError(first_wrong(error)) from error
    except (SettingsError, OSError) as error:  # a mounted secret, or `.env`, that cannot be read
        raise OidorError(f"settings cannot be read: {error}") from error


def first_wrong(error: ValidationError) -> str:
    """The first setting that is wrong, with what is wrong with it, and its value where that may be shown."""
    first = error.errors()[0]
    text = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return text
    name = str(first["loc"][0])
    value = "" if name in _NEVER_SHOWN else f"={first['input']!r}"
    return f"OIDOR_{name.upper()}{value}: {text[:1].lower()}{text[1:]}"
