"""What is told of clocks for which a version of their pack came to hold while they ran."""

from pathlib import Path

import pytest

from deploy.reading.why.journal import Journal
from deploy.reading.why.why import as_text, of_records
from tests.deploy.reading.why.stored import Stored
from tests.laws.sla.office import contact, opened
from tests.laws.sla.test_recompute_open import CASES, EIGHT, FROM, SIX, office
from tests.processors.feed import DAY, HOUR, T0, Feed, Happening


def told(folder: Path, before: str, after: str, log: list[Happening]) -> Journal:
    by = office(folder, before, after).rules
    journal = of_records(Stored.of(Feed(by), log, 400 * DAY).of_case("C1"), by)
    assert journal.agrees, journal.differences
    return journal


@pytest.mark.parametrize(("name", "before", "after", "log"), [one[:4] for one in CASES], ids=[one[0] for one in CASES])
def test_the_sums_agree_with_the_clocks(
    tmp_path: Path, name: str, before: str, after: str, log: list[Happening]
) -> None:
    told(tmp_path, before, after, log)


def test_the_version_is_told_at_its_moment_and_not_by_the_next_event(tmp_path: Path) -> None:
    journal = told(tmp_path, EIGHT, SIX, [opened(), contact("resolved", 5 * HOUR)])

    (renewed,) = (entry for entry in journal.entries if entry.event_type == "renewed")
    assert (renewed.at, [mark.kind for mark in renewed.marks]) == (T0 + FROM, ["retargeted"])
    (clock,) = journal.clocks
    assert clock.recomputed_at == T0 + FROM
    for language, sentence in (("en", "A new version of the promises"), ("es", "una nueva versión de los compromisos")):
        assert sentence in as_text(journal, language)


def test_a_version_that_moves_no_clock_of_the_case_is_not_told(tmp_path: Path) -> None:
    journal = told(tmp_path, EIGHT, SIX, [opened(), contact("resolved", 3 * HOUR)])

    assert "renewed" not in [entry.event_type for entry in journal.entries]
