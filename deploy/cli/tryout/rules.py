"""The rules that a ticket's events live under: those that are configured, with what stands in the ticket itself."""

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.cli.settings import load_settings
from deploy.cli.tryout.ticket import Ticket, TicketError, Yaml
from processors import rules
from processors.patterns import registry
from processors.rules import Rules, RulesError
from processors.settings import Settings


@dataclass(frozen=True, slots=True)
class TicketRules:
    """What `tryout` needs beside the events, and what is odd about the packs."""

    rules: Rules
    page_window_ms: int
    warnings: Sequence[str]


def rules_of(ticket: Ticket, policies: Sequence[Path], calendars: Path | None) -> TicketRules:
    """Packs given by the caller come before those of the ticket, these before those of the environment.

    Raises `TicketError` and `RulesError`.
    """
    with TemporaryDirectory() as folder, _warnings() as warnings:
        files = _Files(ticket.name, Path(folder))
        settings = _settings(ticket, files, policies, calendars)
        try:
            made = Rules.of(settings, registry.DECLARED)
        except RulesError as error:
            raise TicketError(files.renamed(str(error))) from error
        return TicketRules(made, round(settings.page_window * 1000), [files.renamed(line) for line in warnings])


def _settings(ticket: Ticket, files: "_Files", policies: Sequence[Path], calendars: Path | None) -> Settings:
    settings = load_settings(**ticket.settings)
    folder = calendars or settings.calendars
    if ticket.calendars:
        folder = files.calendars(folder, ticket.calendars)
    packs = tuple(policies) or files.packs(ticket.packs) or settings.policies
    patterns = files.patterns(ticket.patterns) or settings.patterns
    return load_settings(**ticket.settings | {"policies": packs, "calendars": folder, "patterns": patterns})


@dataclass(slots=True)
class _Files:
    """Packs and calendars of a ticket as files, and how messages name them: by the ticket's line."""

    name: str
    folder: Path
    _names: dict[Path, str] = field(default_factory=dict)

    def packs(self, packs: Sequence[Yaml]) -> tuple[Path, ...]:
        return tuple(self._written(self.folder, "pack", pack) for pack in packs)

    def patterns(self, patterns: Sequence[Yaml]) -> Path | None:
        return self._written(self.folder, "patterns", patterns[-1]) if patterns else None

    def calendars(self, base: Path | None, calendars: Sequence[Yaml]) -> Path:
        folder = self.folder / "calendars"
        folder.mkdir()
        for path in sorted(base.glob("*.yaml")) if base else []:
            shutil.copy(path, folder)
            self._names[folder / path.name] = f"{path}:"
        for calendar in calendars:
            self._written(folder, "calendar", calendar)
        return folder

    def _written(self, folder: Path, kind: str, yaml: Yaml) -> Path:
        path = folder / f"~{kind}-{yaml.line:06}.yaml"  # read last: of two that clash the ticket's is the wrong one
        path.write_text(yaml.text, encoding="utf-8")
        self._names[path] = f"{self.name}:{yaml.line}: {kind}, line "
        return path

    def renamed(self, message: str) -> str:
        for path, name in self._names.items():
            message = message.replace(f"{path}:", name)
        return message


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What `Rules.of` logs about odd packs."""
    lines: list[str] = []

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler, log = Collecting(), rules.log
    propagate, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield lines
    finally:
        log.removeHandler(handler)
        log.propagate = propagate
