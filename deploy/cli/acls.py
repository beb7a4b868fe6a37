"""What each account has to be allowed in Kafka, and no more: the table that docs/security.md shows and tests hold.

READ, WRITE and DELETE include DESCRIBE, in Kafka's own rules. Names are those of an installation; a prefix is marked.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from kafka import KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError

from deploy.cli.topics import Existing, administrator, described, plan
from processors.runtime.refusals import SEE_ACLS, account
from processors.settings import Settings
from schemas.errors import OidorError
from schemas.topics import ACTIONS, INCIDENTS, INPUTS, REJECTED, ROWS, state_topic

Principal = Literal["admin", "worker", "warehouse", "board", "operator", "publisher", "doctor", "replay", "erase"]
Resource = Literal["topic", "group", "transactional id", "cluster"]

CLUSTER: Final = "kafka-cluster"


class AccessError(OidorError):
    """What an account is not allowed; one line that says what to allow it."""


class Grant(NamedTuple):
    """Operations on a resource that an account is allowed, from any host."""

    resource: Resource
    name: str
    operations: tuple[str, ...]
    prefixed: bool = False
    """Whether the name is what the names of resources begin with."""

    def __str__(self) -> str:
        return f"{self.resource} {self.name}{'*' if self.prefixed else ''}: {', '.join(self.operations)}"


def grants(settings: Settings) -> Mapping[Principal, tuple[Grant, ...]]:
    """The whole table, for the names of an installation."""
    inputs = tuple(settings.input_prefix + topic for topic in INPUTS)
    contacts = inputs[0]
    rows, incidents, rejected, actions = (
        settings.topic_prefix + topic for topic in (ROWS, INCIDENTS, REJECTED, ACTIONS)
    )
    state, app = state_topic(settings.app_id), settings.app_id
    warehouse, beside = f"{app}-warehouse", f"{app}-replay-"
    everything = (*inputs, rows, incidents, rejected, actions, state)
    return {
        "admin": _topics(everything, "CREATE", "DESCRIBE", "DESCRIBE_CONFIGS"),
        "worker": (
            *_topics(inputs, "READ", "DESCRIBE_CONFIGS"),
            *_topics((rows, incidents, rejected), "WRITE", "DESCRIBE_CONFIGS"),
            Grant("topic", state, ("READ", "WRITE", "DELETE", "DESCRIBE_CONFIGS")),
            Grant("group", app, ("READ",)),
            Grant("transactional id", f"{app}-", ("WRITE",), prefixed=True),
        ),
        "warehouse": (
            *_topics((rows, actions), "READ", "DESCRIBE_CONFIGS"),
            Grant("topic", rejected, ("WRITE", "DESCRIBE_CONFIGS")),
            Grant("group", warehouse, ("READ",)),
            Grant("group", f"{warehouse}-actions", ("READ",)),
        ),
        "board": (
            Grant("topic", incidents, ("READ", "DESCRIBE_CONFIGS")),
            Grant("topic", actions, ("READ", "WRITE", "DESCRIBE_CONFIGS")),
        ),
        "operator": (Grant("topic", actions, ("WRITE", "DESCRIBE_CONFIGS")),),
        "publisher": _topics(inputs, "WRITE"),
        "doctor": (
            *_topics((*inputs, rows, state), "READ", "DESCRIBE_CONFIGS"),
            *_topics((incidents, rejected, actions), "DESCRIBE", "DESCRIBE_CONFIGS"),
            Grant("group", app, ("DESCRIBE",)),
            Grant("group", warehouse, ("DESCRIBE",)),
            Grant("cluster", CLUSTER, ("DESCRIBE",)),
        ),
        "replay": (
            *_topics(inputs, "READ", "DESCRIBE_CONFIGS"),
            Grant("topic", f"{settings.topic_prefix}replay-", ("CREATE", "READ", "WRITE", "DESCRIBE_CONFIGS"), True),
            Grant("topic", beside, ("CREATE", "READ", "WRITE", "DELETE", "DESCRIBE_CONFIGS"), True),
            Grant("group", beside, ("READ",), True),
            Grant("transactional id", beside, ("WRITE",), True),
        ),
        "erase": (
            Grant("topic", contacts, ("WRITE", "DESCRIBE_CONFIGS")),
            *_topics(tuple(name for name in everything if name != contacts), "DESCRIBE", "DESCRIBE_CONFIGS"),
        ),
    }


def _topics(names: tuple[str, ...], *operations: str) -> tuple[Grant, ...]:
    return tuple(Grant("topic", name, operations) for name in names)


def topics_of(settings: Settings, principal: Principal) -> frozenset[str]:
    """The topics that an account uses, by name."""
    return frozenset(one.name for one in grants(settings)[principal] if one.resource == "topic" and not one.prefixed)


def table(settings: Settings) -> list[str]:
    """The lines of the table in Markdown."""
    lines = ["| account | resource | name | operations |", "|---|---|---|---|"]
    for principal, allowed in grants(settings).items():
        grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for one in allowed:
            name = f"`{one.name}`" + (" and what begins so" if one.prefixed else "")
            grouped.setdefault((one.resource, one.operations), []).append(name)
        lines += [
            f"| {principal} | {resource} | {', '.join(names)} | {', '.join(operations)} |"
            for (resource, operations), names in grouped.items()
        ]
    return lines


def require_access(settings: Settings, principal: Principal) -> None:
    """Raise AccessError for the first of its grants that this account lacks, as far as Kafka tells before it is used.

    That topics are missing is not its business.
    """
    mine, names = grants(settings)[principal], topics_of(settings, principal)
    with administrator(settings) as admin:
        topics = described(admin, [one for one in plan(settings) if one.name in names])
        lacking = [*_lacking_topics(mine, topics), *_lacking_others(admin, mine)]
    if lacking:
        more = f" ({len(lacking) - 1} more)" if len(lacking) > 1 else ""
        raise AccessError(
            f"Kafka does not allow {account(settings)} what the {principal} needs: {lacking[0]}{more}; {SEE_ACLS}"
        )


def _lacking_topics(mine: tuple[Grant, ...], topics: Mapping[str, Existing]) -> Iterator[Grant]:
    for grant in mine:
        shape = topics.get(grant.name) if grant.resource == "topic" else None
        if shape is not None and (lacking := _without(grant, shape.operations)):
            yield grant._replace(operations=lacking)


def _without(grant: Grant, allowed: frozenset[str] | None) -> tuple[str, ...]:
    return () if allowed is None else tuple(one for one in grant.operations if one not in allowed)


def _lacking_others(admin: KafkaAdminClient, mine: tuple[Grant, ...]) -> Iterator[Grant]:
    """A group, or a transactional id, that is not there yet has no operations to tell; that it may be seen is told."""
    for grant in mine:
        try:
            if grant.resource == "group":
                found = admin.describe_groups([grant.name])[grant.name]
                if "Authorization" in (found["error"] or ""):
                    yield grant
                elif lacking := _without(grant, frozenset(found.get("authorized_operations") or grant.operations)):
                    yield grant._replace(operations=lacking)
            elif grant.resource == "transactional id":
                admin.describe_transactions([f"{grant.name}0"])
        except AuthorizationError:
            yield grant
        except KafkaError:
            pass  # there is no such group yet, or no coordinator: nothing is denied
