"""A worker process whose state only counts: settings come from the environment, as for the real one."""

import sys

from processors.app import run
from processors.settings import Settings
from tests.processors.counting import counting

if __name__ == "__main__":
    settings = Settings()
    sys.exit(run(settings, counting(settings.topic_prefix, settings.message_bytes)))
