"""`oidor incident` and `oidor source`: what a person does is checked, published, and said in one line."""

import asyncio
import getpass
import json
import uuid
from datetime import UTC, datetime
from typing import Any, Final, Literal

from aiokafka.errors import KafkaError

from deploy.cli.acls import require_access
from deploy.cli.connected import connected
from processors.runtime.security import aiokafka_client
from processors.settings import Settings
from schemas.actions import AnyAction, MaintenancePlanned, decode_action, subject_id
from schemas.errors import OidorError
from schemas.events.decoding import to_ms
from schemas.outputs import Rejection
from schemas.topics import ACTIONS
from sinks.actions import ActionPublisher

SEND_SECONDS: Final = 20
ASK_SECONDS: Final = 5
"""What the database has to say whether it knows an incident: who acts at night must not wait for it."""

Kind = Literal["acknowledged", "acted", "dismissed"]


class ActionError(OidorError):
    """Why an action was not published; one line."""


class UnknownIncidentError(ActionError):
    """The database knows no such incident."""


def about_incident(kind: Kind, incident_id: str, *, who: str, note: str) -> AnyAction:
    """Make an action about an incident, now. Raises ActionError."""
    return _checked(kind, who, note, incident_id=incident_id)


def maintenance(
    source: str, begins_at: datetime, ends_at: datetime, *, who: str, note: str, maintenance_id: str = ""
) -> MaintenancePlanned:
    """Make a plan of maintenance, under the id of an earlier one or a new one. Raises ActionError."""
    plan = {
        "maintenance_id": maintenance_id or f"mt-{uuid.uuid4().hex[:12]}",
        "source": source,
        "begins_at": begins_at.isoformat(),
        "ends_at": ends_at.isoformat(),
    }
    action = _checked("maintenance_planned", who, note, **plan)
    assert isinstance(action, MaintenancePlanned)
    return action


def _checked(kind: str, who: str, note: str, **about: str) -> AnyAction:
    now = datetime.now(UTC)
    told: dict[str, Any] = {
        "action_id": f"act-{uuid.uuid4().hex}", "action": kind, "schema_version": "1.0",
        "who": who or _user(), "at": now.isoformat(), **about,
    }  # fmt: skip
    value = json.dumps(told | ({"note": note} if note else {})).encode()
    action = decode_action(value, to_ms(now))
    if isinstance(action, Rejection):
        raise ActionError(f"{action.field} {action.got!r}: {action.reason}, expected {action.expected}")
    return action


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise ActionError("nobody knows who you are here: say it with --who") from None


def publish(settings: Settings, action: AnyAction) -> None:
    """Publish an action; returns once the broker has it. Raises ActionError."""
    require_access(settings, "operator")  # the producer would try in vain until its time is over
    try:
        asyncio.run(_publish(settings, action))
    except (KafkaError, OSError, TimeoutError) as error:
        topic = settings.topic_prefix + ACTIONS
        raise ActionError(
            f"Kafka at {settings.brokers} did not take it: {error!r}; is {topic} there (`oidor topics check`)?"
        ) from error


async def _publish(settings: Settings, action: AnyAction) -> None:
    publisher = ActionPublisher(aiokafka_client(settings), prefix=settings.topic_prefix)
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await publisher.publish(action)
    finally:
        await publisher.close()


def require_known(settings: Settings, incident_id: str) -> str:
    """Ask the database for an incident; returns its sentence, or why nobody can say whether there is one.

    Raises UnknownIncidentError when there is none.
    """
    try:
        with connected(settings, ASK_SECONDS, ActionError) as client:
            rows = client.execute(
                "SELECT summary, status FROM v_incidents WHERE incident_id = %(id)s", {"id": incident_id}
            )
    except ActionError as error:
        return f"(whether there is such an incident was not checked: {error})"
    if not rows:
        raise UnknownIncidentError(
            f"the database knows no incident {incident_id}: copy its id from the page or from v_incidents; "
            "--unchecked, if it is too new to be stored"
        )
    ((summary, status),) = rows
    return f"{summary} (was {status})"


def said(action: AnyAction) -> str:
    """What was published, in a line."""
    if not isinstance(action, MaintenancePlanned):
        return f"{action.action} by {action.who}: incident {subject_id(action)}"
    span = f"{action.begins_at.isoformat()} to {action.ends_at.isoformat()}"
    if action.begins_at == action.ends_at:
        span = "called off"
    return f"maintenance {action.maintenance_id} of {action.source}, planned by {action.who}: {span}"
