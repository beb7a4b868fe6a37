"""What every metric of ours has in common: bounded series, and that moving it never raises."""

import platform
from importlib.metadata import version
from typing import Any

import pytest

from schemas.kpis import DEFINITION_VERSION
from sinks.metrics.family import OTHER, VALUES_MAX, Counter, Family, Gauge, Label
from sinks.metrics.registry import Metrics
from sinks.metrics.shared import SHARED, commit

CATS = Counter("cats", "Cats seen.", (Label("colour", "of cats"),))
AWAKE = Gauge("awake", "Cats awake.")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics([CATS, AWAKE])


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_series_that_begins_is_there_at_nothing(metrics: Metrics) -> None:
    metrics.begin(CATS, "white")

    assert value(metrics, "feedback_cats_total", colour="white") == 0


def test_however_many_values_a_label_is_given_its_series_are_bounded(metrics: Metrics) -> None:
    for number in range(VALUES_MAX + 50):
        metrics.increase(CATS, f"colour {number}")
    metrics.increase(CATS, "colour 0")

    assert value(metrics, "feedback_cats_total", colour=OTHER) == 50
    assert value(metrics, "feedback_cats_total", colour="colour 0") == 2


class Failing(Counter):
    """As one fails whose client library does, or whose declaration is wrong."""

    move = "explode"


WRONG: dict[str, tuple[Family, tuple[str, ...]]] = {
    "a label too few": (CATS, ()),
    "a label too many": (CATS, ("black", "white")),
    "one that another process has": (Counter("dogs", "Dogs."), ()),
    "one that raises": (Failing("rats", "Rats."), ()),
}


@pytest.mark.parametrize(("family", "labels"), WRONG.values(), ids=WRONG.keys())
def test_a_metric_that_fails_raises_nothing_and_is_counted_by_name_with_its_last_error(
    family: Any, labels: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics([CATS, WRONG["one that raises"][0]])

    for _ in range(3):
        metrics.increase(family, *labels)

    error = metrics.isolated_errors()[f"metric {family.exported_name}"]
    assert error.errors == 3
    assert error.last_error
    assert value(metrics, "feedback_isolated_errors_total", part=f"metric {family.exported_name}") == 3
    assert len(caplog.records) == 1, "once, for each time would be a line a record"


def test_others_go_on_beside_a_metric_that_fails(metrics: Metrics) -> None:
    metrics.increase(CATS)
    metrics.increase(CATS, "black")

    assert value(metrics, "feedback_cats_total", colour="black") == 1


def test_each_process_has_a_registry_of_its_own_with_what_all_have(metrics: Metrics) -> None:
    other = Metrics([])
    metrics.set(AWAKE, 7)

    assert value(other, "feedback_awake") is None
    names = {family.name for family in other.registry.collect()}
    assert {family.exported_name for family in SHARED} <= names
    assert "process_cpu_seconds" in names


def test_what_runs_is_named_by_version_python_commit_and_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDOR_COMMIT", "98af24e")
    samples = (sample for family in Metrics([]).registry.collect() for sample in family.samples)
    (labels,) = [sample.labels for sample in samples if sample.name == "feedback_build_info"]
    assert labels == {
        "version": version("oidor"),
        "python": platform.python_version(),
        "commit": "98af24e",
        "definitions": str(DEFINITION_VERSION),
    }


@pytest.mark.parametrize(
    ("environment", "installed", "said"),
    [
        ({}, None, ""),
        ({}, '{"dir_info": {"editable": true}, "url": "file:///oidor"}', ""),
        ({}, '{"url": "https://git/oidor", "vcs_info": {"vcs": "git", "commit_id": "1234567"}}', "1234567"),
        ({"OIDOR_COMMIT": "98af24e"}, '{"vcs_info": {"commit_id": "1234567"}}', "98af24e"),
    ],
)
def test_the_commit_is_what_the_image_says_or_what_pip_installed(
    environment: dict[str, str], installed: str | None, said: str
) -> None:
    assert commit(environment, installed) == said
