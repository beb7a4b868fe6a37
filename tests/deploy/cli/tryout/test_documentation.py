"""The example of docs/tickets.md does what the page says."""

import re
from pathlib import Path

from deploy.cli.tryout.expectations import judge
from deploy.cli.tryout.rules import rules_of
from deploy.cli.tryout.ticket import read_ticket
from deploy.cli.tryout.tryout import tryout

PAGE = Path(__file__).parents[4] / "docs" / "tickets.md"


def test_the_example_is_as_expected() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    ticket = read_ticket("docs/tickets.md", example)
    rules = rules_of(ticket, (), None)
    outcome = tryout(ticket.arrivals, rules.rules, until=ticket.until, page_window_ms=rules.page_window_ms)
    verdicts = judge(ticket.expectations, outcome)
    assert [one.equal for one in verdicts] == [True, True]
