from pathlib import Path

import pytest

from tests.laws.sla.office import Promising


@pytest.fixture
def promising(tmp_path: Path) -> Promising:
    return Promising(tmp_path)
