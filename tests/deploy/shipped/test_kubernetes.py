"""The manifests are what Kubernetes reads, fit together, and let no process do more than it needs."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.cli.settings import ShippedSettings
from schemas.topics import INPUTS

CHECKOUT: Final = Path(__file__).parents[3]
FOLDER: Final = CHECKOUT / "deploy" / "kubernetes"
FILES: Final = sorted(FOLDER.glob("*.yaml"))
OBJECTS: Final[list[dict[str, Any]]] = [one for file in FILES for one in yaml.safe_load_all(file.read_text())]
OF_OTHERS: Final = {"Kustomization", "ScaledObject", "TriggerAuthentication"}
"""Kinds that Kubernetes itself has no schema of."""
CONFIG: Final = {name: one for one in OBJECTS if one["kind"] == "ConfigMap" for name in [one["metadata"]["name"]]}


def of_kind(kind: str) -> list[dict[str, Any]]:
    found = [one for one in OBJECTS if one["kind"] == kind]
    assert found, kind
    return found


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in of_kind(kind) if one["metadata"]["name"] == name]
    return found


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for one in OBJECTS:
        if one["kind"] in ("Deployment", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


PODS: Final = dict(pods())
CONTAINERS: Final = {
    (name, one["name"]): one
    for name, pod in PODS.items()
    for one in (*pod.get("initContainers", ()), *pod["containers"])
}
PROCESSES: Final = [one for one in CONTAINERS if one[0] != "oidor-prepare"]


def validate(*files: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).parent / "kubernetes-validate"
    return subprocess.run([command, "--strict", *files], capture_output=True, text=True, check=False)


def test_kubernetes_knows_every_field() -> None:
    answer = validate(*FILES)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    unknown = [line for line in (answer.stdout + answer.stderr).splitlines() if "Couldn't find schema" in line]
    assert len(unknown) == len([one for one in OBJECTS if one["kind"] in OF_OTHERS])


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("timeoutSeconds: 5", "timeoutSecond: 5"), ("containerPort: 6066", "containerPort: pages")],
    ids=["a field that is none", "a value of another type"],
)
def test_a_broken_manifest_is_noticed(tmp_path: Path, right: str, wrong: str) -> None:
    text = (FOLDER / "worker.yaml").read_text()
    assert right in text
    (tmp_path / "worker.yaml").write_text(text.replace(right, wrong, 1))

    assert validate(tmp_path / "worker.yaml").returncode == 1


def test_everything_is_applied() -> None:
    (kustomization,) = of_kind("Kustomization")
    assert {*kustomization["resources"], "kustomization.yaml"} == {file.name for file in FILES}
    (image,) = kustomization["images"]
    assert {one["image"] for one in CONTAINERS.values()} == {image["name"]}
    assert image["newTag"] != "latest"


@pytest.mark.parametrize("container", CONTAINERS, ids="/".join)
def test_a_container_is_nobody_and_writes_nowhere_but_in_tmp(container: tuple[str, str]) -> None:
    pod, one = PODS[container[0]], CONTAINERS[container]

    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["automountServiceAccountToken"] is False
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = [mount["mountPath"] for mount in one["volumeMounts"] if not mount.get("readOnly")]
    assert writable == ["/tmp"]
    assert {"cpu", "memory"} == set(one["resources"]["limits"]) == set(one["resources"]["requests"])


@pytest.mark.parametrize("container", CONTAINERS, ids="/".join)
def test_secrets_are_files_and_never_variables(container: tuple[str, str]) -> None:
    pod, one = PODS[container[0]], CONTAINERS[container]

    assert one["envFrom"] == [{"configMapRef": {"name": "oidor-settings"}}]
    assert "env" not in one
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    (mounted,) = [mount["name"] for mount in one["volumeMounts"] if mount["mountPath"] == "/run/secrets"]
    assert volumes[mounted]["secret"]["secretName"] in ("oidor", "oidor-admin")


@pytest.mark.parametrize("container", PROCESSES, ids="/".join)
def test_a_process_is_probed_with_patience(container: tuple[str, str]) -> None:
    one = CONTAINERS[container]
    assert len(PODS[container[0]]["containers"]) == 1  # one process a pod
    ports = {port["name"]: port["containerPort"] for port in one["ports"]}
    assert ports["pages"] == ShippedSettings.model_fields[f"{container[1]}_port"].default

    for kind in ("startupProbe", "livenessProbe"):
        assert one[kind]["httpGet"] == {"path": "/live", "port": "pages"}
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert one[kind]["timeoutSeconds"] >= 5  # a process that was stopped for a moment is none to kill
    assert f"http://127.0.0.1:{ports['pages']}/ready" in one["readinessProbe"]["exec"]["command"][-1]
    compile(one["readinessProbe"]["exec"]["command"][-1], "probe", "exec")
    budget = ShippedSettings.model_fields["shutdown_budget"].default
    assert PODS[container[0]]["terminationGracePeriodSeconds"] > 2 * budget


def test_every_setting_is_one() -> None:
    given = CONFIG["oidor-settings"]["data"]
    known = {f"OIDOR_{name.upper()}" for name in ShippedSettings.model_fields}
    assert given.keys() <= known
    assert not [name for name in given if "PASSWORD" in name or "TOKEN" in name or "_KEY" in name]


def test_every_deployment_has_a_budget_of_disruption_that_a_drain_can_meet() -> None:
    budgets = {
        one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]: one["spec"]
        for one in of_kind("PodDisruptionBudget")
    }
    assert budgets.keys() == {one["metadata"]["name"] for one in of_kind("Deployment")}
    assert all(one["maxUnavailable"] == 1 for one in budgets.values())


def test_services_find_their_pods_and_the_board_finds_the_services() -> None:
    labels = {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"] for one in of_kind("Deployment")}
    services = {one["metadata"]["name"]: one["spec"] for one in of_kind("Service")}
    for service in services.values():
        assert [name for name, has in labels.items() if service["selector"].items() <= has.items()]
    for address in CONFIG["oidor-settings"]["data"].get("OIDOR_BOARD_PROCESSES", "").split(","):
        name, _, port = address.partition(":")
        assert services[name]["ports"][0]["port"] == int(port)
        assert services[name]["clusterIP"] == "None"  # each pod by itself


def test_workers_scale_by_the_lag_of_every_input_up_to_the_partitions() -> None:
    (scaled,) = of_kind("ScaledObject")
    spec, settings = scaled["spec"], CONFIG["oidor-settings"]["data"]
    named("Deployment", spec["scaleTargetRef"]["name"])
    assert spec["maxReplicaCount"] == ShippedSettings.model_fields["partitions"].default
    assert spec["minReplicaCount"] >= 2
    assert [one["metadata"]["topic"] for one in spec["triggers"]] == list(INPUTS)
    for trigger in spec["triggers"]:
        assert trigger["type"] == "kafka"
        assert trigger["metadata"]["bootstrapServers"] == settings["OIDOR_BROKERS"]
        assert trigger["metadata"]["consumerGroup"] == ShippedSettings.model_fields["app_id"].default
        named("TriggerAuthentication", trigger["authenticationRef"]["name"])
    assert "replicas" not in named("Deployment", spec["scaleTargetRef"]["name"])["spec"]


def test_what_no_policy_allows_is_denied() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind("NetworkPolicy")}
    everything = policies["oidor-nothing-else"]
    assert everything == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "oidor"}},
        "policyTypes": ["Ingress", "Egress"],
    }
    for one in (*of_kind("Deployment"), *of_kind("Job")):
        labels = one["spec"]["template"]["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "oidor"
    for name, policy in policies.items():
        for rule in (*policy.get("ingress", ()), *policy.get("egress", ())):
            assert rule["ports"], name
            assert all(peer for peer in rule.get("from", rule.get("to"))), name
