"""`feedback-rows` is made again under the warehouse, holds rows of a newer worker, or is read again after an erasure.

`python -m tests.attacks.rows_topic recreated|newer|reread`
"""

import time
from collections.abc import Callable
from typing import Final

import msgspec
from kafka import KafkaConsumer, KafkaProducer

from deploy.cli.topics import create
from schemas.outputs import RowBatch, decode_row_batch, decode_rows, encode_row_batch
from tests.attacks.installation import Target, end, opened, ready, say, target
from tests.stack.running import command

REPEATED: Final = 150
DOWN_SECONDS: Final = 85
"""More than the minute after which this broker forgets the offsets of an empty group; others take a week."""


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


def newer(attacked: Target) -> bool:
    """A column that the warehouse does not know must wait for its release, not be rejected."""
    rows, rejected = (f"{attacked.settings.topic_prefix}feedback-{name}" for name in ("rows", "rejected"))
    attacked.start("worker")
    warehouse = attacked.start("warehouse")
    attacked.open_cases("A", 20)
    attacked.wait_until_read(20)
    time.sleep(3)
    brokers = attacked.settings.brokers

    def read(topic: str) -> list[bytes]:
        how = {"auto_offset_reset": "earliest", "consumer_timeout_ms": 4_000, "isolation_level": "read_committed"}
        return [record.value for record in KafkaConsumer(topic, bootstrap_servers=brokers, **how)]

    known = next(batch for batch in map(decode_row_batch, read(rows)) if batch.table == "feedback_events")
    wider = [[*row, "new"] for row in decode_rows(known)] * REPEATED
    body = msgspec.Raw(msgspec.msgpack.encode(wider))
    columns = (*known.columns, "sentiment")
    later = RowBatch(known.table, columns, known.version + 1_000, known.recorded_at, known.partition, body)
    producer = KafkaProducer(bootstrap_servers=brokers, max_request_size=1 << 21)
    producer.send(rows, encode_row_batch(later), partition=0)
    producer.flush()
    time.sleep(6)
    say("rejected", attacked.ask("SELECT reason, field, expected, got, bytes FROM rejected_events"))
    kept = read(rejected)
    say("on feedback-rejected, bytes", list(map(len, kept)), "warehouse", ready(warehouse)[0])
    return not kept


def reread(attacked: Target) -> bool:
    """A customer who was erased must stay erased when the warehouse reads its topic from the beginning again."""
    attacked.start("worker")
    warehouse = attacked.start("warehouse")
    for number in range(20):
        attacked.send(opened(f"A{number}", f"c{number % 4}", text="vivo en la calle Mayor 12"))
    attacked.flush()
    attacked.wait_until_read(20)
    done = command(attacked.settings, "erase", "c1", "--source", "crm")
    say("erase", done.returncode, done.stdout[-300:], done.stderr[-300:])
    named = (
        "SELECT (SELECT count() FROM feedback_events WHERE customer_id = 'c1'), "
        "(SELECT count() FROM cases WHERE customer_id = 'c1')"
    )
    say("events and cases that name c1", attacked.ask(named))
    warehouse.terminate(10)
    time.sleep(DOWN_SECONDS)
    attacked.start("warehouse")
    time.sleep(8)
    found = attacked.ask(named)
    say("after the warehouse came back", found)
    return found == [(0, 0)]


MODES: Final[dict[str, Callable[[Target], bool]]] = {"recreated": recreated, "newer": newer, "reread": reread}


def main(mode: str) -> bool:
    with target() as attacked:
        return MODES[mode](attacked)


if __name__ == "__main__":
    end(main, *MODES)
