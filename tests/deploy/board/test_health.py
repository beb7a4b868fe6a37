"""The line of health: it is green only where all of the page is of now."""

from deploy.board.health import BEHIND_MS, KAFKA_MS, SILENT_MS, SINK_SECONDS, STALE_MS, Health, KafkaStanding, health
from deploy.board.processes import Floor
from schemas.floor import PartitionFloor, ProcessFloor

NOW = 1_764_000_000_000
READ = KafkaStanding(NOW, caught_up=True)


def worker(*numbers: int, expected: int = 4, read_to: int = NOW - 900, problems: tuple[str, ...] = ()) -> ProcessFloor:
    partitions = tuple(PartitionFloor(number, read_to) for number in numbers)
    return ProcessFloor("worker", "w", NOW, problems, expected, partitions)


def warehouse(lag: float = 0.2) -> ProcessFloor:
    return ProcessFloor("warehouse", "h", NOW, sink_lag_seconds=lag)


def floor(**said: ProcessFloor) -> Floor:
    known = Floor()
    for address, process in said.items():
        known.answer(address, process, NOW)
    return known


def kinds(found: Health) -> dict[str, str]:
    return {trouble.kind: trouble.level for trouble in found.troubles}


def test_all_is_well_when_every_partition_is_told_of_now() -> None:
    found = health(floor(a=worker(0, 1), b=worker(2, 3), c=warehouse()), READ, NOW)

    assert (found.level, found.troubles) == ("good", ())
    assert (found.workers, found.workers_known, found.partitions, found.partitions_expected) == (2, 2, 4, 4)
    assert (found.behind_seconds, found.sink_seconds) == (0.9, 0.2)


def test_a_worker_that_is_silent_is_doubted_and_then_not_relied_on() -> None:
    known = floor(a=worker(0, 1), b=worker(2, 3))
    for after, levels in (
        (SILENT_MS, {}),
        (SILENT_MS + 1, {"silent": "doubtful", "partitions": "doubtful"}),
        (STALE_MS + 1, {"silent": "doubtful", "partitions": "bad"}),
    ):
        known.answer("a", worker(0, 1, read_to=NOW + after), NOW + after)
        known.silence("b", "does not answer (refused)")
        assert kinds(health(known, KafkaStanding(NOW + after, True), NOW + after)) == levels, after


def test_partitions_that_nobody_has_are_missed() -> None:
    found = health(floor(a=worker(0, 1, 2)), READ, NOW)

    assert kinds(found) == {"partitions": "bad"}
    assert [(one.count, one.of) for one in found.troubles] == [(1, 4)]


def test_a_partition_that_moved_is_told_by_who_has_it_now() -> None:
    known = floor(a=worker(0, 1), b=worker(2, 3))
    later = NOW + STALE_MS + 1
    known.answer("a", worker(0, 1, 2, 3, read_to=later), later)
    known.keep_only(["a"])

    assert kinds(health(known, KafkaStanding(later, True), later)) == {}


def test_what_a_process_says_of_itself_is_shown() -> None:
    found = health(floor(a=worker(0, 1, 2, 3, problems=("a rebalance is going on",))), READ, NOW)
    assert [(one.kind, one.who, one.text) for one in found.troubles] == [("problem", "a", "a rebalance is going on")]


def test_nobody_answering_kafka_silent_reading_late_and_no_storing_are_told() -> None:
    assert kinds(health(Floor(), READ, NOW)) == {"nobody": "bad"}
    known = floor(a=worker(0, 1, 2, 3), c=warehouse(SINK_SECONDS + 1))
    assert kinds(health(known, READ, NOW)) == {"warehouse": "doubtful"}
    late = floor(a=worker(0, 1, 2, 3, read_to=NOW - BEHIND_MS - 1))
    assert kinds(health(late, READ, NOW)) == {"behind": "bad"}
    well = floor(a=worker(0, 1, 2, 3))
    assert kinds(health(well, KafkaStanding(NOW - KAFKA_MS - 1, True), NOW)) == {"kafka": "bad"}
    assert kinds(health(well, KafkaStanding(NOW, False), NOW)) == {"reading": "doubtful"}
    assert kinds(health(well, KafkaStanding(NOW, False, ("gone",)), NOW)) == {"topic": "bad"}
