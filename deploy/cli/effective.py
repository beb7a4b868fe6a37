"""The settings as they hold: each with its value, its unit, its default, where the value comes from, and its reason.

`python -m deploy.cli.effective > docs/settings.md` writes the reference from the same declarations.
"""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

from pydantic import AwareDatetime, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, SecretsSettingsSource

from deploy.cli.settings import SHIPPED, ShippedSettings, load_settings
from processors.settings import SECRETS, SECRETS_DIR, Settings, Unit

PREFIX: Final = "OIDOR_"
DEFAULT: Final = "default"
_OTHERS: Final = frozenset({"OIDOR_KAFKA_JARS", "OIDOR_COMMIT"})
"""Variables with our prefix that are no settings: where `oidor demo` finds Kafka, and what an image was made of."""


class Setting(NamedTuple):
    """One setting as it holds, ready to be shown; of a secret nothing but whether there is one."""

    name: str
    value: str
    unit: str
    default: str
    source: str
    reason: str

    @property
    def variable(self) -> str:
        return f"{PREFIX}{self.name.upper()}"


def effective(settings: Settings | None = None) -> list[Setting]:
    """Every setting of this process, in the order in which they are declared.

    Raises `OidorError` that names the first wrong one.
    """
    holds = settings or load_settings()
    given = sources()
    return [
        Setting(
            name,
            shown(getattr(holds, name)),
            unit_of(field),
            shown(field.get_default(call_default_factory=True)),
            given.get(name, DEFAULT),
            " ".join((field.description or "").split()),
        )
        for name, field in ShippedSettings.model_fields.items()
    ]


def sources() -> Mapping[str, str]:
    """Setting -> where its value was read: of several, the one that wins."""
    environment = EnvSettingsSource(ShippedSettings)()
    dotenv = DotEnvSettingsSource(ShippedSettings)()
    mounted = SecretsSettingsSource(ShippedSettings)() if SECRETS_DIR.is_dir() else {}
    known = ShippedSettings.model_fields
    found = {name: f"{SECRETS_DIR}/{PREFIX.lower()}{name}" for name in mounted if name in known}
    found |= {name: ".env" for name in dotenv if name in known}
    found |= {name: "environment" for name in environment if name in known}
    # A file that is named wins over a value, wherever either stands.
    files = {name: {**mounted, **dotenv, **environment}.get(f"{name}_file") for name in SECRETS}
    return found | {name: str(file) for name, file in files.items() if file}


def unknown_variables(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """A line for each variable that looks like a setting and is none: a misspelt one takes no effect, silently."""
    known = {f"{PREFIX}{name.upper()}" for name in ShippedSettings.model_fields} | _OTHERS
    dotenv = DotEnvSettingsSource(ShippedSettings).env_vars
    names = {name.upper() for name in (*environment, *dotenv)}
    for name in sorted(name for name in names if name.startswith(PREFIX) and name not in known):
        close = difflib.get_close_matches(name, known, n=1)
        yield f"{name} is no setting and changes nothing" + (f": did you mean {close[0]}?" if close else "")


def unit_of(field: FieldInfo) -> str:
    """What a number counts; of anything else, what it may be."""
    for one in field.metadata:
        if isinstance(one, Unit):
            return one.name
    if get_origin(field.annotation) is Literal:
        return " or ".join(map(str, get_args(field.annotation)))
    kinds = set(_kinds(field.annotation))
    return next(words for kind, words in _OF_KIND.items() if kind in kinds)


def _kinds(annotation: Any) -> Iterator[Any]:
    """What a type is made of: of `Annotated[Path, ...] | None` also Path; of a tuple only that it is one."""
    if get_origin(annotation) is tuple:
        yield tuple
        return
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


_OF_KIND: Final[Mapping[type, str]] = {
    SecretStr: "secret",
    Path: "path",
    tuple: "list",
    AwareDatetime: "RFC 3339",
    bool: "true or false",
    str: "text",
}


def shown(value: Any) -> str:
    """A value as it would be written into the environment; a secret as whether there is one."""
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(shown, value))
    if isinstance(value, Path) and value.is_relative_to(SHIPPED):
        return str(Path("deploy/policies") / value.relative_to(SHIPPED))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


_INTRODUCTION: Final = """# Settings

Generated from `processors/settings.py`: change them there. `oidor settings` prints what holds here, and where it
was read.

A setting is an environment variable; or a line of `.env` in the folder in which a command starts; or a file of
`/run/secrets` whose name is the variable in small letters. The first of these holds. A file that `OIDOR_..._FILE` names
wins over a value. Lists are comma-separated.

| variable | unit | default | what it is, and why |
|---|---|---|---|
"""


def reference() -> str:
    """The page."""
    fields = ShippedSettings.model_fields.items()
    return _INTRODUCTION + "".join(_line(name, field) for name, field in fields)


def _line(name: str, field: FieldInfo) -> str:
    default = shown(field.get_default(call_default_factory=True))
    cells: Iterable[str] = (
        f"`{PREFIX}{name.upper()}`",
        unit_of(field),
        f"`{default}`" if default else "",
        " ".join((field.description or "").split()),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    print(reference(), end="")
