"""Every setting says what holds, in which unit, from where and why; a secret is never shown."""

from pathlib import Path
from typing import Final

import pytest

from deploy.cli import effective as room
from deploy.cli.effective import DEFAULT, Setting, effective, reference, unknown_variables
from deploy.cli.settings import ShippedSettings
from processors.settings import SECRETS

PAGE: Final = Path(__file__).parents[3] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without `.env`, which becomes the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def one(name: str) -> Setting:
    return next(setting for setting in effective() if setting.name == name)


def test_the_reference_is_generated_from_the_declarations() -> None:
    assert PAGE.read_text() == reference(), "python -m deploy.cli.effective > docs/settings.md"


@pytest.mark.parametrize("name", ShippedSettings.model_fields)
def test_a_setting_has_a_unit_and_a_reason(name: str) -> None:
    setting = one(name)
    assert setting.unit
    assert len(setting.reason) > len("Its user.")


def test_what_nobody_set_is_the_default() -> None:
    assert {setting.source for setting in effective()} == {DEFAULT}
    assert all(setting.value == setting.default for setting in effective())


def test_a_variable_wins_over_a_line_of_the_file_and_both_are_named(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / ".env").write_text("OIDOR_GRACE=5\nOIDOR_PARTITIONS=6\n")
    monkeypatch.setenv("OIDOR_GRACE", "30")

    assert (one("grace").value, one("grace").source) == ("30", "environment")
    assert (one("partitions").value, one("partitions").source) == ("6", ".env")
    assert (one("partitions").unit, one("partitions").default) == ("partitions", "12")


def test_a_mounted_secret_is_named_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "oidor_clickhouse_password").write_text("sesame")
    monkeypatch.setattr(room, "SECRETS_DIR", tmp_path)
    monkeypatch.setitem(ShippedSettings.model_config, "secrets_dir", tmp_path)

    assert one("clickhouse_password").value == "(set)"
    assert one("clickhouse_password").source == f"{tmp_path}/oidor_clickhouse_password"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_never_shown(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("open sesame, please")
    monkeypatch.setenv("OIDOR_KAFKA_SECURITY", "SASL_SSL")
    monkeypatch.setenv("OIDOR_KAFKA_USER", "me")
    monkeypatch.setenv("OIDOR_KAFKA_PASSWORD", "sesame too")
    monkeypatch.setenv(f"OIDOR_{name.upper()}", "sesame in a variable")
    monkeypatch.setenv(f"OIDOR_{name.upper()}_FILE", str(tmp_path / "secret"))

    assert (one(name).value, one(name).source) == ("(set)", str(tmp_path / "secret"))
    assert "sesame" not in str(effective())


def test_a_misspelt_variable_is_named_with_the_one_that_was_meant(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / ".env").write_text("OIDOR_CASE_MAX=1\n")
    monkeypatch.setenv("OIDOR_BROKER", "kafka:9092")

    assert list(unknown_variables()) == [
        "OIDOR_BROKER is no setting and changes nothing: did you mean OIDOR_BROKERS?",
        "OIDOR_CASE_MAX is no setting and changes nothing: did you mean OIDOR_CASES_MAX?",
    ]
