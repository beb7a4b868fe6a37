"""The texts that a partition works by are written with its first checkpoint under them, and no more."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from processors.patterns import registry
from processors.rules import DECIDING, Rules
from processors.settings import Settings
from schemas.outputs import Checkpoint, PolicyTextRow
from schemas.policies.texts import digest_of
from tests.processors.feed import HOUR, T0, Feed, event, rules

PACK: Final = 'policy_id: desk\nversion: "1"\nclocks:\n  resolve: [{{target: {target}, calendar: {calendar}}}]\n'
CALENDAR: Final = (
    'calendar_id: office\nversion: "1"\nzone: Europe/Madrid\nweekly: {monday: ["09:00-14:00"]}\nholidays: {country: ES}'
)


def written(folder: Path, target: str = "4h", calendar: str = "office") -> Rules:
    (folder / "calendars").mkdir(exist_ok=True)
    for name in ("office", "other"):
        (folder / "calendars" / f"{name}.yaml").write_text(CALENDAR.replace("office", name), encoding="utf-8")
    (folder / "desk.yaml").write_text(PACK.format(target=target, calendar=calendar), encoding="utf-8")
    return rules(policies=(folder / "desk.yaml",), calendars=folder / "calendars")


def texts(checkpoint: Checkpoint) -> list[PolicyTextRow]:
    return [PolicyTextRow(*row) for row in checkpoint.rows.get("policy_texts", ())]


def names(rows: Sequence[PolicyTextRow]) -> list[str]:
    return [f"{row.kind} {row.name}" for row in rows]


def test_the_first_checkpoint_writes_all_that_decides_and_the_next_nothing(tmp_path: Path) -> None:
    feed = Feed(written(tmp_path))
    assert feed.state.changed, "a checkpoint is due, though nothing came"
    rows = texts(feed.checkpoint(T0 + 5))
    assert names(rows) == ["pack desk", "calendar office", "patterns patterns", "settings settings"]
    assert {row.first_seen for row in rows} == {T0 + 5}
    assert rows[0].text == (tmp_path / "desk.yaml").read_text(encoding="utf-8")
    assert all(row.digest == digest_of(row.text) for row in rows)
    feed.feed(event("contact.opened", "k1", 0, channel="phone", direction="inbound"))
    assert texts(feed.checkpoint()) == []


def test_after_a_restart_under_the_same_texts_nothing_is_written_again(tmp_path: Path) -> None:
    feed = Feed(written(tmp_path))
    feed.checkpoint()
    feed.rules = written(tmp_path)
    feed.restart()
    assert not feed.state.changed
    assert texts(feed.checkpoint()) == []


def test_what_a_crash_before_the_commit_took_with_it_is_written_by_the_next_checkpoint(tmp_path: Path) -> None:
    feed = Feed(written(tmp_path))
    lost = texts(feed.checkpoint())
    feed.restart([])
    assert texts(feed.checkpoint()) == lost


def test_a_pack_that_changes_under_one_version_is_another_text(tmp_path: Path) -> None:
    feed = Feed(written(tmp_path))
    before = texts(feed.checkpoint())
    feed.rules = written(tmp_path, target="2h")
    feed.restart()
    rows = texts(feed.checkpoint())
    assert names(rows) == ["pack desk", "settings settings"], "the calendar is as it was"
    assert (rows[0].text_version, rows[0].digest) != (before[0].text_version, before[0].digest)
    assert rows[0].text_version == before[0].text_version


def test_a_text_that_comes_into_force_again_is_written_again(tmp_path: Path) -> None:
    feed = Feed(written(tmp_path))
    first = texts(feed.checkpoint(T0))
    for target in ("2h", "4h"):
        feed.rules = written(tmp_path, target)
        feed.restart()
        again = texts(feed.checkpoint(T0 + HOUR))
    assert [row[:-1] for row in again] == [row[:-1] for row in (first[0], first[-1])]
    assert len(list(feed.state.recorded_texts.all_keys())) == 4, "what is no more in force is not kept"


def test_the_text_of_the_settings_names_the_others_in_the_order_in_which_they_are_asked(tmp_path: Path) -> None:
    *others, of_settings = texts(Feed(written(tmp_path)).checkpoint())
    said = yaml.safe_load(of_settings.text)
    assert said["texts"] == [
        " ".join(filter(None, (row.kind, row.name, row.text_version, row.digest))) for row in others
    ]
    assert (said["grace"], said["disorder"], said["case_retention_days"]) == (60, 60, 120)


def test_every_setting_that_rules_are_made_of_is_in_the_text_but_for_secrets_and_files() -> None:
    asked = set[str]()

    class Asked:
        def __init__(self, settings: Settings) -> None:
            self._settings = settings

        def __getattr__(self, name: str) -> Any:
            asked.add(name.removesuffix("_ms"))
            return getattr(self._settings, name)

    made: Any = Asked(Settings(_env_file=None))
    Rules.of(made, registry.DECLARED)
    files = {"policies", "calendars", "patterns"}
    assert asked - {"model_dump"} - files == DECIDING - {"partitions", "partitioner"} | {"pseudonym_key"}


def test_a_secret_is_in_no_text() -> None:
    secret = "correct horse battery staple"
    assert all(secret not in text.text for text in rules(pseudonym_key=secret).texts)


def test_clocks_say_by_which_texts_they_run(tmp_path: Path) -> None:
    made = written(tmp_path)
    feed = Feed(made)
    feed.feed(event("contact.opened", "k1", 0, channel="phone", direction="inbound"))
    (clock,) = feed.checkpoint().rows["sla_clocks"]
    digests = {text.kind: text.digest for text in made.texts}
    assert (clock.policy_digest, clock.calendar_digest) == (digests["pack"], digests["calendar"])  # type: ignore[attr-defined]


def test_a_clock_of_elapsed_time_has_no_calendar_digest() -> None:
    feed = Feed()
    feed.feed(event("contact.opened", "k1", 0, channel="email", direction="inbound", priority="urgent"))
    clocks: Any = feed.checkpoint().rows["sla_clocks"]
    assert {(bool(clock.policy_digest), clock.calendar_digest) for clock in clocks} == {(True, "")}


def test_a_clock_that_has_not_changed_since_the_pack_did_is_told_under_the_text_of_its_row(tmp_path: Path) -> None:
    feed = Feed(written(tmp_path))
    feed.feed(event("contact.opened", "k1", 0, channel="phone", direction="inbound"))
    (before,) = feed.checkpoint().rows["sla_clocks"]
    feed.rules = written(tmp_path, target="2h")
    feed.restart()
    assert "sla_clocks" not in feed.checkpoint().rows
    feed.feed(event("contact.assigned", "k1", 1, team="t", owner="o"))
    after: Any = feed.checkpoint().rows["sla_clocks"][0]
    assert after.target == "2h office"
    assert after.policy_digest == feed.rules.texts[0].digest != before.policy_digest  # type: ignore[attr-defined]
