"""Commands know the packs that are shipped; a wrong setting is named with what is wrong about it."""

import pytest

from deploy.cli.settings import SHIPPED, load_settings
from processors.settings import Settings
from schemas.errors import OidorError


def test_without_a_word_the_default_pack_and_the_shipped_calendars_hold() -> None:
    settings = load_settings(_env_file=None)
    assert settings.policies == (SHIPPED / "default.yaml",)
    assert settings.policies[0].is_file()
    assert settings.calendars is not None
    assert list(settings.calendars.glob("*.yaml"))


def test_the_environment_wins_over_what_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDOR_POLICIES", "a.yaml, b.yaml")
    assert [path.name for path in load_settings(_env_file=None).policies] == ["a.yaml", "b.yaml"]


def test_what_is_shipped_is_not_handed_on_as_if_it_had_been_said() -> None:
    assert load_settings(_env_file=None).model_dump(exclude_unset=True) == {}


def test_processors_know_no_pack_by_themselves() -> None:
    settings = Settings(_env_file=None)
    assert (settings.policies, settings.calendars) == ((), None)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("PARTITIONS", "none", "OIDOR_PARTITIONS='none': input should be a valid integer"),
        ("GRACE", "-1", "OIDOR_GRACE='-1': input should be greater than or equal to 0"),
        ("REPLAY_FROM", "2026-01-01T00:00:00", "OIDOR_REPLAY_FROM='2026-01-01T00:00:00': input should have timezone"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"OIDOR_{name}", value)
    with pytest.raises(OidorError) as caught:
        load_settings(_env_file=None)
    assert str(caught.value).startswith(line)
