"""The texts of rules, each once, whoever works under them: through an outage, a changed pack and a rolling deploy."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from deploy.cli.settings import SHIPPED
from deploy.local.clickhouse.server import LocalClickHouse
from deploy.traffic.messages import Message
from deploy.traffic.scenarios import STEADY, journeys
from processors.settings import Settings
from schemas.policies.packs import read
from schemas.policies.texts import digest_of
from tests.stack.running import Installation, installed, until

pytestmark = pytest.mark.stack

SETTINGS = {"partitions": 2}
EVENTS: Final = 400
BEGAN: Final = datetime.now(UTC) - timedelta(days=20)
PACK: Final = (SHIPPED / "default.yaml").read_text(encoding="utf-8")
CHANGED: Final = PACK.replace("priority: [urgent]}, target: 4h", "priority: [urgent]}, target: 2h")
DIGESTS: Final = frozenset({digest_of(PACK), digest_of(CHANGED)})


def a_day_of_events(day: int) -> list[Message]:
    return list(journeys(STEADY, day, BEGAN + timedelta(days=day), limit=EVENTS, rate=EVENTS / 14_400))


def packs(home: Path, text: str) -> str:
    """A pack that is called as it was, and one that counts by a calendar with the holidays of a country."""
    path = home / f"{digest_of(text)}.yaml"
    path.write_text(text, encoding="utf-8")
    return f"{path},{SHIPPED / 'uk-fca-disp.yaml'}"


def first_seen(oidor: Installation) -> dict[tuple[str, str, str], datetime]:
    """What everybody reads, by kind, name and digest."""
    rows = oidor.ask("SELECT kind, name, digest, first_seen FROM v_policy_texts")
    found = {(kind, name, digest): at for kind, name, digest, at in rows}
    assert len(found) == len(rows), "a text that stands there twice"
    return found


def test_every_text_is_there_once_and_clocks_say_by_which_they_run(
    clickhouse: LocalClickHouse, settings: Settings, tmp_path: Path
) -> None:
    with installed(settings, tmp_path) as oidor:
        before = oidor.start("worker", policies=packs(tmp_path, PACK))
        oidor.start("warehouse")
        oidor.publish(a_day_of_events(0))
        oidor.settle(EVENTS)
        first = first_seen(oidor)
        assert sorted((kind, name) for kind, name, _ in first) == [
            ("calendar", "uk"), ("pack", "default"), ("pack", "uk-fca-disp"), ("patterns", "patterns"),
            ("settings", "settings"),
        ]  # fmt: skip

        clickhouse.pause()
        try:
            before.kill()
            oidor.start("worker", policies=packs(tmp_path, CHANGED))
            oidor.publish(a_day_of_events(1))
            oidor.start("worker", policies=packs(tmp_path, PACK))  # one of the two partitions comes to it
            oidor.publish(a_day_of_events(2))
        finally:
            clickhouse.resume()
        oidor.settle(3 * EVENTS)

        seen = first_seen(oidor)
        assert {digest for kind, name, digest in seen if (kind, name) == ("pack", "default")} == DIGESTS
        assert seen | first == seen, "what was seen first stays"
        assert min(seen[key] for key in seen.keys() - first.keys()) > max(first.values())
        for (text,) in oidor.ask("SELECT text FROM v_policy_texts WHERE kind = 'pack'"):
            assert read(text, "stored", {"uk"}).digest == digest_of(text)

        unknown = "(policy_digest NOT IN (SELECT digest FROM v_policy_texts WHERE kind = 'pack'))"
        by_calendar = "(SELECT digest FROM v_policy_texts WHERE kind = 'calendar')"
        assert oidor.ask(f"SELECT count() FROM v_sla WHERE {unknown}") == [(0,)]
        assert oidor.ask(f"SELECT count() FROM v_sla WHERE (calendar != '') != (calendar_digest IN {by_calendar})") == [
            (0,)
        ]
        used = {
            digest for (digest,) in oidor.ask("SELECT DISTINCT policy_digest FROM v_sla WHERE policy_id = 'default'")
        }
        assert used == DIGESTS

        assert_the_same_after_a_replay(settings, tmp_path, oidor)


def assert_the_same_after_a_replay(settings: Settings, home: Path, oidor: Installation) -> None:
    """All is read again under another application id, into the same database."""
    seen = first_seen(oidor)
    oidor.stop()
    again = settings.model_copy(update={"app_id": f"{settings.app_id}-again"})
    with installed(again, home) as replayed:
        last = "SELECT max(last_recorded_at) FROM v_policy_texts WHERE kind = 'settings'"
        ((before,),) = replayed.ask(last)
        replayed.start("worker", policies=packs(home, PACK))
        replayed.start("warehouse")
        until(lambda: replayed.ask(last)[0][0] > before, 60, "the texts are written again")
        assert first_seen(replayed) == seen
