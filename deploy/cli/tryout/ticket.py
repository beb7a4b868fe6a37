"""A ticket: events as JSON lines, with packs, calendars, settings and expectations between them.

{"case": "B13", "title": "closed before it was opened", "until": "2026-11-24T12:00:00Z"}
{"calendar": "calendar_id: office\\n..."}     YAML; beside the calendars that are configured
{"pack": "policy_id: p\\n..."}                YAML; instead of the packs that are configured
{"patterns": "P08: {warning: 4}"}            YAML; instead of the parameters of patterns that are configured
{"settings": {"kpi_memory": 7776000}}        by their names, as OIDOR_KPI_MEMORY
{"event": {"event_type": "contact.opened", ...}, "record_at": "2026-11-24T16:30:00Z"}    it arrived then
{"event_type": "contact.resolved", ...}      it arrived when it happened
{"expected": [{"view": "clocks", ...}], "why": "..."}                                    see `expectations`
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from deploy.cli.tryout.expectations import Expectation, read_expectation
from deploy.cli.tryout.moments import moment_ms
from processors.settings import Settings
from schemas.errors import OidorError
from schemas.topics import EVENT_PREFIX

_COMPANIONS: Final[Mapping[str, frozenset[str]]] = {
    "event": frozenset({"record_at", "key"}),
    "expected": frozenset({"why"}),
    "pack": frozenset(),
    "calendar": frozenset(),
    "patterns": frozenset(),
    "settings": frozenset(),
}
"""What a line is told by -> what else may stand in it. Of a line about the case itself only `until` is read."""


class TicketError(OidorError):
    """A file that is no ticket; one line, `file:line: what to change`."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record as it lay on its topic. `record_at` is its Kafka timestamp, ms."""

    topic: str
    key: bytes
    value: bytes
    record_at: int


@dataclass(frozen=True, slots=True)
class Yaml:
    """A pack, a calendar or parameters of patterns, as they stand in a line of the file."""

    line: int
    text: str


@dataclass(slots=True)
class Ticket:
    """What a file says. `name` is the file's, for messages."""

    name: str
    about: Mapping[str, Any] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    packs: list[Yaml] = field(default_factory=list)
    calendars: list[Yaml] = field(default_factory=list)
    patterns: list[Yaml] = field(default_factory=list)
    """The last one holds."""
    settings: dict[str, Any] = field(default_factory=dict)
    expectations: list[Expectation] = field(default_factory=list)
    until: int | None = None
    """The moment at which the ticket looks at what has become of its events, ms; None: when the last one arrived."""


def read_ticket(name: str, text: str) -> Ticket:
    """Raises `TicketError` that names the line."""
    ticket = Ticket(name)
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                _read_line(ticket, number, _object(line))
            except _LineError as error:
                raise TicketError(f"{name}:{number}: {error}") from error
    if not ticket.arrivals:
        raise TicketError(f"{name}:1: no event in it: give one JSON object a line, with an event_type")
    ticket.arrivals.sort(key=lambda one: one.record_at)
    return ticket


class _LineError(Exception):
    """What is wrong with one line."""


def _object(line: str) -> Mapping[str, Any]:
    try:
        content = json.loads(line)
    except ValueError as error:
        raise _LineError(f"not JSON: {error}") from error
    if not isinstance(content, dict):
        raise _LineError('not a JSON object: a line is an event, or says what it is, as in {"pack": ...}')
    return content


def _read_line(ticket: Ticket, number: int, content: Mapping[str, Any]) -> None:
    if "event_type" in content:
        ticket.arrivals.append(_arrival(content, {}))
        return
    if "case" in content:
        ticket.about = content
        ticket.until = _optional_moment(content, "until")
        return
    kind = next((kind for kind in _COMPANIONS if kind in content), None)
    if kind is None:
        known = ", ".join(("event", "case", *list(_COMPANIONS)[1:]))
        raise _LineError(f"neither an event (it has no event_type) nor a line of a known kind: {known}")
    if unknown := content.keys() - _COMPANIONS[kind] - {kind}:
        allowed = ", ".join(sorted(_COMPANIONS[kind])) or "nothing"
        raise _LineError(f"{min(unknown)} does not belong beside {kind}; {allowed} may stand there")
    _READERS[kind](ticket, number, content)


