"""Lines of tickets for tests."""

import json
from typing import Any

PACK = 'policy_id: p\nversion: "1"\nclocks:\n  resolve: [{target: 4h}]\n'


def event(event_type: str, entity_id: str, at: str, **fields: Any) -> dict[str, Any]:
    """An event of 23 November 2026, at a time such as 10:00:00."""
    return {
        "event_id": f"{entity_id}-{event_type.partition('.')[2]}-{at}",
        "event_type": event_type,
        "schema_version": "1.0",
        "occurred_at": f"2026-11-23T{at}Z",
        "source": "desk",
        "entity_id": entity_id,
        "customer": {"id": "cu1"},
        **fields,
    }


def opened(entity_id: str = "C1", at: str = "10:00:00", **fields: Any) -> dict[str, Any]:
    return event("contact.opened", entity_id, at, **{"direction": "inbound", "channel": "email"} | fields)


def resolved(entity_id: str = "C1", at: str = "12:00:00", **fields: Any) -> dict[str, Any]:
    return event("contact.resolved", entity_id, at, actor={"kind": "human"}, **fields)


def lines(*content: Any) -> str:
    """The text of a ticket; what is text already stays as it is."""
    return "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in content)
