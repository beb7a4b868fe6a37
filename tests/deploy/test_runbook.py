"""The runbook: what it tells somebody to ask at three in the morning can be asked, and what it links to is there."""

import re
from pathlib import Path
from typing import Final

from tests.deploy.conftest import Warehouse

RUNBOOK: Final = Path(__file__).parents[2] / "deploy" / "runbook.md"
TEXT: Final = RUNBOOK.read_text()


def test_every_query_can_be_asked(warehouse: Warehouse) -> None:
    queries = re.findall(r"`(SELECT [^`]+)`", TEXT)
    assert len(queries) > 8
    for query in queries:
        if " FROM " in query:
            warehouse.query(query)


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", TEXT)
    assert links
    assert [link for link in links if not (RUNBOOK.parent / link).exists()] == []


def test_every_alert_is_told_what_to_do() -> None:
    sections = re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]
    told = [section for section in sections if not section.startswith(("OidorWatchdog", "OidorIncident\n"))]
    assert [section for section in told if not all(f"**{part}**:" in section for part in ("Means", "Look", "Do"))] == []
