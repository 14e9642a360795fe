"""A folder of templates that may not be read is said at a worker's start, and breaks no built-in template."""

import os
from pathlib import Path
from typing import Any

import pytest

from notifier.settings import Settings
from notifier.templates import BUILT_IN, template_path
from tasks import startup


@pytest.fixture
def forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of another user's. (Tests may run as root, who may read all.)"""
    folder = tmp_path / "own"
    folder.mkdir()
    stat, access = os.stat, os.access

    def refuse_stat(path: Any, **more: Any) -> os.stat_result:
        if str(path).startswith(f"{folder}/"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **more)

    monkeypatch.setattr(os, "stat", refuse_stat)
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(folder) and access(path, mode))
    return folder


def test_built_in_templates_are_found_all_the_same(forbidden: Path) -> None:
    assert template_path("backup", forbidden).parent == BUILT_IN


def test_a_worker_does_not_start_and_names_it(forbidden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Settings.load().model_copy(update={"templates_dir": forbidden})
    monkeypatch.setattr(startup, "settings", lambda: found)
    with pytest.raises(SystemExit, match=f"NOTIFIER_TEMPLATES_DIR: {forbidden} may not be read"):
        startup.refuse_missing_templates()
