"""``notifier.init`` turns on what is there, and twice is once."""

import asyncio
import logging
import sys
import threading

import pytest
from celery import Celery, signals
from flask import Flask
from starlette.applications import Starlette

import notifier
from notifier.integrations import excepthooks, hooks
from notifier.integrations.log_handler import DiscordHandler
from notifier.testing import Alerts


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """All hooks are as they were, at the end."""
    monkeypatch.setattr("atexit.register", lambda _: None)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(excepthooks, "_handlers", [])
    monkeypatch.setattr(hooks, "_celery_apps", [])
    monkeypatch.setattr(logging.root, "handlers", list(logging.root.handlers))
    for name in ("task_failure", "task_revoked", "task_unknown", "worker_shutdown", "task_prerun", "task_postrun"):
        signal = getattr(signals, name)
        monkeypatch.setattr(signal, "receivers", list(signal.receivers))


def test_it_turns_on_what_is_given(alerts: Alerts) -> None:
    assert notifier.init() == ["logging", "excepthooks"]
    logging.getLogger("orders_of_hooks").error("paid twice")
    (handler,) = [each for each in logging.root.handlers if isinstance(each, DiscordHandler)]
    handler.flush(30)
    alerts.assert_sent(title="paid twice", count=1)
    assert sys.excepthook is not sys.__excepthook__


def test_a_program_without_handlers_still_sees_its_log(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    notifier.init()
    notifier.init()
    logger = logging.getLogger("orders_of_hooks")
    logger.warning("paid late")
    logger.error("paid twice")
    assert capsys.readouterr().err == "paid late\npaid twice\n"


@pytest.mark.parametrize("name", ["", "orders_of_hooks", "orders_of_hooks.till"])
def test_what_a_handler_of_the_program_shows_is_not_printed_as_well(
    name: str, alerts: Alerts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    notifier.init()
    own = logging.getLogger(name)
    monkeypatch.setattr(own, "handlers", [*own.handlers, logging.NullHandler()])
    logging.getLogger("orders_of_hooks.till").error("paid twice")
    assert capsys.readouterr().err == ""


def test_the_loop_that_runs_as_well() -> None:
    async def main() -> list[str]:
        return notifier.init()

    assert asyncio.run(main()) == ["logging", "excepthooks", "asyncio"]


def test_frameworks_are_those_given_and_twice_is_once() -> None:
    celery, flask, starlette = Celery("shop", set_as_current=False), Flask("shop"), Starlette()
    before = len(signals.task_failure.receivers)
    for _ in range(2):
        on = notifier.init(celery_app=celery, flask_app=flask, starlette_app=starlette, level="WARNING")
        assert on == ["logging", "excepthooks", "celery", "flask", "starlette"]
    assert len(signals.task_failure.receivers) == before + 1
    assert len(starlette.user_middleware) == 1
    assert "notifier" in flask.extensions
    assert sum(isinstance(each, DiscordHandler) for each in logging.root.handlers) == 1
