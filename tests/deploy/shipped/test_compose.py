"""The compose file is one that Compose reads, has no password that others know, and lets nobody in from outside."""

import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest
import yaml

from deploy.cli.settings import ShippedSettings

CHECKOUT: Final = Path(__file__).parents[3]
FILE: Final = CHECKOUT / "docker-compose.yml"
COMPOSE: Final[dict[str, Any]] = yaml.safe_load(FILE.read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
OURS: Final = [name for name, one in SERVICES.items() if one["image"].startswith("oidor:")]
ONCE: Final = {"topics", "migrate", "traffic"}
"""Services that do one thing and end."""
WRITERS: Final = {"kafka"}
"""Images that write beside their volumes: into their own configuration."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The compose file, and the command that writes what it asks for, as in a fresh clone."""
    shutil.copy(FILE, tmp_path)
    shutil.copytree(CHECKOUT / "deploy" / "compose", tmp_path / "deploy" / "compose")
    return tmp_path


def written(folder: Path) -> dict[str, str]:
    subprocess.run(["sh", "deploy/compose/secrets.sh"], cwd=folder, check=True, capture_output=True)
    return dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())


def config(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker-compose", "config"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.stack
def test_compose_reads_it_once_the_passwords_are_written_and_not_before(folder: Path) -> None:
    refused = config(folder)
    assert refused.returncode != 0
    assert "run `sh deploy/compose/secrets.sh`" in refused.stderr

    secrets = written(folder)

    answer = config(folder)
    assert answer.returncode == 0, answer.stderr
    assert yaml.safe_load(answer.stdout)["services"].keys() >= SERVICES.keys() - {"traffic"}
    assert all(secret in answer.stdout for secret in secrets.values())


@pytest.mark.stack
@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("healthcheck: &live", "healthchek: &live", "healthchek"),
        ("condition: service_healthy", "condition: service_helthy", "service_helthy"),
        ("mem_limit: 2g", "mem_limit: [2g]", "mem_limit"),
        ('"127.0.0.1:6068:6068"', '"127.0.0.1:board:6068"', "ports"),
    ],
)
def test_a_broken_compose_file_is_noticed(folder: Path, right: str, wrong: str, complaint: str) -> None:
    text = FILE.read_text()
    assert right in text
    (folder / FILE.name).write_text(text.replace(right, wrong, 1))
    written(folder)

    answer = config(folder)

    assert answer.returncode != 0
    assert complaint in answer.stderr


def test_passwords_are_random_and_stay_when_the_command_runs_again(folder: Path) -> None:
    (folder / ".env").write_text("GRAFANA_PASSWORD=chosen\n")
    first = written(folder)

    assert written(folder) == first
    assert first.pop("GRAFANA_PASSWORD") == "chosen"
    assert len(set(first.values())) == len(first)
    assert all(re.fullmatch(r"[A-Za-z0-9]{22,32}", value) for value in first.values())
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    (folder / ".env").unlink()
    assert not set(written(folder).values()) & set(first.values())


def test_what_the_file_asks_for_is_what_the_command_writes(folder: Path) -> None:
    asked = re.findall(r"\$\{(\w+):\?run `sh deploy/compose/secrets\.sh`\}", FILE.read_text())
    assert set(asked) == written(folder).keys()
    assert FILE.read_text().count("${") == len(asked)  # nothing has a default
    # Commands that are run in a clone read .env too: nothing there may change what they do.
    assert not [name for name in asked if name.startswith("OIDOR_")]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_limited_and_not_root(name: str) -> None:
    one = SERVICES[name]
    assert re.fullmatch(r"[a-z/-]+:v?\d+(\.\d+)+", one["image"])
    assert one["user"].partition(":")[0] not in ("0", "root")
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one.get("read_only", False) != (name in WRITERS)
    assert {"cpus", "mem_limit", "pids_limit"} <= one.keys()
    assert "privileged" not in one


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONCE))
def test_a_service_says_whether_it_is_well(name: str) -> None:
    assert {"test", "interval", "timeout", "retries", "start_period"} <= SERVICES[name]["healthcheck"].keys()


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_outside_of_this_machine(name: str) -> None:
    assert "network_mode" not in SERVICES[name]
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)


@pytest.mark.parametrize("name", SERVICES)
def test_who_is_waited_for_is_there_and_says_when(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONCE else "service_healthy"
        assert how["condition"] == expected
        assert other in ONCE or "healthcheck" in SERVICES[other]


@pytest.mark.parametrize("name", OURS)
def test_a_process_of_ours_has_settings_that_exist_and_its_own_page(name: str) -> None:
    one = SERVICES[name]
    known = {f"OIDOR_{setting.upper()}" for setting in ShippedSettings.model_fields}
    assert one["environment"].keys() <= known
    process = one["command"][0]
    if name not in ONCE:
        port = ShippedSettings.model_fields[f"{process}_port"].default
        assert f"http://127.0.0.1:{port}/live" in one["healthcheck"]["test"][-1]


def test_two_workers_read_and_every_process_runs() -> None:
    assert sorted(SERVICES[name]["command"][0] for name in OURS) == [
        "board", "migrate", "publish", "topics", "warehouse", "worker", "worker",
    ]  # fmt: skip
    assert SERVICES["traffic"]["profiles"] == ["traffic"]


def test_what_is_mounted_is_in_the_tree() -> None:
    mounts = [volume for one in SERVICES.values() for volume in one.get("volumes", ())]
    sources = {mount.partition(":")[0] for mount in mounts}
    assert {one for one in sources if not one.startswith(".")} == COMPOSE["volumes"].keys()
    for one in sources:
        assert not one.startswith(".") or (CHECKOUT / one).exists(), one
    for mount in mounts:
        assert not mount.startswith(".") or mount.endswith(":ro")


def test_the_database_knows_no_user_without_a_password() -> None:
    root = ElementTree.parse(CHECKOUT / "deploy" / "compose" / "clickhouse-users.xml").getroot()
    users = root.find("users")
    assert users is not None
    for user in users:
        password = user.find("password")
        assert user.get("remove") == "remove" or (password is not None and password.get("from_env"))
    asked = {one.get("from_env") for one in root.iter("password")}
    assert asked <= SERVICES["clickhouse"]["environment"].keys()
    assert {user.tag for user in users} >= {"default", "oidor", "reader"}


def test_links_in_pages_and_alerts_lead_to_the_runbook_that_grafana_serves() -> None:
    mounts = [volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"] if "runbook" in volume]
    prometheus = yaml.safe_load((CHECKOUT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    link = prometheus["global"]["external_labels"]["runbook"]
    assert mounts == [["./deploy/runbook.md", link.replace("http://127.0.0.1:3000", "/usr/share/grafana")]]
    assert SERVICES["board"]["environment"]["OIDOR_RUNBOOK_URL"] == link
