"""Thirty records of 256 KB of wrong JSON on one partition: the worker must get past them and serve the other.

`python -m tests.attacks.poison_records aliases|attributes`
"""

import time
from typing import Any, Final

from tests.attacks.installation import end, opened, say, target

RECORDS: Final = 30
SECONDS: Final = 150
BYTES: Final = 256 * 1024 - 600
POISON: Final[dict[str, dict[str, Any]]] = {
    "aliases": {"customer": {"id": "c1", "aliases": [1] * (BYTES // 3)}},
    "attributes": {"attributes": {"a": "612345678 " * (BYTES // 10)}},
}


def main(kind: str) -> bool:
    with target() as attacked:
        attacked.start("warehouse")
        worker = attacked.start("worker")
        attacked.send(opened("before"), partition=0)
        attacked.flush()
        time.sleep(2)
        for number in range(RECORDS):
            attacked.send(opened(f"Q{number}") | POISON[kind], key=b"c1", partition=0)
        attacked.send(opened("after"), partition=0)
        attacked.send(opened("other", "c2"), partition=1)
        attacked.flush()
        began, starts = time.monotonic(), 1
        through: set[str] = set()
        while time.monotonic() - began < SECONDS and through != {"after", "other"}:
            time.sleep(2)
            if not worker.alive:
                say(f"{time.monotonic() - began:.0f} s: the worker ended with", worker.exit_code, worker.tail(1))
                worker = attacked.installation.launch("worker")
                starts += 1
            cases = attacked.ask("SELECT entity_id FROM v_cases WHERE entity_id IN ('after', 'other')")
            through = {name for name, *_ in cases}
        say(f"{time.monotonic() - began:.0f} s: through are", sorted(through), "starts", starts)
        return starts == 1 and through == {"after", "other"}


if __name__ == "__main__":
    end(main, "aliases", "attributes")
