"""Recovery: what a partition derives from its durable tables once all of its log was applied."""

from processors.pipeline import emission
from processors.state.partition import PartitionState


def recover(state: PartitionState) -> None:
    """Derive what is not written, as it stood at the last checkpoint."""
    emission.rebuild(state)
