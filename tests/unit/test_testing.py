"""An application's tests see what it raises, with no Redis, no worker and no HTTP; the same holds in development."""

import asyncio
import io
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, chain, chord, group

from notifier import drawing
from notifier.errors import InvalidMessage
from notifier.models import AlertType, NotificationMessage
from notifier.producer import captures
from notifier.producer.captures import capture_of, capturing
from notifier.render.batch import compose
from notifier.service import DiscordNotificationService
from notifier.settings import Settings
from notifier.testing import Alerts
from tasks import app, send_notification
from tests.inner_pytest import WITHOUT_XDIST, run_pytest

ERROR = send_notification["error"]


@pytest.fixture(autouse=True)
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("Redis was asked")

    monkeypatch.setattr("redis.connection.AbstractConnection.connect", refuse)


def test_every_way_to_raise_an_alert_is_captured(alerts: Alerts) -> None:
    send_notification.delay(alert_type="critical", title="delay")
    ERROR.delay("by type")
    ERROR.apply_async(("later",), countdown=60)
    ERROR.s("signature").delay()
    ERROR(title="called")
    asyncio.run(DiscordNotificationService().send(NotificationMessage(title="async"), wait=5))
    thread = threading.Thread(target=lambda: ERROR.delay("thread"))
    thread.start()
    thread.join()
    titles = ["delay", "by type", "later", "signature", "called", "async", "thread"]
    assert [message.title for message in alerts.sent] == titles
    assert [payload["embeds"][0]["title"] for payload in alerts.payloads] == titles
    alerts.clear()
    alerts.assert_none_sent()


CAPTURED: list[tuple[Callable[[], object], list[str]]] = [
    (lambda: chain(ERROR.s("a"), ERROR.s(title="b"), ERROR.si(title="c")).apply_async(), ["a", "b", "c"]),
    (lambda: (ERROR.s("a") | ERROR.s(title="b")).delay(), ["a", "b"]),
    (lambda: group(ERROR.s("a"), ERROR.s("b")).apply_async(), ["a", "b"]),
    (lambda: chord([ERROR.s("a"), ERROR.s("b")])(ERROR.s(title="c")), ["a", "b", "c"]),
    (lambda: ERROR.chunks([("a",), ("b",), ("c",)], 2).apply_async(), ["a", "b", "c"]),
    (lambda: ERROR.chunks([("a",), ("b",), ("c",)], 2).group().delay(), ["a", "b", "c"]),
    (lambda: ERROR.map(["a", "b"]).delay(), ["a", "b"]),
    (lambda: ERROR.starmap([("a",), ("b",)]).apply_async(), ["a", "b"]),
    (lambda: ERROR.apply_async(("a",), link=[ERROR.s(title="b"), ERROR.si(title="c")]), ["a", "b", "c"]),
    (lambda: ERROR.s("a").apply_async(link=ERROR.s(title="b"), link_error=ERROR.s(title="no")), ["a", "b"]),
]


@pytest.mark.parametrize("number", range(len(CAPTURED)))
def test_every_alert_of_a_canvas_is_captured(alerts: Alerts, number: int) -> None:
    raise_all, titles = CAPTURED[number]
    raise_all()
    assert [message.title for message in alerts.sent] == titles
    for after in alerts.sent[1:]:
        assert all(field.name == "Result" and "captured" in field.value for field in after.fields)


def test_what_hangs_on_an_alert_is_called_if_it_is_another_applications(alerts: Alerts) -> None:
    host, called = Celery("host", set_as_current=False, broker=app.conf.broker_url), []
    host.conf.task_always_eager = True

    @host.task(name="note", shared=False)
    def note(record: dict[str, Any]) -> None:
        called.append(record)

    ERROR.apply_async(("a",), link=note.s())
    assert [record["status"] for record in called] == ["captured"]
    alerts.assert_sent(title="a", count=1)


