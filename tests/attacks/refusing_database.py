"""The database refuses every row of a table, by a constraint or by a column whose type a wrong migration changed.

It is the table and not the data: rows must wait, and come once it is mended.
`python -m tests.attacks.refusing_database constraint|type`
"""

import time
from typing import Final, NamedTuple

from tests.attacks.installation import end, ready, say, target

EVENTS: Final = 400
PATIENCE_SECONDS: Final = 120


class Damage(NamedTuple):
    statement: str
    mending: str
    stored: str


DAMAGES: Final = {
    "constraint": Damage(
        "ALTER TABLE feedback_events ADD CONSTRAINT nope CHECK length(source) > 100",
        "ALTER TABLE feedback_events DROP CONSTRAINT nope",
        "SELECT count() FROM v_events WHERE entity_id LIKE 'B%'",
    ),
    "type": Damage(
        "ALTER TABLE cases MODIFY COLUMN product UInt32",
        "ALTER TABLE cases MODIFY COLUMN product String",
        "SELECT count() FROM v_cases WHERE entity_id LIKE 'B%'",
    ),
}


def main(mode: str) -> bool:
    damage = DAMAGES[mode]
    with target() as attacked:
        attacked.start("worker")
        warehouse = attacked.start("warehouse")
        attacked.open_cases("A", 20)
        attacked.wait_until_read(20)
        say(damage.statement, attacked.ask(damage.statement))  # it fails for rows that are there, and holds for others
        attacked.open_cases("B", EVENTS, product="fibra")
        time.sleep(55)
        refused = attacked.installation.metric("feedback_sink_refused_rows_total")
        say("stored", attacked.ask(damage.stored), "refused", refused, "warehouse", ready(warehouse))
        say(damage.mending, attacked.ask(damage.mending))
        began, stored = time.monotonic(), 0
        while time.monotonic() - began < PATIENCE_SECONDS and stored < EVENTS:
            time.sleep(5)
            stored = attacked.number(damage.stored)
        refused = attacked.installation.metric("feedback_sink_refused_rows_total")
        say("mended; of", EVENTS, "stored", stored, "refused", refused, "warehouse", ready(warehouse)[0])
        return stored == EVENTS


if __name__ == "__main__":
    end(main, *DAMAGES)
