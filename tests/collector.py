"""The garbage collector of a test that measures: tuned as in a worker, and as it was afterwards."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from processors.runtime.tuning import tune_gc


@contextmanager
def collected_as_in_a_worker() -> Iterator[None]:
    """Else what other tests left behind is looked through within what is measured: a tenth of a second and more."""
    thresholds, callbacks = gc.get_threshold(), gc.callbacks.copy()
    tune_gc()
    try:
        yield
    finally:
        gc.callbacks[:] = callbacks
        gc.unfreeze()
        gc.set_threshold(*thresholds)
