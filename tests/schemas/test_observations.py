"""What a step hands over for live metrics: a misspelt name does not type-check."""

import subprocess
import sys
from pathlib import Path

from deploy.local.processes import python_environment

WRONG = """
from schemas.observations import Observations

observed = Observations()
observed.count("events", "contact-events", "contact.opened", "crm", "accepted")
observed.count("sla_outcomes", "default", "answer", "urgent", "met")
observed.duration(0, 1.5, "wait", "phone")
observed.count("evnts", "contact-events")
observed.moment(0, "sla_outcome", "default")
observed.duration(0, 1.5, "waiting", "phone")
observed.count("sla_unmatched", "contact-events")
"""


def test_a_name_that_no_metric_has_is_found_by_mypy(tmp_path: Path) -> None:
    snippet = tmp_path / "wrong.py"
    snippet.write_text(WRONG)

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(snippet)],
        env=python_environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    lines = [line for line in checked.stdout.splitlines() if "wrong.py" in line]
    found = [line.partition("Literal[")[2].partition("]")[0] for line in lines]
    assert found == ["'evnts'", "'sla_outcome'", "'waiting'", "'sla_unmatched'"], checked.stdout
