"""docs/configuration.md and .env.example say of every variable what the class of the settings says."""

import re
from pathlib import Path

import pytest

from notifier.per_type import variables_per_type
from notifier.setting_sources import SECRETS
from notifier.settings import Settings
from scripts.configuration_page import MEANINGS, PAGE, page

EXAMPLE = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.*?`)[^|]* \| .*? \| (.*?) \| .*? \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
"""Variables and default; that the page is up to date is tested in tests/e2e/test_docs.py."""


def test_it_has_every_variable() -> None:
    named = {name for names, _ in ROWS for name in re.findall(r"`(\w+)(?:_<TYPE>)?`", names)}
    all_types = {name for name in Settings.variables() if name not in variables_per_type()}
    assert all_types <= named
    files = {f"{name}_FILE" for name in SECRETS}
    assert files <= set(re.findall(r"`(\w+_FILE)`", PAGE.read_text(encoding="utf-8")))
    assert {name for name in variables_per_type() if not name.startswith(tuple(named))} == set()


def test_the_example_has_the_defaults_of_the_page() -> None:
    defaults = {names.split("`")[1]: default.strip("`") for names, default in ROWS}
    example = dict(re.findall(r"^([A-Z_]+)=(\S*)", EXAMPLE, re.MULTILINE))
    given = {name: value for name, value in example.items() if value and name in defaults}
    assert len(given) > 30
    as_on_the_page = {"true": "on", "false": "off"}
    assert {name: as_on_the_page.get(value, value) for name, value in given.items()} == {
        name: defaults[name] for name in given
    }


def test_a_variable_without_a_meaning_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(MEANINGS["Sending"], "DISCORD_RATE_LIMIT")
    with pytest.raises(KeyError, match=r"say in MEANINGS .* what DISCORD_RATE_LIMIT means"):
        page()
