"""Flower's options: what nobody has chosen is ours, and without a login it is for this machine alone."""

import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tornado.options import OptionParser

from notifier.dashboard.options import COLUMNS, fill
from notifier.errors import ConfigurationError
from notifier.settings import Settings
from tests.composed import Composed

PASSWORD = SecretStr("fake-password")


def options(**given: Any) -> Any:
    """Flower's, as its command leaves them."""
    parser = OptionParser()
    parser.define("address", default="", type=str)
    parser.define("unix_socket", default="", type=str)
    parser.define("auth", default="", type=str)
    parser.define("basic_auth", default=None, type=str, multiple=True)
    parser.define("tasks_columns", default="name,uuid,state,received,runtime,worker", type=str)
    parser.define("natural_time", default=False, type=bool)
    for name, value in given.items():
        setattr(parser, name, value)
    return parser


def filled(given: Any, **settings: Any) -> Any:
    fill(given, Settings.load().model_copy(update=settings))
    return given


def test_the_columns_show_type_title_state_and_reason_unless_others_are_chosen() -> None:
    assert filled(options()).tasks_columns == COLUMNS
    assert COLUMNS.split(",")[:4] == ["name", "kwargs", "state", "result"]
    assert filled(options()).natural_time is True
    chosen = filled(options(tasks_columns="name,uuid,state,received,runtime,worker", natural_time=False))
    assert (chosen.tasks_columns, chosen.natural_time) == ("name,uuid,state,received,runtime,worker", False)


def test_the_login_is_that_of_the_operators_page_unless_flower_has_its_own() -> None:
    assert filled(options(), web_password=PASSWORD).basic_auth == ["notifier:fake-password"]
    assert filled(options(), web_password=PASSWORD, web_user="ops").basic_auth == ["ops:fake-password"]
    assert filled(options(basic_auth=["a:b"]), web_password=PASSWORD).basic_auth == ["a:b"]
    assert filled(options(auth=".*@example.com"), web_password=PASSWORD).basic_auth == []


@pytest.mark.parametrize("empty", [[""], ["", " "]])
def test_an_empty_variable_is_no_login_that_an_empty_password_opens(empty: list[str]) -> None:
    assert filled(options(basic_auth=empty)).basic_auth == []
    assert filled(options(basic_auth=empty), web_password=PASSWORD).basic_auth == ["notifier:fake-password"]


def test_a_password_that_flower_cannot_check_is_told_and_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="ASCII") as told:
        filled(options(), web_password=SecretStr("päss"))
    assert "päss" not in str(told.value)


@pytest.mark.parametrize(("text", "told"), [(None, "cannot be read"), ("", "no password"), (" \n", "no password")])
def test_a_file_that_holds_no_password_is_not_taken_for_no_login(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, told: str
) -> None:
    file = tmp_path / "password"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("NOTIFIER_WEB_PASSWORD_FILE", str(file))
    with pytest.raises(ConfigurationError, match=f"NOTIFIER_WEB_PASSWORD_FILE: .*{told}"):
        filled(options(address="127.0.0.1"))
    assert filled(options(basic_auth=["a:b"])).basic_auth == ["a:b"]
    file.write_text("fake-password\n")
    assert filled(options()).basic_auth == ["notifier:fake-password"]


def test_without_a_login_it_listens_on_this_machine_alone_unless_an_address_is_given(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert filled(options()).address == "localhost"
    assert filled(options(), web_password=PASSWORD).address == ""
    assert filled(options(basic_auth=["a:b"])).address == ""
    for own in ("127.0.0.1", "::1", "localhost"):
        assert filled(options(address=own)).address == own
    assert caplog.text == ""
    with caplog.at_level(logging.WARNING):
        assert filled(options(address="0.0.0.0")).address == "0.0.0.0"
    assert "has no login" in caplog.text


def test_compose_names_the_same_columns_changes_nothing_and_asks_for_the_login() -> None:
    environment = Composed(files={}).environment("flower")
    assert environment["FLOWER_TASKS_COLUMNS"] == COLUMNS
    assert (environment["FLOWER_READ_ONLY"], environment["FLOWER_PERSISTENT"]) == ("true", "true")
    assert environment["NOTIFIER_WEB_PASSWORD_FILE"].startswith("/run/notifier/"), "made if nobody gives one"
    folder = environment["FLOWER_DB"].rpartition("/")[0]
    assert f"flower:{folder}" in Composed().services["flower"]["volumes"]
    own = Composed("FLOWER_TASKS_COLUMNS=name\nFLOWER_BASIC_AUTH=a:b\n").environment("flower")
    assert (own["FLOWER_TASKS_COLUMNS"], own["FLOWER_BASIC_AUTH"]) == ("name", "a:b")
