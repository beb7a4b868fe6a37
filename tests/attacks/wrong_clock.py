"""The wall clock of a worker is a day off for eight seconds, then right again.

What is opened afterwards must not be breached, and nobody may be paged.
`python -m tests.attacks.wrong_clock ahead|back`
"""

import os
import time
from pathlib import Path
from typing import Final

from tests.attacks.installation import ahead, end, event, now, ready, say, target

OFF: Final = {"ahead": 86_400, "back": -86_400}
CALLS: Final = 6
CLOCKS: Final = """\
SELECT substring(entity_id, 1, 1) AS letter, metric, state, count() FROM v_sla GROUP BY ALL ORDER BY ALL"""
CHECKOUT: Final = Path(__file__).parents[2]


def main(mode: str) -> bool:
    with target() as attacked:
        clock = attacked.home / "clock"
        clock.write_text("0")
        env = {"CLOCK_FILE": str(clock), "PYTHONPATH": str(CHECKOUT)}
        worker = attacked.start("worker", module="tests.attacks.clock_worker", env=os.environ | env)
        attacked.start("warehouse")
        attacked.open_cases("O", CALLS)
        time.sleep(5)
        clock.write_text(str(OFF[mode]))
        time.sleep(8)
        say("clock", mode, "watermark ahead, ms", ahead(worker), "ready", ready(worker)[0])
        clock.write_text("0")
        time.sleep(5)
        say("clock right again; watermark ahead, ms", ahead(worker), "ready", ready(worker)[0])
        attacked.open_cases("N", CALLS)
        for number in range(CALLS):
            attacked.send(event("contact.queued", f"K{number}", f"c{number}", channel="phone", queue="q"))
            answer = {"channel": "phone", "actor": {"kind": "human"}}
            attacked.send(event("contact.answered", f"K{number}", f"c{number}", at=now() + 2_000, **answer))
        attacked.flush()
        time.sleep(6)
        worker.terminate(10)
        worker = attacked.start("worker")
        attacked.open_cases("R", CALLS)
        time.sleep(6)
        say("clocks by the first letter of their case (N and K after it was right, R after a restart)")
        say(attacked.ask(CLOCKS), "watermark ahead, ms", ahead(worker))
        pages = [page for page in attacked.pages() if page[0] != "P08"]  # three contacts of a customer are repeated
        say("pages", len(pages), "pattern, case, opened in so many ms", pages[:8])
        wrong = attacked.number("SELECT countIf(state = 'breached_open' AND entity_id NOT LIKE 'K%') FROM v_sla")
        return not wrong and not pages


if __name__ == "__main__":
    end(main, "ahead", "back")
