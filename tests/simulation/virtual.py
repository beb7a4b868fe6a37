"""Virtual time, and processes in it that can be killed and stopped between any two steps of theirs."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from heapq import heappop
from typing import Any

from tests.processors.durability.fake_log import JumpingLoop

_RUNNING: ContextVar["Process | None"] = ContextVar("process", default=None)


@dataclass(eq=False)
class Process:
    """Tasks that live and die together. Tasks started by its tasks belong to it as well."""

    name: str
    dead: bool = False
    stopped: bool = False
    fuse: int | None = None
    """Steps of its tasks until it is killed; None: it lives on."""
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    held: list[asyncio.Handle] = field(default_factory=list)
    """What is ready to run while it is stopped."""

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        context = copy_context()
        context.run(_RUNNING.set, self)
        return asyncio.get_running_loop().create_task(work, name=f"{self.name}/{name}", context=context)

    def stop(self) -> None:
        """SIGSTOP: nothing of it runs, its timers go on."""
        self.stopped = True

    def go_on(self) -> None:
        """SIGCONT; it does not wake the dead."""
        if not self.dead:
            self._run_what_waits()

    def _run_what_waits(self) -> None:
        self.stopped = False
        held, self.held = self.held, []
        loop: Any = asyncio.get_running_loop()
        loop._ready.extend(held)

    def kill(self) -> None:
        """SIGKILL: like SIGSTOP, for ever. No `finally`, no last words."""
        self.dead = self.stopped = True
        self.fuse = None


def here() -> Process | None:
    """The process that is running."""
    return _RUNNING.get()


class SimulatedLoop(JumpingLoop):
    """Runs nothing of processes that are stopped; its clock jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[str] = []
        self.set_task_factory(_belonging)
        self.set_exception_handler(self._complain)

    def _complain(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")

    def _run_once(self) -> None:
        loop: Any = self
        ready, timers = loop._ready, loop._scheduled
        if not ready:
            while timers and timers[0]._cancelled:
                heappop(timers)
            if not timers:
                raise RuntimeError("everything waits, and nothing will ever come")
            self._moment = max(self._moment, math.nextafter(timers[0].when(), math.inf))
        while timers and timers[0].when() < self._moment:
            timer = heappop(timers)
            timer._scheduled = False
            if not timer._cancelled:
                ready.append(timer)
        for _ in range(len(ready)):
            _run(ready.popleft())


def _run(handle: Any) -> None:
    if handle._cancelled:
        return
    process = handle._context.get(_RUNNING)
    if process is not None:
        if process.fuse is not None:
            process.fuse -= 1
            if process.fuse < 0:
                process.kill()
        if process.stopped:
            process.held.append(handle)
            return
    handle._run()


def _belonging(loop: asyncio.AbstractEventLoop, work: Any, **said: Any) -> "asyncio.Task[Any]":
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **said)
    process = (said.get("context") or copy_context()).get(_RUNNING)
    if process is not None:
        process.tasks.append(task)
    return task


def play(scene: Callable[[], Coroutine[Any, Any, None]], processes: list[Process]) -> list[str]:
    """Run a scene to its end, then end its processes; returns what the loop complained of."""
    loop = SimulatedLoop()
    try:
        loop.run_until_complete(_and_end(scene, processes))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return loop.complaints


async def _and_end(scene: Callable[[], Coroutine[Any, Any, None]], processes: list[Process]) -> None:
    try:
        await scene()
    finally:
        for process in processes:
            process.fuse = None
            process._run_what_waits()
        for _ in range(50):  # what is cancelled may start something to clear up behind it
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=10)
