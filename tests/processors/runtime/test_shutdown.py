"""The end of a process: within its budget whatever hangs, and with a code that says why."""

import subprocess
import sys

import pytest

from deploy.local.processes import python_environment

ENDING = """
import signal, time
from processors.runtime.shutdown import Shutdown

shutdown = Shutdown(0.3)
signal.signal(signal.SIGTERM, lambda *_: shutdown.begin())
{then}
time.sleep(30)
"""


@pytest.mark.parametrize(
    ("then", "code", "said"),
    [
        ("shutdown.begin(); shutdown.begin()", 0, "Not done within 0.3 s"),
        ("shutdown.refuse('the topics are unequal')", 2, "the topics are unequal"),
    ],
    ids=["a signal", "a refusal"],
)
def test_a_process_that_hangs_ends_within_its_budget_and_says_why(then: str, code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDING.replace("{then}", then)],
        env=python_environment(), capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip

    assert done.returncode == code
    assert said in done.stderr