def _read_event(ticket: Ticket, number: int, content: Mapping[str, Any]) -> None:
    event = content["event"]
    if not isinstance(event, dict):
        raise _LineError("event must be a JSON object")
    ticket.arrivals.append(_arrival(event, content))


def _arrival(event: Mapping[str, Any], beside: Mapping[str, Any]) -> Arrival:
    kind = event.get("event_type")
    topic = next(
        (topic for topic, begins in EVENT_PREFIX.items() if isinstance(kind, str) and kind.startswith(begins)), None
    )
    if topic is None:
        begins = ", ".join(prefix for prefixes in EVENT_PREFIX.values() for prefix in prefixes)
        raise _LineError(f"event_type {kind!r} belongs on no topic: it begins with one of {begins}")
    record_at = _optional_moment(beside, "record_at")
    if record_at is None:
        try:
            record_at = moment_ms(event.get("occurred_at"))
        except ValueError as error:
            raise _LineError(f"occurred_at {error}; or say beside the event when it arrived: record_at") from error
    return Arrival(topic, _key(event, beside), json.dumps(event, ensure_ascii=False).encode(), record_at)


def _key(event: Mapping[str, Any], beside: Mapping[str, Any]) -> bytes:
    """As a publisher chooses it, unless the line says otherwise."""
    if "key" in beside:
        return str(beside["key"]).encode()
    customer = event.get("customer")
    named = isinstance(customer, dict) and customer.get("id")
    return str(named or event.get("entity_id") or "").encode()


def _read_yaml(into: Callable[[Ticket], list[Yaml]], kind: str) -> Callable[[Ticket, int, Mapping[str, Any]], None]:
    def read(ticket: Ticket, number: int, content: Mapping[str, Any]) -> None:
        if not isinstance(content[kind], str):
            raise _LineError(f"{kind} must be text: the YAML of it as one JSON string")
        into(ticket).append(Yaml(number, content[kind]))

    return read


def _read_settings(ticket: Ticket, number: int, content: Mapping[str, Any]) -> None:
    settings = content["settings"]
    if not isinstance(settings, dict):
        raise _LineError("settings must be a JSON object of names and values")
    if unknown := settings.keys() - Settings.model_fields.keys():
        raise _LineError(f"unknown setting {min(unknown)}: names are those of the variables, without OIDOR_")
    try:
        Settings(_env_file=None, **settings)
    except ValidationError as error:
        first = error.errors()[0]
        raise _LineError(f"settings.{first['loc'][0]}: {first['msg']}") from error
    ticket.settings |= settings


def _read_expected(ticket: Ticket, number: int, content: Mapping[str, Any]) -> None:
    listed: Sequence[Any] = content["expected"] if isinstance(content["expected"], list) else [content["expected"]]
    for one in listed:
        try:
            ticket.expectations.append(read_expectation(one))
        except ValueError as error:
            raise _LineError(f"expected: {error}") from error


_READERS: Final[Mapping[str, Callable[[Ticket, int, Mapping[str, Any]], None]]] = {
    "event": _read_event,
    "pack": _read_yaml(lambda ticket: ticket.packs, "pack"),
    "calendar": _read_yaml(lambda ticket: ticket.calendars, "calendar"),
    "patterns": _read_yaml(lambda ticket: ticket.patterns, "patterns"),
    "settings": _read_settings,
    "expected": _read_expected,
}


def _optional_moment(content: Mapping[str, Any], name: str) -> int | None:
    if name not in content:
        return None
    try:
        return moment_ms(content[name])
    except ValueError as error:
        raise _LineError(f"{name} {error}") from error
