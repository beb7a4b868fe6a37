"""`oidor worker` without a bound on what may wait for a checkpoint, so that one can do without checkpoints."""

import sys
from typing import Final

from deploy.cli.settings import load_settings
from processors import worker

PENDING_MAX: Final = 1_000_000_000

if __name__ == "__main__":
    vars(worker)["_PENDING_RECORDS"] = PENDING_MAX
    sys.exit(worker.run(load_settings()))
