"""`feedback-rows` is made again under the warehouse. `python -m tests.attacks.rows_topic`"""

import time

from deploy.cli.topics import create
from tests.attacks.installation import Target, end, ready, say, target


def recreated(attacked: Target) -> bool:
    """What is stored after the topic was made again must be all that is published then."""
    rows = f"{attacked.settings.topic_prefix}feedback-rows"
    worker, warehouse = attacked.start("worker"), attacked.start("warehouse")
    for round_ in range(20):
        attacked.open_cases(f"A{round_}x", 5)
        time.sleep(1.1)
    attacked.wait_until_read(100)
    attacked.admin().delete_topics([rows])
    time.sleep(4)
    say("created", create(attacked.settings))
    time.sleep(8)
    say("worker", worker.alive, ready(worker)[0], "warehouse", warehouse.alive, ready(warehouse))
    attacked.open_cases("B", 50)
    time.sleep(20)
    stored = attacked.number("SELECT count() FROM v_events WHERE entity_id LIKE 'B%'")
    say("of 50 events stored", stored, "warehouse", ready(warehouse))
    return stored == 50 or ready(warehouse)[0] != 200


def main() -> bool:
    with target() as attacked:
        return recreated(attacked)


if __name__ == "__main__":
    end(main)
