"""`oidor worker` without a bound on what may wait for a checkpoint, so that one can do without checkpoints."""

import sys
from typing import Final

from processors import app
from processors.settings import Settings

PENDING_MAX: Final = 1_000_000_000

if __name__ == "__main__":
    vars(app)["_PENDING_RECORDS"] = PENDING_MAX
    sys.exit(app.run(Settings()))
