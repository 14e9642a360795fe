"""``notifier templates``: which there are, what they take, whether they can be used."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from notifier.cli import main
from notifier.settings import settings
from notifier.templates import BUILT_IN, template_names

Run = Callable[..., Result]
OWN = """
description = "Ours."
alert_type = "critical"
title = "{{ what }}"
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command in a folder with templates of its own."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "backup.toml").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOTIFIER_TEMPLATES_DIR", "own")

    def run(*arguments: str) -> Result:
        settings.cache_clear()
        try:
            return CliRunner().invoke(main, ["templates", *arguments])
        finally:
            settings.cache_clear()

    return run


def test_the_list_has_all_and_says_whose_they_are(run: Run) -> None:
    found = {each["name"]: each for each in json.loads(run("list", "--json").output)}
    assert sorted(found) == template_names()
    assert found["backup"] == {
        "name": "backup", "from": "own", "alert_type": "critical", "description": "Ours.", "problem": None
    }  # fmt: skip
    assert found["critical"]["from"] == "built in"
    assert "deployment" in run("list").output


def test_a_template_is_shown_with_its_variables_and_its_source(run: Run) -> None:
    shown = json.loads(run("show", "service_error", "--json").output)
    variables = {each["name"]: each for each in shown["variables"]}
    wanted = tomllib.loads((BUILT_IN / "service_error.toml").read_text())
    assert variables.keys() == wanted["variables"].keys()
    assert variables["service"] == {
        "name": "service", "type": "text", "required": True, "default": None,
        "description": "What failed.", "example": "Import",
    }  # fmt: skip
    assert variables["attempt"]["required"] is False
    assert "Which try that was." in run("show", "service_error").output
    assert run("show", "service_error", "--source").output == (BUILT_IN / "service_error.toml").read_text()
    (undeclared,) = json.loads(run("show", "backup", "--json").output)["variables"]
    assert (undeclared["name"], undeclared["required"]) == ("what", True)


def test_a_wrong_template_is_found_by_name_and_the_others_are_not_blamed(run: Run, tmp_path: Path) -> None:
    assert (run("check").exit_code, run("check").output) == (0, f"All {len(template_names())} templates can be used\n")
    (tmp_path / "own" / "wrong.toml").write_text("alert_type = 'error'\ntitel = 'x'\n")
    result = run("check", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["problems"].keys() == {"wrong"}
    assert "titel" in run("check", "wrong").output
    assert run("check", "backup").exit_code == 0
    listed = {each["name"]: each for each in json.loads(run("list", "--json").output)}
    assert "titel" in listed["wrong"]["problem"]
    for command in ("show", "check"):
        assert "no template 'bakcup'; backup?" in run(command, "bakcup").output
    assert run("show", "wrong").exit_code == 1
