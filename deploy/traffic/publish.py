"""Sends messages to Kafka with their own timestamps, as fast as it takes them or at the pace of their time."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Self, cast

import stamina
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError

from deploy.traffic.messages import Message, rfc3339, shifted
from schemas.errors import OidorError

_PROGRESS_EVERY: Final = 1000
_TOPIC_WAIT: Final = 5.0  # seconds that a topic just created may take to be known everywhere
_STALL: Final = 60.0  # seconds: a broker that was killed is back in a quarter of that
_STOP_WAIT: Final = 5.0


class PublishError(OidorError):
    """Messages that did not arrive. The message is one line: what is wrong, and what to do."""


def publish(
    messages: Iterable[Message],
    kafka: str | Mapping[str, Any],
    *,
    prefix: str = "",
    speed: float | None = None,
    rate: float | None = None,
    shift_ms: int = 0,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Send messages and wait until all are stored; returns how many. Raises PublishError.

    `kafka`: its bootstrap servers, or all arguments of a client, where one logs in.
    `speed` replays time so many times faster than it went, None as fast as possible; `rate` caps messages a second.
    `shift_ms` moves every moment, milliseconds. `prefix` goes before topic names. `progress` is told the count so far.
    The same key goes to the same partition number of every topic: by murmur2, Kafka's own default, unless the arguments
    of the client say otherwise.
    """
    return asyncio.run(
        publish_async(messages, kafka, prefix=prefix, speed=speed, rate=rate, shift_ms=shift_ms, progress=progress)
    )


async def publish_async(
    messages: Iterable[Message],
    kafka: str | Mapping[str, Any],
    *,
    prefix: str = "",
    speed: float | None = None,
    rate: float | None = None,
    shift_ms: int = 0,
    progress: Callable[[int], None] | None = None,
) -> int:
    """`publish`, for a loop that is running already."""
    for name, value in (("speed", speed), ("rate", rate)):
        if value is not None and not value > 0:
            raise PublishError(f"{name} is {value}: it must be more than 0")
    async with _Sending({"bootstrap_servers": kafka} if isinstance(kafka, str) else kafka) as sending:
        pumping = asyncio.create_task(
            _pump(shifted(messages, shift_ms) if shift_ms else messages, sending, prefix, _Pace(speed, rate), progress)
        )
        try:
            while not (await asyncio.wait({pumping}, timeout=1))[0]:
                sending.check_stall()
        finally:
            pumping.cancel()
        return await pumping


async def _pump(
    messages: Iterable[Message], sending: "_Sending", prefix: str, pace: "_Pace", progress: Callable[[int], None] | None
) -> int:
    for message in messages:
        await pace.wait(message.timestamp_ms)
        await sending.send(prefix + message.topic, message)
        if progress is not None and sending.count % _PROGRESS_EVERY == 0:
            progress(sending.count)
    await sending.finish()
    if progress is not None:
        progress(sending.count)
    return sending.count


@dataclass(slots=True)
class _Pace:
    """When the next message may go."""

    speed: float | None
    rate: float | None
    _began: float = field(default_factory=time.monotonic)
    _first_ms: int | None = None
    _sent: int = 0

    async def wait(self, timestamp_ms: int) -> None:
        due = 0.0
        if self.speed is not None:
            self._first_ms = timestamp_ms if self._first_ms is None else self._first_ms
            due = (timestamp_ms - self._first_ms) / 1000 / self.speed
        if self.rate is not None:
            due = max(due, self._sent / self.rate)
        self._sent += 1
        ahead = due - (time.monotonic() - self._began)
        if ahead > 0.001:
            await asyncio.sleep(ahead)


class _Sending:
    """A producer for the length of a block; the first message that Kafka refuses ends it with a PublishError."""

    def __init__(self, client: Mapping[str, Any]) -> None:
        self.count = 0
        self._stored = 0
        self._moved_at = time.monotonic()
        servers = client["bootstrap_servers"]
        self._client, self._brokers = client, servers if isinstance(servers, str) else ",".join(servers)
        self._known: set[str] = set()
        self._refused: tuple[str, Message, BaseException] | None = None

    async def __aenter__(self) -> Self:
        # Made here: it belongs to the running loop.
        self._producer = AIOKafkaProducer(
            **self._client,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            linger_ms=20,
            max_batch_size=131_072,
            # After half of it nothing was stored for so long that `check_stall` ends it; until then leaders may move.
            request_timeout_ms=round(2 * _STALL * 1000),
        )
        try:
            await self._producer.start()
        except (KafkaError, OSError, ValueError) as error:
            await self._producer.stop()
            raise PublishError(f"no Kafka at {self._brokers}: start it, or set OIDOR_BROKERS ({error})") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        # Stopping waits for what is still on its way, which after a failure may never arrive.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._producer.stop(), _STOP_WAIT)

    async def send(self, topic: str, message: Message) -> None:
        """Hand one message over; it waits while Kafka is behind."""
        try:
            if topic not in self._known:
                await self._look_up(topic)
            stored = await self._producer.send(
                topic, message.value, message.key.encode(), timestamp_ms=message.timestamp_ms
            )
        except KafkaError as error:
            raise self._error(topic, message, error) from error
        stored.add_done_callback(partial(self._done, topic, message))
        if self.count == self._stored:
            self._moved_at = time.monotonic()  # nothing was on its way: only now is there something to wait for
        self.count += 1
        self._check()

    async def finish(self) -> None:
        """Until everything handed over is stored."""
        await self._producer.flush()
        await asyncio.sleep(0)  # the last futures tell their outcome in the next turn of the loop
        self._check()

    def check_stall(self) -> None:
        """Raise PublishError when what is on its way does not arrive: the producer itself would try for ever."""
        if self.count > self._stored and time.monotonic() - self._moved_at > _STALL:
            missing = self.count - self._stored
            raise PublishError(
                f"Kafka at {self._brokers} has stored nothing for {_STALL:.0f} s, {missing} messages wait: is it up?"
            )

    async def _look_up(self, topic: str) -> None:
        topics = await self._topics()
        deadline = time.monotonic() + _TOPIC_WAIT
        while topic not in topics:
            if time.monotonic() > deadline:
                raise PublishError(f"no topic {topic} at {self._brokers}: run `oidor topics create`")
            await asyncio.sleep(0.2)
            topics = await self._topics()
        self._known.add(topic)

    @stamina.retry(on=KafkaError, attempts=None, timeout=_STALL, wait_max=1.0)
    async def _topics(self) -> Collection[str]:
        """What topics there are, from a broker that took the connection but may be too busy to answer yet."""
        return cast("Collection[str]", (await self._producer.client.fetch_all_metadata()).topics())

    def _done(self, topic: str, message: Message, stored: asyncio.Future[Any]) -> None:
        error = None if stored.cancelled() else stored.exception()
        self._stored += 1
        self._moved_at = time.monotonic()
        if error is not None and self._refused is None:
            self._refused = topic, message, error

    def _check(self) -> None:
        if self._refused is not None:
            raise self._error(*self._refused) from self._refused[2]

    def _error(self, topic: str, message: Message, error: BaseException) -> PublishError:
        if isinstance(error, InvalidTimestampError):
            when = rfc3339(message.timestamp_ms)
            return PublishError(f"{topic}: Kafka refused the timestamp {when}, it lies in its future: begin earlier")
        return PublishError(f"{topic}: stopped after about {self.count} messages, Kafka says: {error!r}")
