"""Families of `oidor board`."""

from typing import Final

from sinks.metrics import paging
from sinks.metrics.family import Family, Gauge, Histogram
from sinks.metrics.registry import Metrics

STREAMS: Final = Gauge("board_streams", "Boards that are open in a browser.")
INCIDENTS: Final = Gauge("board_incidents", "Open incidents that the board shows.")
PROCESSES_SILENT: Final = Gauge("board_processes_silent", "Workers and warehouses that do not answer the board.")
RENDERED: Final = Gauge("board_rendered_timestamp", "Unix time at which the board was rendered last.", unit="seconds")
RENDERING: Final = Histogram(
    "board_rendering", "Putting the board together and encoding it, once for all who look.", unit="seconds",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1),
)  # fmt: skip

FAMILIES: Final[tuple[Family, ...]] = (
    STREAMS, INCIDENTS, PROCESSES_SILENT, RENDERED, RENDERING, *paging.FAMILIES,
)  # fmt: skip


class BoardMetrics(Metrics):
    """The metrics of a board."""

    def __init__(self) -> None:
        super().__init__(FAMILIES)
