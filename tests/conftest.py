"""How hypothesis looks for cases: the same ones at each run of the tests, new ones at each `make hunt`."""

import os

from hypothesis import settings

# Whoever changes one thing must not be stopped by what was there before: what a hunt finds becomes a test of its own.
# How long a case takes depends on the machine: what must be fast is measured in tests of its own.
settings.register_profile("gate", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("hunt", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))
