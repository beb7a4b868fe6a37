"""Whether the consumer group knows this process as a member: its coordinator is asked, not our own consumer.

A consumer whose coordination has died, or whose connection has, takes itself for a member long after it was thrown out.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code

from processors.runtime.security import KafkaClient
from processors.runtime.timeouts import wall_ms

ASK_EVERY_SECONDS: Final = 3.0
ASK_SECONDS: Final = 5.0


class Member(NamedTuple):
    """What the consumer takes itself for."""

    id: str
    """Empty before it has joined, and after the group said that it is none."""
    generation: int
    """-1 likewise."""


class Membership(NamedTuple):
    """What the group says of this member."""

    generation: int
    known: bool


class Coordinator(Protocol):
    """The broker that knows the members of a group."""

    async def members(self) -> frozenset[str]:
        """The ids of all members. Raises KafkaError, OSError or TimeoutError when nobody answers."""

    async def close(self) -> None:
        """Ends the connection; `members` makes another."""


class MembershipMonitor:
    """Asks the coordinator again and again. `membership` is None while nobody answers, which is no finding."""

    def __init__(self, coordinator: Coordinator, member: Callable[[], Member]) -> None:
        self.membership: Membership | None = None
        self.answered_at = 0
        """When the coordinator has answered last, ms of the wall clock; 0 before the first time."""
        self._coordinator, self._member = coordinator, member

    async def run(self) -> None:
        """Runs for ever."""
        try:
            while True:
                await asyncio.sleep(ASK_EVERY_SECONDS)
                self.membership = await self._ask()
        finally:
            await self._coordinator.close()

    async def _ask(self) -> Membership | None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                members = await self._coordinator.members()
        except (KafkaError, OSError):
            await self._coordinator.close()
            return None
        self.answered_at = wall_ms()
        member = self._member()
        return Membership(member.generation, known=member.id in members)


class KafkaCoordinator:
    """The coordinator of a group, over a connection of its own."""

    def __init__(self, client: KafkaClient, group: str) -> None:
        self._client, self._group = client, group
        self._admin: AIOKafkaAdminClient | None = None

    async def members(self) -> frozenset[str]:
        if self._admin is None:
            self._admin = AIOKafkaAdminClient(**self._client, request_timeout_ms=round(ASK_SECONDS * 1000))
            await self._admin.start()
        ((answer,),) = (answer.groups for answer in await self._admin.describe_consumer_groups([self._group]))
        code, _name, _state, _kind, _protocol, members, *_ = answer
        if code:
            raise for_code(code)(self._group)
        return frozenset(member for member, *_ in members)

    async def close(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()
