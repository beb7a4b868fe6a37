"""A part of the state's log is lost, by a retention set by mistake or because the topic was made again.

Cases that are no longer known must not be taken for new ones in silence.
`python -m tests.attacks.lost_state retention|recreated`
"""

import time
from typing import Final

from kafka import KafkaConsumer, TopicPartition

from deploy.cli.topics import create
from tests.attacks.installation import PARTITIONS, Target, end, event, ready, resolved, say, target

CASES: Final = 40


def lose_by_retention(attacked: Target, topic: str) -> None:
    attacked.configure(topic, retention_ms="1000", segment_ms="1000", retention_bytes="-1")
    for number in range(20):
        attacked.send(event("contact.assigned", f"A{number % 3}", f"c{number % 3}", owner="ana"))
        attacked.flush()
        time.sleep(1)
    parts = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    begins = KafkaConsumer(bootstrap_servers=attacked.settings.brokers).beginning_offsets(parts)
    say("the state's log begins at", {part.partition: offset for part, offset in begins.items()})
    attacked.configure(topic, retention_ms="-1", retention_bytes="-1")
    time.sleep(1)


def lose_by_deletion(attacked: Target, topic: str) -> None:
    attacked.admin().delete_topics([topic])
    time.sleep(3)
    # Cases may be older than what the inputs keep: their openings are gone there, too.
    contacts = f"{attacked.settings.input_prefix}contact-events"
    attacked.admin().delete_records({TopicPartition(contacts, number): -1 for number in range(PARTITIONS)})
    say("created", create(attacked.settings))


def main(mode: str) -> bool:
    with target(checkpoint_interval=0.5, log_to_state=20) as attacked:
        worker = attacked.start("worker")
        attacked.start("warehouse")
        attacked.open_cases("A", CASES, priority="normal", channel="phone", org_unit="es/at/t1")
        attacked.wait_until_read(CASES)
        time.sleep(2)
        topic = f"{attacked.settings.app_id}-state"
        if mode == "retention":
            lose_by_retention(attacked, topic)
            worker.kill()
        else:
            worker.terminate(10)
            lose_by_deletion(attacked, topic)
        worker = attacked.installation.launch("worker")
        time.sleep(12)
        refused = not worker.alive or ready(worker)[0] != 200
        say("restarted: alive", worker.alive, worker.exit_code, "ready", ready(worker)[0], worker.tail(3))
        for number in range(CASES):
            attacked.send(resolved(f"A{number}", f"c{number}"))
        attacked.flush()
        time.sleep(10)
        kept = attacked.number("SELECT countIf(opened_at IS NOT NULL AND channel = 'phone') FROM v_cases")
        say("of", CASES, "cases keep what they were opened with", kept)
        say("clocks", attacked.ask("SELECT metric, state, count() FROM v_sla GROUP BY ALL ORDER BY ALL"))
        return refused or kept == CASES


if __name__ == "__main__":
    end(main, "retention", "recreated")
