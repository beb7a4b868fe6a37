"""24 records whose Kafka timestamp lies ahead: 59 minutes, which a broker lets through, or 400 days, its limit lifted.

Honest events after them must make cases, be in time, and page nobody.
`python -m tests.attacks.future_records hour|free`
"""

import time
from typing import Final

from schemas.topics import INPUTS
from tests.attacks.installation import ahead, end, event, now, opened, ready, say, target

AHEAD_MS: Final = {"hour": 59 * 60_000, "free": 400 * 86_400_000}
EACH: Final = 8
KINDS: Final = (
    ("contact.opened", {"direction": "inbound", "channel": "email"}),
    ("complaint.opened", {"kind": "claim", "channel": "email"}),
    ("survey.invited", {"kind": "nps", "mode": "email"}),
)


def main(mode: str) -> bool:
    with target() as attacked:
        if mode == "free":
            for topic in INPUTS:
                name = attacked.settings.input_prefix + topic
                attacked.configure(name, retention_ms="604800000", message_timestamp_after_max_ms=str(2**63 - 1))
            time.sleep(1)
        worker = attacked.start("worker")
        attacked.start("warehouse")
        attacked.send(opened("ORDINARY"))
        attacked.flush()
        time.sleep(4)
        stamp = now() + AHEAD_MS[mode]
        happened = stamp if mode == "free" else now()
        sent = [
            attacked.send(event(kind, f"X{kind[:2]}{n}", f"x{n}", at=happened, **fields), at=stamp)
            for kind, fields in KINDS
            for n in range(EACH)
        ]
        attacked.flush()
        say("stored by the broker", sum(one.succeeded() for one in sent), "of", len(sent))
        time.sleep(6)
        say("watermark ahead, ms", ahead(worker), "ready", ready(worker)[0])
        attacked.open_cases("H", EACH)
        time.sleep(6)
        late = attacked.number("SELECT countIf(late > 0) FROM v_events WHERE entity_id LIKE 'H%'")
        cases = attacked.number("SELECT count() FROM v_cases WHERE entity_id LIKE 'H%'")
        breached = attacked.number("SELECT countIf(state = 'breached_open') FROM v_sla")
        pages = attacked.pages()
        say("honest events late", late, "of", EACH, "their cases", cases, "breached", breached, "pages", pages)
        say("rejected", attacked.ask("SELECT reason, count() FROM rejected_events GROUP BY reason"))
        worker.terminate(10)
        worker = attacked.start("worker")
        time.sleep(3)
        say("restarted; watermark ahead, ms", ahead(worker), "ready", ready(worker)[0])
        return (late, cases, breached, pages) == (0, EACH, 0, [])


if __name__ == "__main__":
    end(main, "hour", "free")
