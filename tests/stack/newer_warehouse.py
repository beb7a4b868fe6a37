"""`oidor` of a release that knows one column more of events: `python -m tests.stack.newer_warehouse warehouse`."""

from unittest.mock import patch

from deploy.cli.main import main
from schemas import outputs

COLUMN = "mood"

if __name__ == "__main__":
    events = outputs.COLUMNS["feedback_events"]
    with patch.dict(outputs.COLUMNS, {"feedback_events": (*events, COLUMN)}):
        main()