def test_after_the_fixture_celery_is_as_before() -> None:
    for before in (False, True):
        app.conf.task_always_eager = before
        try:
            with capturing(lambda _: None):
                assert app.conf.task_always_eager
                with capturing(lambda _: None):
                    pass
                assert app.conf.task_always_eager
            assert app.conf.task_always_eager is before
        finally:
            app.conf.task_always_eager = False
    ERROR.s("a")
    assert not app.conf.task_always_eager, "nothing is captured now"


def test_the_result_is_there_at_once_and_says_what_it_is(alerts: Alerts) -> None:
    result = ERROR.delay("T")
    assert (result.state, result.get()["status"], result.get()["success"]) == ("SUCCESS", "captured", True)
    for wait in (None, 5):
        sent = asyncio.run(DiscordNotificationService().send(NotificationMessage(title="T"), wait=wait))
        assert (sent.status, sent.success) == ("captured", True)
    assert len(alerts.sent) == 3


def test_what_is_wrong_raises_as_ever(alerts: Alerts) -> None:
    with pytest.raises(InvalidMessage, match="titel"):
        send_notification.delay(titel="T")
    alerts.assert_none_sent()


def test_an_alert_is_found_by_its_values(alerts: Alerts) -> None:
    ERROR.delay("Disk full", "97 % of /var", fields={"Host": "db1", "Mount": "/var"})
    ERROR.delay("Disk full")
    first = alerts.assert_sent(type="error", title="Disk full", count=2)
    assert first.message == "97 % of /var"
    assert alerts.assert_sent(message=re.compile(r"\d+ %"), fields={"Host": "db1"}) is first
    assert alerts.assert_sent() is first


@pytest.mark.parametrize(
    "expected",
    [
        {"type": "critical"},
        {"title": "Disk"},
        {"title": "Disk full", "count": 2},
        {"fields": {"Host": "db2"}},
        {"message": re.compile("98")},
    ],
)
def test_what_was_raised_is_told_if_it_is_not_what_was_expected(alerts: Alerts, expected: dict[str, Any]) -> None:
    ERROR.delay("Disk full", "97 %", fields={"Host": "db1"})
    with pytest.raises(pytest.fail.Exception, match=r"error: 'Disk full' '97 %'"):
        alerts.assert_sent(**expected)
    with pytest.raises(pytest.fail.Exception, match="expected no alert"):
        alerts.assert_none_sent()


def test_more_alerts_than_expected_are_told(alerts: Alerts) -> None:
    ERROR.delay("Disk full")
    ERROR.delay("Disk full")
    with pytest.raises(pytest.fail.Exception, match="expected 1 alert"):
        alerts.assert_sent(title="Disk full", count=1)


def test_that_an_alert_was_not_raised_is_asserted_among_others(alerts: Alerts) -> None:
    ERROR.delay("Disk full")
    alerts.assert_none_sent(type="critical")
    alerts.assert_none_sent(type="error", title="Disk")
    with pytest.raises(pytest.fail.Exception, match="expected no alert title='Disk full' alert_type='error'"):
        alerts.assert_none_sent(type="error", title="Disk full")
    with pytest.raises(ValueError, match="assert_none_sent"):
        alerts.assert_sent(title="Disk", count=0)


def test_without_the_fixture_the_settings_decide() -> None:
    plain = Settings.load()
    assert capture_of(plain) is None
    with capturing(print):
        assert capture_of(plain) is print
    for name in ("memory", "console", "null"):
        assert capture_of(plain.model_copy(update={"backend": name})) is captures.BACKENDS[name]


def test_the_null_and_memory_backends_take_all_and_the_configuration_is_fine() -> None:
    for name, kept in (("null", 0), ("memory", 1)):
        captures.kept.clear()
        service = DiscordNotificationService(Settings.load().model_copy(update={"backend": name}))
        result = asyncio.run(service.send(NotificationMessage(title=name)))
        assert (result.status, len(captures.kept)) == ("captured", kept)
        assert asyncio.run(service.health_check())
        assert asyncio.run(service.validate_configuration())


