"""A worker process whose state only counts: settings come from the environment, as for the real one."""

import sys

from processors.settings import Settings
from processors.worker import run
from schemas.errors import OidorError
from tests.processors.durability.counting import counting

if __name__ == "__main__":
    settings = Settings()
    try:
        sys.exit(run(settings, counting(settings.topic_prefix, settings.message_bytes)))
    except OidorError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
