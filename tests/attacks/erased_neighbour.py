"""Customer `a` is erased; the open incident of customer `a|b`, whose subject begins alike, must stay as it is.

`python -m tests.attacks.erased_neighbour`
"""

import time

from tests.attacks.installation import end, opened, say, target
from tests.stack.running import command


def main() -> bool:
    with target() as attacked:
        attacked.start("worker")
        attacked.start("warehouse")
        for number in range(3):
            attacked.send(opened(f"A{number}", "a|b"))
        attacked.send(opened("B", "a"))
        attacked.flush()
        attacked.wait_until_read(4)
        time.sleep(5)
        incidents = "SELECT pattern, customer_id, subject, state FROM v_incidents WHERE pattern = 'P08' ORDER BY ALL"
        before = attacked.ask(incidents)
        say("before", before)
        done = command(attacked.settings, "erase", "a", "--source", "crm")
        say("erase a", done.returncode, done.stdout, done.stderr)
        after = attacked.ask(incidents)
        say("after", after)
        return len(before) == 1 and before == after


if __name__ == "__main__":
    end(main)