@pytest.mark.parametrize("with_rich", [True, False])
def test_the_console_shows_an_alert_and_obeys_nothing_in_it(
    with_rich: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not with_rich:
        for name in [each for each in sys.modules if each.partition(".")[0] == "rich"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "rich", None)
    message = NotificationMessage(
        alert_type=AlertType.ERROR,
        title="Disk full\x1b]52;c;aGk=\x07",
        message="97 % of [bold]/var[/bold]",
        fields=[{"name": f"\x1b{number}", "value": f"value {number}\x1b", "inline": True} for number in range(4)],
        source="df",
    )
    captures.BACKENDS["console"](message)
    shown = capsys.readouterr().err
    assert shown.startswith(f"error {message.id}\n")
    for text in ("Disk full\\x1b", "97 % of [bold]/var[/bold]", "value 3", "df | "):
        assert text in shown
    assert not {"\x07", "\x1b"} & set(shown)
    lines = shown.splitlines()
    if with_rich:
        assert any(all(f"value {number}" in line for number in range(3)) for line in lines), "three in a row"
        assert not any("value 2" in line and "value 3" in line for line in lines)


def test_a_long_alert_is_drawn_with_its_file() -> None:
    shown = io.StringIO()
    drawing.draw(compose([NotificationMessage(title="T", message="x" * 9_000)]), shown)
    assert re.search(r"file: t-.*\.txt \(9,\d+ bytes\)", shown.getvalue())


LOGS_MUCH = """
import logging
import pytest
from notifier.logging import DiscordHandler

log = logging.Logger("orders")
log.addHandler(DiscordHandler())

def raise_many():
    for number in range(200):
        log.error(f"Order {number} failed")

def test_all_are_seen(alerts):
    raise_many()
    alerts.assert_sent(title="Order 199 failed")
    assert (len(alerts.sent), len(alerts.payloads)) == (200, 200)
    raise_many()
    alerts.clear()
    alerts.assert_none_sent()
    raise_many()
    with pytest.raises(pytest.fail.Exception):
        alerts.assert_none_sent(title="Order 199 failed")
    raise_many()

def test_none_of_another_test(alerts):
    alerts.assert_none_sent()
    raise_many()

def test_and_none_behind_the_fixture():
    from notifier.producer.captures import kept
    log.handlers[0].flush()
    assert not kept
"""


def test_what_is_logged_in_a_test_is_an_alert_of_that_test_and_of_no_other(tmp_path: Path) -> None:
    (tmp_path / "test_orders.py").write_text(LOGS_MUCH)
    done = run_pytest(tmp_path, *WITHOUT_XDIST, NOTIFIER_BACKEND="memory")
    assert "3 passed" in done.stdout, done.stdout + done.stderr


LOGS_WITHOUT_REDIS = """
import logging
import time
import pytest
from notifier.integrations import log_sender
from notifier.logging import DiscordHandler

log = logging.Logger("orders")
log.addHandler(DiscordHandler())
log_sender.AGAIN_SECONDS = 60.0

def raise_equal():
    for number in range(3):
        log.error("Order %d failed", number)

def test_asks_for_no_alerts():
    raise_equal()
    while not log.handlers[0]._sender._problem:
        time.sleep(0.01)

@pytest.mark.parametrize("again", range(2))
def test_has_its_own(alerts, again):
    alerts.assert_none_sent()
    raise_equal()
    assert [(each.title, each.count) for each in alerts.sent] == [("Order 0 failed", None), ("Order 2 failed", 2)]
"""


def test_what_was_logged_before_is_no_alert_of_a_test_though_redis_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "test_orders.py").write_text(LOGS_WITHOUT_REDIS)
    done = run_pytest(tmp_path, *WITHOUT_XDIST, REDIS_URL="redis://127.0.0.1:1/0")
    assert "3 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
def test_the_plugin_is_found_and_imports_nothing_until_a_test_asks(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n([^`]*def test_[^`]*)```", page)
    (tmp_path / "conftest.py").write_text(
        "import sys\nassert not {'celery', 'pydantic', 'redis', 'notifier.models'} & sys.modules.keys()\n"
    )
    (tmp_path / "test_b.py").write_text(snippet)
    done = run_pytest(tmp_path, *WITHOUT_XDIST, REDIS_URL="redis://127.0.0.1:1/0")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
