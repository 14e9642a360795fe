"""What tests of settings begin with."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.environment import give
from notifier.settings import settings
from tests.conftest import SETTINGS


@pytest.fixture
def nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder, and none of the variables set."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith(SETTINGS):
            monkeypatch.delenv(name)
    settings.cache_clear()
    yield
    settings.cache_clear()
    give({})
