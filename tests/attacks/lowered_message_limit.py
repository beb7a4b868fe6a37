"""`max.message.bytes` of a topic of ours is lowered for a while: valid events must wait, none may be rejected.

`python -m tests.attacks.lowered_message_limit rows|state`
"""

import os
import time
from typing import Final

from tests.attacks.installation import end, ready, say, target

LIMIT: Final = "3000"
USUAL: Final = "1048588"


def main(which: str) -> bool:
    with target() as attacked:
        worker = attacked.start("worker")
        attacked.start("warehouse")
        attacked.open_cases("A", 10)
        attacked.wait_until_read(10)
        names = {"rows": f"{attacked.settings.topic_prefix}feedback-rows", "state": f"{attacked.settings.app_id}-state"}
        attacked.configure(names[which], max_message_bytes=LIMIT)
        time.sleep(2)
        attacked.open_cases("B", 20, text="corto")
        attacked.open_cases("L", 20, text=os.urandom(3000).hex())
        for _ in range(6):
            time.sleep(8)
            say("ready", ready(worker)[0], ready(worker)[1].get("problems"), "alive", worker.alive, worker.exit_code)
        attacked.configure(names[which], max_message_bytes=USUAL)
        time.sleep(3)
        if not worker.alive:
            worker = attacked.start("worker")
        time.sleep(20)
        counts = attacked.ask("SELECT sum(records_read), sum(accepted), sum(rejected) FROM v_reconciliation")
        say("mended: read, accepted, rejected", counts)
        say(attacked.ask("SELECT reason, count() FROM rejected_events GROUP BY reason"), "ready", ready(worker)[0])
        return counts == [(50, 50, 0)]


if __name__ == "__main__":
    end(main, "rows", "state")
