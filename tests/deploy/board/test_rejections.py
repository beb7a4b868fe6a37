"""Rejections of an hour from totals that begin again."""

from deploy.board.rejections import RejectionWatch

MINUTE = 60_000
HOUR = 60 * MINUTE
T0 = 1_764_000_000_000 - 1_764_000_000_000 % HOUR


def test_what_was_rejected_before_anybody_watched_is_not_of_the_last_hour() -> None:
    watch = RejectionWatch(T0)
    watch.look("w1", "a", {"crm": 500}, T0)
    watch.look("w1", "a", {"crm": 502, "erp": 1}, T0 + MINUTE)

    assert watch.since_then(T0 + MINUTE) == {"crm": 2, "erp": 1}
    assert watch.since(T0 + MINUTE) == T0


def test_a_worker_that_starts_again_counts_from_nothing() -> None:
    watch = RejectionWatch(T0)
    watch.look("w1", "a", {"crm": 500}, T0)
    watch.look("w1", "b", {"crm": 3}, T0 + MINUTE)

    assert watch.since_then(T0 + MINUTE) == {"crm": 3}


def test_workers_add_up_and_what_is_over_an_hour_old_leaves() -> None:
    watch = RejectionWatch(T0)
    for worker in ("w1", "w2"):
        watch.look(worker, worker, {}, T0)
        watch.look(worker, worker, {"crm": 1}, T0 + MINUTE)
    assert watch.since_then(T0 + HOUR) == {"crm": 2}

    assert watch.since_then(T0 + HOUR + 2 * MINUTE) == {}
    assert watch.since(T0 + 3 * HOUR) == T0 + 2 * HOUR
