"""The toy of `tests/processors/runtime` as a process of its own: settings come from the environment, as for ours."""

import sys
from functools import partial

from processors.runtime.seam import BatchingApp
from processors.runtime.service import Service
from processors.runtime.shutdown import Shutdown
from processors.settings import Settings
from sinks.metrics.registry import Metrics
from sinks.metrics.shared import LAST_ANSWER
from tests.processors.runtime.toy import FAMILIES, Toy, inputs


def run(settings: Settings) -> int:
    metrics, shutdown = Metrics(FAMILIES), Shutdown(settings.shutdown_budget)
    app = BatchingApp(settings, inputs(settings, settings.topic_prefix))
    toy = Toy(metrics, app.consumer)
    return Service(
        settings,
        app,
        toy,
        shutdown,
        port=settings.worker_port,
        registry=metrics.registry,
        answered=partial(metrics.set, LAST_ANSWER),
    ).run()


if __name__ == "__main__":
    sys.exit(run(Settings()))
