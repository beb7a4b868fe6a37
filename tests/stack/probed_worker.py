"""The real worker, and beside it a task that measures for how long others keep the event loop.

The environment's `PAUSES` is a file; there is a line in it for each pause, in seconds, as far as the last second.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, Final

from deploy.cli.settings import load_settings
from processors import worker

_EVERY: Final = 0.005
WRITTEN_EVERY: Final = 1.0


async def probe(to: Path) -> None:
    loop = asyncio.get_running_loop()
    pauses: list[float] = []
    written = loop.time()
    while True:
        began = loop.time()
        await asyncio.sleep(_EVERY)
        ended = loop.time()
        pauses.append(max(0.0, ended - began - _EVERY))
        if ended - written >= WRITTEN_EVERY:
            with to.open("a") as file:
                file.writelines(f"{pause:.4f}\n" for pause in pauses)
            pauses, written = [], loop.time()


class ProbedWorker(worker.Worker):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.background = (*self.background, lambda: probe(Path(os.environ["PAUSES"])))


def main() -> int:
    vars(worker)["Worker"] = ProbedWorker
    return worker.run(load_settings())


if __name__ == "__main__":
    sys.exit(main())
