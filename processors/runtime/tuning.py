"""What Python, the event loop and aiokafka are taught before a process starts."""

import asyncio
import gc
import sys
from collections.abc import Mapping
from functools import wraps
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

SWITCH_SECONDS: Final = 0.0005
"""After which a thread that computes lets another: at Python's 5 ms the consumer's thread waits for a step at each of
the many times that it needs the interpreter for one fetch.
"""


def tuned_event_loop() -> asyncio.AbstractEventLoop:
    """Tunes this process, and makes the event loop that it runs on."""
    tune_gc()
    sys.setswitchinterval(SWITCH_SECONDS)
    _prefer_uvloop()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def tune_gc() -> None:
    """Tunes the garbage collector to states that grow, live long and hold no cycles.

    At its defaults it looks through young objects a hundred times a second, which takes a seventh of the CPU, and now
    and then through all that is not that young, which holds everything up for as long as half a second.
    """
    gc.freeze()
    gc.set_threshold(40_000)
    gc.callbacks.append(_freeze_survivors)


def _freeze_survivors(phase: str, info: Mapping[str, int]) -> None:
    """What a collection found in use is state: never looked through again, it goes once nothing refers to it."""
    if phase == "stop":
        gc.freeze()


def _prefer_uvloop() -> None:
    """uvloop where there is one, for the consumer's thread too: it carries a fifth more events."""
    try:
        import uvloop
    except ImportError:
        return
    uvloop.install()
    survive_closed_connections()


def survive_closed_connections() -> None:
    """Lets aiokafka take a write to a connection that was just reset for the lost connection that it is.

    uvloop raises a RuntimeError there, asyncio nothing; aiokafka expects an OSError. Else the routine that happens to
    write, of a producer or of the group's coordination, ends for ever in a process that looks alive.
    """
    send = AIOKafkaConnection.send

    @wraps(send)
    def sending(connection: AIOKafkaConnection, *args: Any, **kwargs: Any) -> Any:
        try:
            return send(connection, *args, **kwargs)
        except RuntimeError as error:
            connection.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"connection to {connection.host}:{connection.port} lost: {error}") from error

    if not hasattr(send, "__wrapped__"):
        AIOKafkaConnection.send = sending
