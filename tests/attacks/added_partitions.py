"""Partitions are added to the inputs under a running worker: what hashes to new ones must be read, or missed aloud.

`python -m tests.attacks.added_partitions`
"""

import time
from typing import Final

from kafka.admin import NewPartitions

from schemas.topics import INPUTS
from tests.attacks.installation import end, ready, resolved, say, target

CASES: Final = 40
SECONDS: Final = 75
READ: Final = "SELECT partition, sum(records_read) FROM v_reconciliation GROUP BY ALL ORDER BY ALL"


def main() -> bool:
    with target() as attacked:
        worker = attacked.start("worker")
        attacked.start("warehouse")
        attacked.open_cases("A", CASES)
        attacked.wait_until_read(CASES)
        prefix = attacked.settings.input_prefix
        attacked.admin().create_partitions({prefix + topic: NewPartitions(4) for topic in INPUTS})
        time.sleep(5)
        attacked.reconnect()
        for number in range(CASES):
            attacked.send(resolved(f"A{number}", f"c{number}"))
        attacked.flush()
        say("ends", attacked.ends(f"{prefix}contact-events", 4))
        began = time.monotonic()
        noticed = False
        while time.monotonic() - began < SECONDS and not noticed:
            time.sleep(15)
            status, page = ready(worker)
            noticed = status != 200
            say("ready", status, page.get("problems"), "alive", worker.alive)
            say("read", attacked.ask(READ))
        return noticed or attacked.installation.read() == 2 * CASES


if __name__ == "__main__":
    end(main)
