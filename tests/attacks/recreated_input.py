"""An input topic is deleted and made again, while a worker runs or is stopped: what is published then must be read.

`python -m tests.attacks.recreated_input stopped|live`
"""

import time
from typing import Final

from deploy.cli.topics import create
from tests.attacks.installation import end, ready, say, target
from tests.stack.running import command

BEFORE: Final = 40
AFTER: Final = 230


def main(mode: str) -> bool:
    with target() as attacked:
        worker = attacked.start("worker")
        attacked.start("warehouse")
        attacked.open_cases("A", BEFORE)
        attacked.wait_until_read(BEFORE)
        if mode == "stopped":
            worker.terminate(10)
        attacked.admin().delete_topics([f"{attacked.settings.input_prefix}contact-events"])
        time.sleep(4)
        say("created", create(attacked.settings))
        time.sleep(3)
        if mode == "stopped":
            worker = attacked.installation.launch("worker")
            time.sleep(10)
        attacked.reconnect()
        attacked.open_cases("B", AFTER)
        time.sleep(25)
        cases = attacked.number("SELECT count() FROM v_cases WHERE entity_id LIKE 'B%'")
        say("of", AFTER, "new cases", cases, "worker", worker.alive, worker.exit_code, ready(worker))
        installation = attacked.installation
        for metric in ("feedback_input_deleted_total", "feedback_rereads_total", "feedback_consumer_lag_events"):
            say(metric, installation.metric(metric))
        doctor = command(attacked.settings, "doctor")
        say("doctor ends with", doctor.returncode, doctor.stdout[-1500:])
        return cases == AFTER or ((not worker.alive or ready(worker)[0] != 200) and doctor.returncode != 0)


if __name__ == "__main__":
    end(main, "stopped", "live")
