"""The promises that were in force, from their recorded texts: `policy_texts`.

The text of the settings names the packs and calendars that were in force together, in order. So each such text is one
answer to what was promised; what happened under it is folded again by it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from deploy.reading.stored import Database
from processors.sla.business_time import CalendarBook
from processors.sla.promises import Promises
from schemas.policies.calendars import CalendarDefinition
from schemas.policies.packs import PolicyBook
from schemas.policies.policy import Policy
from schemas.policies.yaml_lines import YamlRefusedError

_KEPT: Final = 20
"""Promises that are tried, the last that were in force."""


def recorded(client: Database, database: str) -> list[Promises]:
    """The promises that were in force and differ, the last first; what cannot be read any more is left out."""
    rows = client.execute(
        f"SELECT kind, name, digest, text FROM {database}.v_policy_texts"
        " WHERE kind IN ('settings', 'pack', 'calendar') ORDER BY last_recorded_at DESC, digest"
    )
    texts = {(kind, name, digest): text for kind, name, digest, text in rows}
    found: dict[str, Promises] = {}
    for (kind, _, _), text in texts.items():
        if kind == "settings" and len(found) < _KEPT and (promises := _promises(text, texts)) is not None:
            found.setdefault(promises.content, promises)
    return [*found.values()]


def _promises(settings: str, texts: Mapping[tuple[str, str, str], str]) -> Promises | None:
    said: Mapping[str, Any] = yaml.safe_load(settings)
    try:
        policies = [Policy.read(text, name) for name, text in _named("pack", said, texts)]
        calendars = [CalendarDefinition.read(text, name) for name, text in _named("calendar", said, texts)]
        return Promises(PolicyBook(policies, grace_ms=round(said["grace"] * 1000)), CalendarBook(calendars))
    except (YamlRefusedError, KeyError, ValueError):
        return None  # another release wrote it, or its text is gone: what was promised then is not known


def _named(kind: str, said: Mapping[str, Any], texts: Mapping[tuple[str, str, str], str]) -> Iterator[tuple[str, str]]:
    """Name and text of what the settings name of a kind, in order: a line is kind, name, version and digest."""
    for line in said["texts"]:
        its_kind, name, *_, digest = line.split()
        if its_kind == kind:
            yield name, texts[kind, name, digest]
