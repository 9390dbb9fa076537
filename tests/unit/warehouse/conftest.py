"""A lake and its backups in memory."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from holdfast.warehouse import database
from tests.model.warehouse_history import connect
from tests.unit.warehouse.domain import Lake

type MakeLake = Callable[..., Lake]


@pytest.fixture
def make_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeLake:
    """Its steps share an instance of the database: to make one takes longer than what it is for."""
    monkeypatch.setattr(database, "connect", connect)
    return partial(Lake, tmp_path)


@pytest.fixture
def lake(make_lake: MakeLake) -> Lake:
    return make_lake()
