"""What the other processes say of now: each is asked once a second, and of each partition the newest word holds."""

import asyncio
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import aiohttp
import msgspec

from processors.runtime.timeouts import loop_time, wall_ms
from schemas.floor import BOARD_PAGE, PartitionFloor, ProcessFloor, decode

ANSWER_SECONDS: Final = 0.9
_NAMES_SECONDS: Final = 10.0


@dataclass(slots=True)
class Heard:
    """One process, by its address: what it said last, and whether it still does."""

    address: str
    floor: ProcessFloor | None = None
    heard_at: int = 0
    """Ms of the wall clock; 0: never."""
    trouble: str = ""
    """Why its last answer is none, in words."""


class KnownPartition(NamedTuple):
    """What is known of a partition, and as of when."""

    floor: PartitionFloor
    heard_at: int


@dataclass
class Floor:
    """What all processes said, put together. Pure."""

    heard: dict[str, Heard] = field(default_factory=dict)
    partitions: dict[int, KnownPartition] = field(default_factory=dict)

    def answer(self, address: str, floor: ProcessFloor, at: int) -> None:
        """Takes in what a process said at a moment, ms."""
        self.heard[address] = Heard(address, floor, at)
        for one in floor.partitions:
            known = self.partitions.get(one.partition)
            # While one moves, its former worker may still show it, further behind.
            if known is None or known.heard_at < at or known.floor.read_to_at <= one.read_to_at:
                self.partitions[one.partition] = KnownPartition(one, at)

    def silence(self, address: str, why: str) -> None:
        """Notes that a process did not answer."""
        self.heard.setdefault(address, Heard(address)).trouble = why

    def keep_only(self, addresses: Iterable[str]) -> None:
        """Forgets the processes of other addresses; what they said of partitions stays until others say it."""
        for gone in self.heard.keys() - set(addresses):
            del self.heard[gone]

    @property
    def partitions_expected(self) -> int:
        return max((one.floor.partitions_expected for one in self.heard.values() if one.floor), default=0)


class Processes:
    """Asks the processes of an installation."""

    def __init__(self, addresses: Sequence[str], token: str) -> None:
        self.floor = Floor()
        self._names = addresses
        self._headers: Mapping[str, str] = {"Authorization": f"Bearer {token}"} if token else {}
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._looked_up_at = float("-inf")
        self._session: aiohttp.ClientSession | None = None

    async def ask(self) -> None:
        """Asks all of them at once; returns within about `ANSWER_SECONDS`."""
        if loop_time() - self._looked_up_at > _NAMES_SECONDS:
            self._looked_up_at = loop_time()
            await asyncio.gather(*map(self._look_up, self._names))
        addresses = {address for name in self._names for address in self._addresses.get(name, (name,))}
        self.floor.keep_only(addresses)
        await asyncio.gather(*map(self._ask, sorted(addresses)))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _look_up(self, name: str) -> None:
        """A name that cannot be looked up just now keeps the addresses that it had."""
        host, _, port = name.rpartition(":")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError):
            return
        self._addresses[name] = tuple(sorted({_address(*sockaddr[:2]) for *_, sockaddr in found}))

    async def _ask(self, address: str) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers, timeout=aiohttp.ClientTimeout(ANSWER_SECONDS))
        try:
            async with self._session.get(f"http://{address}{BOARD_PAGE}") as page:
                if page.status != 200:
                    self.floor.silence(address, _refusal(page.status))
                    return
                said = decode(await page.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.floor.silence(address, f"does not answer ({error or type(error).__name__})")
        except msgspec.DecodeError as error:
            self.floor.silence(address, f"says what this release does not know ({error})")
        else:
            self.floor.answer(address, said, wall_ms())


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refusal(status: int) -> str:
    if status == 401:
        return "asks for another token: give the board its OIDOR_PAGES_TOKEN"
    return f"answers {status}: is it a worker or a warehouse of this release?"
