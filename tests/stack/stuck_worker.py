"""A counting worker that gets stuck once: argv names what, and a file that says that it has been.

`loop`: a step that never returns. `thread`: the consumer's thread never runs again. `member`: the coordination of the
consumer ends, as a defect of a library may end it: the group throws it out, and it does not hear of it.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from processors.runtime.seam import BatchConsumer
from processors.settings import Settings
from processors.worker import run
from tests.processors.durability.counting import counting

STUCK_SECONDS = 300


def main(what: str, mark: Path) -> int:
    settings = Settings()
    process = counting(settings.topic_prefix, settings.message_bytes)
    if not mark.exists():
        _get_stuck(what, mark)
    return run(settings, process)


def _get_stuck(what: str, mark: Path) -> None:
    original = BatchConsumer.progress
    asked = 0

    async def no_commit(*_: Any) -> bool:
        """To a group, a commit is as good as a heartbeat."""
        return False

    async def progress(self: BatchConsumer) -> dict[Any, Any]:
        nonlocal asked
        asked += 1
        if asked == 5:
            mark.touch()  # noqa: ASYNC240
            if what == "loop":
                time.sleep(STUCK_SECONDS)  # noqa: ASYNC251  the event loop is meant to stand still

            async def sleep() -> None:
                time.sleep(STUCK_SECONDS)  # noqa: ASYNC251  so is the thread's

            async def forget() -> None:
                coordinator = self._thread._ensure_consumer()._coordinator
                coordinator._coordination_task.cancel()
                coordinator._heartbeat_task.cancel()
                BatchConsumer.commit_durable = no_commit  # type: ignore[assignment,method-assign]

            gets_stuck = forget() if what == "member" else sleep()
            asyncio.run_coroutine_threadsafe(gets_stuck, self._thread.thread_loop)
        return dict(await original(self))

    BatchConsumer.progress = progress  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
