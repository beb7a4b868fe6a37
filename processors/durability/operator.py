"""`Operator`: what is done with records, handed to durability by a process: a pipeline, a detector or a toy."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from processors.durability.changelog import Durable, LogLimits
from processors.durability.log import Outgoing
from processors.durability.verdicts import Verdicts
from processors.runtime.slices import Slice
from schemas.observations import IsolatedErrors
from schemas.outputs import Checkpoint
from schemas.taxonomy import Reason

NO_VERDICTS: Final = Verdicts()
TICK_SECONDS: Final = 0.2
"""Between two looks at how far the inputs are read, and between two steps that no record causes."""


class State(Durable, Protocol):
    """What durability asks of the state of one partition."""

    @property
    def changed(self) -> bool:
        """Whether a checkpoint would write anything."""

    @property
    def now(self) -> int:
        """The watermark of the partition, ms: what timers fire by."""

    @property
    def consistent(self) -> bool:
        """Whether a checkpoint may be made: not while a step was cut short between two timers of one moment."""

    incarnations: Mapping[str, int]
    """Input topic -> which topic of this name its records are of; set when all of the log was read."""

    def watermark_of(self, topic: str) -> int:
        """Up to which moment, ms, an input was processed; 0: none of it ever was."""

    def advance_watermark(self, topic: str, timestamp: int) -> None:
        """Everything of an input up to this moment, ms, was processed. It never goes back."""

    def checkpoint(self, version: int, recorded_at: int) -> Checkpoint:
        """Drain what is to be published; the tables are drained after it. `recorded_at`: wall clock, ms."""


class Step(Protocol):
    """How far a step came before it had taken long enough."""

    @property
    def processed(self) -> int:
        """Records of the slice that were."""

    @property
    def finished(self) -> bool:
        """Whether all of the slice was processed, and all timers fired; if not, a step with the rest goes on."""


def _never(state: Any) -> str | None:
    return None


def _nothing(state: Any) -> Mapping[str, IsolatedErrors]:
    return {}


def _right(state: Any, broker_time: int) -> bool:
    return False


def _unconcerned(state: Any, time: int) -> None:
    pass


@dataclass(frozen=True)
class Operator:
    """The functions take the state that `create` made."""

    create: Callable[[int], Any]
    """create(partition number): an empty `State`."""
    step: Callable[[Any, Any, int, Callable[[], bool]], Step]
    """step(state, slice, now, spent): never raises for a record. It stops between two of them when `spent` says so."""
    reject: Callable[[Any, Slice, Reason], object]
    """reject(state, slice of one record, reason): account for it without looking into it."""
    recover: Callable[[Any], object]
    """recover(state): derive what is not written, once all of its log is applied."""
    empty: Any
    """The slice of a timer's step."""
    outputs: Callable[[Checkpoint], Iterable[Outgoing]]
    """A checkpoint as messages, without what it appends to the changelog."""
    halted: Callable[[Any], str | None] = _never
    """halted(state): why no more records may be applied, in one line that says what to do; None: they may."""
    set_back: Callable[[Any, int], bool] = _right
    """set_back(state, broker's time in ms): where the state's is over a minute ahead, withdraw what was decided since;
    whether it was.
    """
    note_time: Callable[[Any, int], object] = _unconcerned
    """note_time(state, what time it is in ms): after the steps of timers, while our clock counts."""
    isolated_errors: Callable[[Any], Mapping[str, IsolatedErrors]] = _nothing
    """isolated_errors(state): what failed by itself and cost no record, by its name."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, in seconds."""

    checkpoint: float
    timer: float = TICK_SECONDS


@dataclass(frozen=True, slots=True)
class DurabilityConfig:
    """What all partitions of a process have in common."""

    inputs: Mapping[str, str]
    """Input topics: logical name -> name on Kafka. A partition number is the same in all of them."""
    partitions: int
    """Of each input topic; the state records it."""
    pending_max: int
    """Records of a partition that may wait for a commit; beyond it they are read again later."""
    log_limits: LogLimits
    pace: Pace
    verdicts: Verdicts = NO_VERDICTS
    """Of a replay: what the installation that it reads again rejected as from the future."""
