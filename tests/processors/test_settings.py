"""Secrets come from the environment or from files, and are shown nowhere."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from deploy.cli.settings import load_settings
from deploy.local.processes import python_environment, server_environment
from processors.settings import SECRETS, Settings
from schemas.errors import OidorError

SASL: dict[str, Any] = {"kafka_security": "SASL_SSL", "kafka_user": "worker"}


def test_a_secret_is_read_from_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text("  s3cret with spaces \n")
    monkeypatch.setenv("OIDOR_KAFKA_PASSWORD", "of the environment")
    monkeypatch.setenv("OIDOR_KAFKA_PASSWORD_FILE", str(file))
    settings = Settings(_env_file=None, **SASL)
    assert settings.kafka_password.get_secret_value() == "  s3cret with spaces "


def test_a_mounted_secret_needs_no_setting_at_all(tmp_path: Path) -> None:
    (tmp_path / "oidor_clickhouse_password").write_text("s3cret\n")
    settings = Settings(_env_file=None, _secrets_dir=tmp_path)
    assert settings.clickhouse_password.get_secret_value() == "s3cret"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_not_shown_and_its_file_has_a_setting(name: str) -> None:
    settings = Settings(_env_file=None, **SASL, kafka_password="s3cret", kafka_key_password="s3cret",
                        clickhouse_password="s3cret", pages_token="s3cret" * 6)  # fmt: skip
    assert "s3cret" not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert f"{name}_file" in Settings.model_fields
    assert isinstance(getattr(settings, name), SecretStr)


def test_children_that_are_ours_are_handed_a_secret_and_servers_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDOR_CLICKHOUSE_PASSWORD", "s3cret")
    handed = python_environment({"kafka_password": SecretStr("other")})
    assert (handed["OIDOR_KAFKA_PASSWORD"], handed["OIDOR_CLICKHOUSE_PASSWORD"]) == ("other", "s3cret")
    assert not [name for name in server_environment() if name.startswith("OIDOR_")]


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDOR_KAFKA_PASSWORD_FILE", "/nonexistent")
    with pytest.raises(OidorError, match=r"^OIDOR_KAFKA_PASSWORD_FILE=/nonexistent: No such file or directory$"):
        load_settings(_env_file=None)


@pytest.mark.parametrize(
    "brokers",
    ["worker:s3cret@kafka:9092", "SASL_SSL://kafka:9092,user:s3cret@b:1", "kafka:9092?password=s3cret", "s3cret/kafka"],
)
def test_credentials_written_into_the_brokers_are_refused_and_not_echoed(
    brokers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDOR_BROKERS", brokers)
    with pytest.raises(OidorError, match="OIDOR_BROKERS: host:port") as caught:
        load_settings(_env_file=None)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ValidationError) as raw:
        Settings(_env_file=None)
    assert "s3cret" not in str(raw.value)


@pytest.mark.parametrize("brokers", ["kafka", "kafka-1.example.com:9092, 10.0.0.7:9093", "[::1]:9092"])
def test_hosts_ports_and_addresses_are_brokers(brokers: str) -> None:
    assert Settings(_env_file=None, brokers=brokers).brokers == brokers


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"kafka_security": "SASL_SSL"}, "OIDOR_KAFKA_SECURITY=SASL_SSL needs OIDOR_KAFKA_USER"),
        ({"kafka_security": "SASL_SSL", "kafka_mechanism": "OAUTHBEARER"}, "needs OIDOR_KAFKA_TOKEN_PROVIDER"),
        ({"kafka_user": "worker"}, "OIDOR_KAFKA_SECURITY=PLAINTEXT sends no user"),
        ({"kafka_ca": __file__}, "OIDOR_KAFKA_SECURITY=PLAINTEXT has no TLS"),
        ({"clickhouse_ca": __file__}, "set OIDOR_CLICKHOUSE_TLS=true"),
        ({"clickhouse_ca": "/nonexistent"}, "OIDOR_CLICKHOUSE_CA='/nonexistent': path does not point to a file"),
        ({"kafka_security": "TLS"}, "OIDOR_KAFKA_SECURITY='TLS': input should be 'PLAINTEXT', 'SSL'"),
    ],
)
def test_half_of_a_security_is_refused_for_it_would_be_none(given: dict[str, str], line: str) -> None:
    with pytest.raises(OidorError, match=re.escape(line)):
        load_settings(_env_file=None, **given)


def test_every_setting_says_what_it_is_for() -> None:
    assert not [name for name, field in Settings.model_fields.items() if not field.description]
