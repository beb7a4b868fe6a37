"""Two installations with prefixes and databases of their own, and one application id between them.

Neither may skip a record in silence: the second must refuse, or both must read what is theirs.
`python -m tests.attacks.shared_app_id busy|idle`
"""

import time
from typing import Final

from tests.attacks.installation import Target, end, opened, ready, say, servers, settings_on

SECONDS: Final = 30


def letters(installation: Target) -> dict[str, int]:
    """How many cases are known, by the first letter of their name."""
    first = "substring(entity_id, 1, 1) AS letter"
    return dict(installation.ask(f"SELECT {first}, uniqExact(entity_id) FROM v_events GROUP BY letter"))


def publish_meanwhile(production: Target, staging: Target) -> int:
    """Publish to both for a while; how many to production."""
    began, sent = time.monotonic(), 0
    while time.monotonic() - began < SECONDS:
        for _ in range(5):
            production.send(opened(f"L{sent}", f"c{sent}"))
            staging.send(opened(f"T{sent}", f"c{sent}"))
            sent += 1
        production.flush()
        time.sleep(0.5)
    return sent


def main(mode: str) -> bool:
    with servers() as (stack, home):
        production = Target(settings_on(stack, "shared"), home / "production")
        names = {"input_prefix": "staging-", "topic_prefix": "staging-", "clickhouse_database": "staging"}
        staging = Target(settings_on(stack, "shared", **names), home / "staging")
        try:
            worker = production.start("worker")
            production.start("warehouse")
            production.open_cases("A", 60)
            production.wait_until_read(60)
            staging.open_cases("S", 300)
            second = staging.installation.launch("worker")
            staging.installation.launch("warehouse")
            if mode == "busy":
                sent = publish_meanwhile(production, staging)
            else:
                time.sleep(SECONDS)
                sent = 30
                production.open_cases("L", sent)
            say("production", worker.alive, ready(worker)[0], "staging", second.alive, ready(second)[0], second.tail(2))
            staging_read = letters(staging)
            second.terminate(10)
            time.sleep(20)
            found = letters(production)
            say("production knows", found, "of its own A 60, L", sent, "; staging knew", staging_read)
            silent = ready(worker)[0] == 200
            return (found.get("A"), found.get("L")) == (60, sent) or not silent
        finally:
            production.installation.stop()
            staging.installation.stop()


if __name__ == "__main__":
    end(main, "busy", "idle")
