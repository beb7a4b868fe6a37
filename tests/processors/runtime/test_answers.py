"""Whether Kafka answers: when it is an outage, and what is told of it."""

from faust.types import TP

from processors.runtime.answers import BrokerAnswers
from processors.runtime.slices import FetchProgress
from processors.runtime.symptoms import Progress

BEGIN = 1_000_000_000_000


def read(number: int, asked_at: int) -> Progress:
    fetched = FetchProgress(epoch=1, end=9, at_end=True, asked_at=asked_at, high_watermark=9, held_ms=0)
    return Progress(TP("contact-events", number), 9, fetched)


def listened(answers: BrokerAnswers, seconds: int, *progress: Progress, coordinator: int = 0) -> None:
    for second in range(seconds):
        answers.listen(coordinator, progress, second)


def test_an_answer_to_any_question_counts() -> None:
    answers = BrokerAnswers()
    answers.listen(BEGIN + 5, [read(0, BEGIN + 7), read(1, BEGIN)], 0)
    assert answers.at == BEGIN + 7
    answers.listen(BEGIN + 9, [], 1)
    assert answers.at == BEGIN + 9


def test_without_any_for_ten_seconds_it_is_an_outage_since_the_last_one() -> None:
    answers = BrokerAnswers()
    listened(answers, 11, read(0, BEGIN))
    assert list(answers.problems([], BEGIN + 10_000)) == []
    listened(answers, 12, read(0, BEGIN))
    (problem,) = answers.problems([read(0, BEGIN)], BEGIN + 11_000)
    assert (problem.kind, problem.since) == ("kafka", BEGIN)


def test_time_in_which_the_process_itself_was_stopped_is_no_outage() -> None:
    answers = BrokerAnswers()
    for moment in (0, 1, 600):
        answers.listen(BEGIN, [], moment)
    assert not answers.silent


def test_one_leader_that_does_not_answer_is_told_by_the_partitions_that_it_leads() -> None:
    answers, progress = BrokerAnswers(), [read(0, BEGIN + 11_000), *(read(number, BEGIN) for number in range(1, 6))]
    listened(answers, 1, *progress)
    (problem,) = answers.problems(progress, BEGIN + 11_000)
    leads = "contact-events[1], contact-events[2], contact-events[3] and 2 more"
    assert problem.what == f"no answer for over 10 s from who leads {leads}"
