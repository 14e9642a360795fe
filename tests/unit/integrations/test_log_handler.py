"""What is logged becomes an alert: whole, folded if it repeats, and nobody who logs waits for it."""

import logging
import logging.config
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from notifier.errors import BrokerUnavailable
from notifier.integrations import excepthooks, log_handler, log_queue, log_sender
from notifier.integrations.log_alert import dedup_key
from notifier.logging import DiscordHandler
from notifier.models import NotificationMessage
from notifier.producer.captures import capturing
from notifier.testing import Alerts
from tests.servers import until

Raised = list[dict[str, Any]]


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger that nothing else listens to."""
    logger = logging.Logger("shop.orders")
    yield logger
    for handler in logger.handlers:
        handler.close()


@pytest.fixture
def handler(log: logging.Logger) -> DiscordHandler:
    """Its handler, which takes all levels."""
    handler = DiscordHandler(level=logging.NOTSET)
    log.addHandler(handler)
    return handler


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> Raised:
    """The alerts that are handed over, for tests that want no more of them."""
    found: Raised = []
    monkeypatch.setattr(log_sender, "raise_alert", found.append)
    return found


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Handing over waits for it."""
    gate = threading.Event()
    found: Raised = []

    def wait(alert: dict[str, Any]) -> None:
        assert gate.wait(30)
        found.append(alert)

    gate.raised = found  # type: ignore[attr-defined]
    monkeypatch.setattr(log_sender, "raise_alert", wait)
    yield gate
    gate.set()


@pytest.mark.parametrize(
    ("level", "kind", "severity"),
    [
        (logging.CRITICAL, "critical", "critical"),
        (logging.ERROR + 5, "error", "error"),
        (logging.ERROR, "error", "error"),
        (logging.WARNING, "monitoring", "warning"),
        (logging.INFO, "general", "info"),
        (1, "general", "info"),
    ],
)
def test_the_level_says_type_and_severity(
    log: logging.Logger, handler: DiscordHandler, alerts: Alerts, level: int, kind: str, severity: str
) -> None:
    log.log(level, "Disk %s full\nsecond line", "/var")
    handler.flush()
    message = alerts.assert_sent(type=kind, severity=severity, title="Disk /var full", message="second line", count=1)
    assert message.source == "shop.orders"


def test_text_from_a_log_is_no_markdown_and_keeps_its_time(
    log: logging.Logger, handler: DiscordHandler, alerts: Alerts
) -> None:
    record = log.makeRecord("shop", logging.ERROR, "f.py", 7, "*%s*", ("@everyone",), None, "run", {"key": "__x__"})
    record.created = 1_700_000_000.5
    log.handle(record)
    handler.flush()
    embed = alerts.payloads[0]["embeds"][0]
    assert embed["title"] == r"\*@everyone\*".replace("@", "\\@")
    assert embed["timestamp"].startswith("2023-11-14T22:13:20.5")
    assert {each["name"]: each["value"] for each in embed["fields"]} == {"key": r"\_\_x\_\_", "Where": "f.py:7 in run"}


def test_extras_are_fields_and_what_every_record_has_is_not(
    log: logging.Logger, handler: DiscordHandler, alerts: Alerts
) -> None:
    log.error("Failed", extra={"order": 5, "who": {"id": 1}, "nothing": None, "_private": 1})
    handler.flush()
    names = [field.name for field in alerts.sent[0].fields]
    assert names == ["order", "who", "nothing", "Where"]
    alerts.assert_sent(fields={"order": "5", "who": '{"id": 1}'})


def test_extras_are_bounded(log: logging.Logger, handler: DiscordHandler, alerts: Alerts) -> None:
    log.error("Failed", extra={f"name{number}": number for number in range(150)})
    handler.flush()
    assert len(alerts.sent[0].fields) == 101  # and where it was logged


def test_a_child_of_the_thread_that_raises_alerts_may_log() -> None:
    token = log_sender.own_call.set(True)
    child = os.fork()
    if child == 0:
        os._exit(int(log_sender.own_call.get()))
    log_sender.own_call.reset(token)
    assert os.waitpid(child, 0)[1] == 0


def test_the_traceback_and_the_stack_come_along(log: logging.Logger, handler: DiscordHandler, alerts: Alerts) -> None:
    try:
        raise ValueError("no such order")
    except ValueError:
        log.exception("Failed", stack_info=True)
    handler.flush()
    traceback = alerts.sent[0].traceback or ""
    assert traceback.startswith("Stack (most recent call last):")
    assert traceback.endswith("ValueError: no such order")
    assert alerts.sent[0].message == ""


def test_a_record_without_a_text_is_called_after_its_exception(
    log: logging.Logger, handler: DiscordHandler, alerts: Alerts
) -> None:
    log.error("", exc_info=ValueError("no such order"))
    log.error("")
    handler.flush()
    assert [each.title for each in alerts.sent] == ["ValueError: no such order", "Error"]


class Unreadable:
    """A value whose every text raises."""

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


@pytest.mark.parametrize(
    ("message", "args", "title"),
    [
        ("%s %s", ("one",), r"%s %s % one (TypeError)"),
        ("%s", (Unreadable(),), "%s % <Unreadable> (RuntimeError)"),
        (Unreadable(), (), "<Unreadable> %  (RuntimeError)"),
        ({"event": "a mapping"}, (), "a mapping"),
        (KeyError("as a message"), (), "'as a message'"),
        ("100 %", (), "100 %"),
    ],
)
def test_a_record_that_cannot_be_formatted_is_an_alert_all_the_same(
    log: logging.Logger, handler: DiscordHandler, alerts: Alerts, message: Any, args: Any, title: str
) -> None:
    log.error(message, *args, extra={"value": Unreadable()})
    handler.flush()
    assert alerts.sent[0].title == title


def test_a_formatter_that_fails_costs_no_alert(log: logging.Logger, handler: DiscordHandler, alerts: Alerts) -> None:
    handler.setFormatter(logging.Formatter("%(request_id)s %(message)s"))
    log.error("Order %d failed", 5)
    handler.flush()
    assert alerts.sent[0].title == "Order %d failed % 5 (ValueError)"


@pytest.mark.parametrize(
    "exc_info", [(1, 2, 3), ("one",), (None, None, None), (ValueError, ValueError("v"), "no trace")]
)
def test_an_exception_that_is_none_costs_no_alert(
    log: logging.Logger, handler: DiscordHandler, alerts: Alerts, exc_info: Any
) -> None:
    log.error("Order failed", exc_info=exc_info)
    handler.flush()
    assert [each.title for each in alerts.sent] == ["Order failed"]


def test_a_record_without_a_name_raises_nothing_into_its_program(handler: DiscordHandler, alerts: Alerts) -> None:
    handler.handle(logging.makeLogRecord({"msg": "by hand", "levelno": logging.ERROR, "pathname": None}))
    handler.flush()
    assert [each.title for each in alerts.sent] == ["by hand"]


def test_a_record_that_becomes_no_alert_is_counted(
    log: logging.Logger, handler: DiscordHandler, alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(logging, "raiseExceptions", False)
    with monkeypatch.context() as patch:
        patch.setattr(log_handler, "alert_of", fail)
        log.error("lost")
    log.error("next")
    handler.flush()
    fields = {each.name: each.value for each in alerts.sent[0].fields}
    assert fields["Dropped"] == f"1 record dropped: 1 × {log.name} ERROR"


def test_equal_records_are_one_incident_told_at_once_and_then_by_their_count(
    log: logging.Logger, handler: DiscordHandler
) -> None:
    told: list[NotificationMessage] = []
    with capturing(told.append):  # ``Alerts`` would wait for the rest
        for number in range(37):
            log.error("Order %d failed", number)
        until(lambda: told, "the first at once")
        assert told[0].title == "Order 0 failed"
        handler.flush()
    assert len(told) == 2
    assert told[1].title == "Order 36 failed"
    assert [each.count for each in told] == [None, 36]
    assert told[0].dedup_key == told[1].dedup_key
    assert (told[0].dedup_key or "").startswith("log/shop.orders/ERROR/")


def test_repeats_are_told_at_the_end_of_each_window_and_the_fold_ends_with_a_quiet_one(
    log: logging.Logger, raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_queue, "TOLD_SECONDS", 0.05)
    handler = DiscordHandler(fold_seconds=60)
    log.addHandler(handler)
    log.error("Failed")
    log.error("Failed")
    until(lambda: len(raised) == 2, "the repeat", poll_seconds=0.01)
    log.error("Failed")
    until(lambda: len(raised) == 3, "the next repeat", poll_seconds=0.01)
    assert [alert.get("count", 1) for alert in raised] == [1, 1, 1]
    assert {alert["dedup_seconds"] for alert in raised} == {60}
    sender = handler._sender
    until(lambda: sender._thread is None, "the end of the thread", poll_seconds=0.01)
    log.error("Failed")
    handler.flush()
    assert len(raised) == 4
    assert len({alert["dedup_key"] for alert in raised}) == 1
    assert len({alert["id"] for alert in raised}) == 4


def test_what_differs_is_not_folded(log: logging.Logger, handler: DiscordHandler, raised: Raised) -> None:
    for error in (ValueError(), KeyError()):
        for level in (logging.ERROR, logging.WARNING):
            for text in ("Failed", "Lost"):
                log.log(level, text, exc_info=error)
    handler.flush()
    assert len(raised) == 8
    assert len({alert["dedup_key"] for alert in raised}) == 8


def test_without_folding_each_record_is_an_alert(log: logging.Logger, raised: Raised) -> None:
    handler = DiscordHandler(fold_seconds=0)
    log.addHandler(handler)
    for _ in range(5):
        log.error("Failed")
    handler.flush()
    assert len(raised) == 5
    assert not any("dedup_key" in alert for alert in raised)


def test_the_key_is_the_same_in_every_process_and_another_for_another_source(log: logging.Logger) -> None:
    def record(text: str, *args: object) -> logging.LogRecord:
        return log.makeRecord("shop.{x}", logging.ERROR, "f.py", 7, text, args, None)

    assert dedup_key(record("Order %d failed", 5), None) == "log/shop.(x)/ERROR/f9dd82e290a28c21"
    assert dedup_key(record("Order %d failed", 6), "db1") == "log/db1/shop.(x)/ERROR/f9dd82e290a28c21"


def test_exceptions_that_nobody_catches_are_told_apart_by_where_they_are_raised(
    handler: DiscordHandler, raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excepthooks, "_handlers", [handler])

    def one() -> None:
        raise ValueError

    def two() -> None:
        raise ValueError

    def tell(work: Callable[[], None]) -> None:
        try:
            work()
        except ValueError as error:
            excepthooks._tell("sys.excepthook", logging.CRITICAL, "It was not caught.", error, error.__traceback__)

    for work in (one, two, two):
        tell(work)
    monkeypatch.setattr(sys, "argv", ["other.py"])
    tell(one)
    handler.flush()
    assert [alert.get("count", 1) for alert in raised] == [1, 1, 1, 1]
    assert len({alert["dedup_key"] for alert in raised}) == 3
    assert not any(field["name"] == "_notifier_place" for alert in raised for field in alert["fields"])


def test_an_exception_that_nobody_catches_is_none_below_the_level_of_its_handler(
    handler: DiscordHandler, raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excepthooks, "_handlers", [handler])
    handler.setLevel(logging.CRITICAL)
    for level in (logging.ERROR, logging.CRITICAL):
        excepthooks._tell("asyncio", level, f"at {level}", ValueError("it"), None)
    handler.flush()
    assert [f"at {logging.CRITICAL}" in alert["message"] for alert in raised] == [True]


def test_who_logs_never_waits_and_what_found_no_room_is_counted_and_told(
    log: logging.Logger, gate: threading.Event
) -> None:
    handler = DiscordHandler(queue_size=3)
    log.addHandler(handler)
    log.error("under way")
    until(lambda: handler._sender._is_busy, "the first under way", poll_seconds=0.01)
    for number in range(15):
        log.error(f"number {number}")
    gate.set()
    handler.flush()
    raised: Raised = gate.raised  # type: ignore[attr-defined]
    assert [alert["message"] for alert in raised] == ["under way", "number 0", "number 1", "number 2"]
    told = [field["value"] for alert in raised for field in alert["fields"] if field["name"] == "Dropped"]
    assert told == ["12 records dropped: 12 × shop.orders ERROR"]


def test_what_was_dropped_is_told_even_if_nothing_follows(
    log: logging.Logger, handler: DiscordHandler, raised: Raised
) -> None:
    handler._sender.queue.drop("shop.orders ERROR", 2)
    log.debug("last")
    until(lambda: raised, "the last")
    handler._sender.queue.drop("shop.orders ERROR", 2)
    handler.flush()
    assert raised[-1]["title"] == "Log: 2 records dropped"
    assert raised[-1]["message"] == "2 × shop.orders ERROR"


@pytest.mark.parametrize("name", sorted(log_handler.LEFT_OUT))
def test_what_an_alert_itself_may_log_is_left_out(name: str, raised: Raised) -> None:
    handler = DiscordHandler()
    for each in (name, f"{name}.below", f"{name}s"):
        handler.handle(logging.makeLogRecord({"name": each, "levelno": logging.ERROR, "msg": each}))
    handler.flush()
    assert [alert["message"] for alert in raised] == [f"{name}s"]


def test_what_is_logged_while_an_alert_is_raised_is_left_out_in_its_threads_too(
    log: logging.Logger, handler: DiscordHandler, monkeypatch: pytest.MonkeyPatch, raised: Raised
) -> None:
    from notifier.producer.deadline import run_with_deadline

    def raise_alert(alert: dict[str, Any]) -> None:
        log.error("a library of mine")
        run_with_deadline(5, lambda: log.error("in its thread"))
        raised.append(alert)

    monkeypatch.setattr(log_sender, "raise_alert", raise_alert)
    log.error("Failed")
    handler.flush()
    log.error("Failed again")
    handler.flush()
    assert [alert["message"] for alert in raised] == ["Failed", "Failed again"]


def test_a_value_that_logs_itself_ends(log: logging.Logger, handler: DiscordHandler, raised: Raised) -> None:
    class Logging:
        def __str__(self) -> str:
            log.error("shown", extra={"value": self})
            return "it"

    log.error("Failed", extra={"value": Logging()})
    handler.flush()
    assert 1 <= len(raised) <= 5
    assert raised[-1]["message"] in ("Failed", "shown")


def test_while_nobody_takes_an_alert_it_is_tried_again_with_one_id(
    log: logging.Logger, handler: DiscordHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_sender, "AGAIN_SECONDS", 0.01)
    tried: Raised = []

    def refuse_twice(alert: dict[str, Any]) -> None:
        tried.append(alert)
        if len(tried) < 3:
            raise BrokerUnavailable("Redis is away")

    monkeypatch.setattr(log_sender, "raise_alert", refuse_twice)
    log.error("Failed")
    handler.flush()
    assert len(tried) == 3
    assert len({alert["id"] for alert in tried}) == 1


def test_a_flush_ends_in_time_and_says_what_waits_and_why(
    log: logging.Logger, handler: DiscordHandler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away, tried = [True], []

    def refuse(alert: dict[str, Any]) -> None:
        tried.append(alert)
        if away:
            raise BrokerUnavailable("Redis is away")

    monkeypatch.setattr(log_sender, "_said", set())
    monkeypatch.setattr(log_sender, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(log_sender, "raise_alert", refuse)
    log.error("one")
    log.error("two")
    until(lambda: handler._sender._problem, "that it was tried in vain", poll_seconds=0.01)
    handler.flush(0.05)
    assert capsys.readouterr().err == "notifier: alerts of log records that wait after 0.05 s: 2: Redis is away\n"
    away.clear()
    handler.flush()
    assert [alert["message"] for alert in tried[-2:]] == ["one", "two"]


def test_an_alert_that_cannot_be_raised_ends_no_thread_and_is_told(
    log: logging.Logger, handler: DiscordHandler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken: Raised = []

    def fail_once(alert: dict[str, Any]) -> None:
        if alert["message"] in ("one", "three"):
            raise RuntimeError("of a library")
        taken.append(alert)

    monkeypatch.setattr(log_sender, "_said", set())
    monkeypatch.setattr(log_sender, "raise_alert", fail_once)
    log.error("one")
    log.error("two")
    handler.flush()
    assert [alert["message"] for alert in taken] == ["two"]
    assert taken[0]["fields"][-1]["value"] == "1 record dropped: 1 × RuntimeError"
    assert "a log record became no alert: RuntimeError: of a library" in capsys.readouterr().err


def test_where_no_thread_can_be_started_a_flush_hands_over(
    log: logging.Logger, handler: DiscordHandler, raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_sender, "started", lambda _: False)
    log.error("as the interpreter ends")
    log.error("as the interpreter ends")
    assert raised == []
    handler.flush()
    assert [alert["message"] for alert in raised] == ["as the interpreter ends"] * 2


def test_a_handler_starts_its_thread_with_its_first_record_and_that_ends_by_itself(
    log: logging.Logger, raised: Raised
) -> None:
    handler = DiscordHandler(fold_seconds=0)
    log.addHandler(handler)
    sender = handler._sender
    assert sender._thread is None
    for number in range(3):
        log.error("number %d", number)
        until(lambda: sender._thread is None, "the end of the thread", poll_seconds=0.001)
    assert len(raised) == 3


def test_many_threads_lose_none(log: logging.Logger, raised: Raised) -> None:
    handler = DiscordHandler(fold_seconds=0, queue_size=10_000)
    log.addHandler(handler)
    threads = [threading.Thread(target=lambda: [log.error("x") for _ in range(100)]) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    handler.flush()
    assert len(raised) == 800


def test_the_memory_of_folds_is_bounded(log: logging.Logger, gate: threading.Event) -> None:
    handler = DiscordHandler(queue_size=5_000)
    log.addHandler(handler)
    for number in range(1_500):
        log.error(f"number {number}")
    assert len(handler._sender.queue._folds) == 1_000
    gate.set()
    handler.flush()  # else the rest is handed over in other tests


@pytest.mark.slow
def test_what_waits_is_bounded_in_characters_too(
    log: logging.Logger, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_queue, "CHARACTERS_MAX", 1_000_000)
    handler = DiscordHandler()
    log.addHandler(handler)
    log.error("under way")
    until(lambda: handler._sender._is_busy, "the first under way", poll_seconds=0.01)
    for number in range(50):
        log.error(f"{number} " + "x" * 10_000_000, extra={"also": "y" * 10_000_000})
    assert handler._sender.queue.waiting <= 8
    gate.set()
    handler.flush()
    raised: Raised = gate.raised  # type: ignore[attr-defined]
    assert all(len(str(alert)) < 200_000 for alert in raised)
    assert handler._sender.queue._characters == 0
    assert " records dropped: " in str(raised)


def test_of_a_long_traceback_the_end_is_kept(log: logging.Logger, handler: DiscordHandler, raised: Raised) -> None:
    log.error("Failed", exc_info=ValueError("x" * 500_000 + " the end"))
    handler.flush()
    assert len(raised[0]["traceback"]) < 101_000
    assert raised[0]["traceback"].endswith(" the end")


@pytest.mark.parametrize("types", [{"LOUD": "error"}, {"ERROR": "loud"}])
def test_an_unknown_level_or_type_is_told_at_once(types: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"types: '(LOUD|loud)' is no"):
        DiscordHandler(types=types)


def test_dict_config_makes_one(alerts: Alerts) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"short": {"format": "[%(levelname)s] %(message)s"}},
            "handlers": {
                "discord": {
                    "class": "notifier.logging.DiscordHandler",
                    "level": "WARNING",
                    "types": {"CRITICAL": "security", 30: "tracklist"},
                    "source": "shop",
                    "formatter": "short",
                }
            },
            "loggers": {"configured": {"handlers": ["discord"], "propagate": False}},
        }
    )
    logger = logging.getLogger("configured")
    try:
        logger.info("not loud enough")
        logger.warning("Slow")
        logger.critical("Broken into", exc_info=ValueError("x"))
        logger.handlers[0].flush()
    finally:
        logger.handlers.clear()
    alerts.assert_sent(type="tracklist", title="[WARNING] Slow", source="shop", fields={"Logger": "configured"})
    broken = alerts.assert_sent(type="security", title="[CRITICAL] Broken into", message="")
    assert broken.traceback == "ValueError: x"
    assert len(alerts.sent) == 2


Configure = Callable[..., tuple[Any, DiscordHandler]]


@pytest.fixture
def structured() -> Iterator[Configure]:
    """Configures structlog on a logger of the standard library that ends in a handler of ours."""
    logger = logging.getLogger("structured")

    def configure(last: Any, formatter: logging.Formatter | None = None) -> tuple[Any, DiscordHandler]:
        handler = DiscordHandler()
        handler.setFormatter(formatter)
        logger.addHandler(handler)
        logger.propagate = False
        structlog.configure(
            processors=[structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso"), last],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        return structlog.get_logger("structured"), handler

    yield configure
    structlog.reset_defaults()
    logger.handlers.clear()


@pytest.mark.parametrize(
    "last", [structlog.stdlib.ProcessorFormatter.wrap_for_formatter, structlog.stdlib.render_to_log_kwargs]
)
def test_structlog_brings_its_event_as_title_and_its_values_as_fields(
    structured: Configure, alerts: Alerts, last: Any
) -> None:
    logger, handler = structured(last)
    try:
        raise ValueError("no such order")
    except ValueError:
        logger.exception("order failed", order=5)
    logger.error("order failed", order=6)
    handler.flush()
    first = alerts.assert_sent(type="error", title="order failed", message="", fields={"order": "5"})
    assert (first.traceback or "").endswith("ValueError: no such order")
    assert "event" not in {field.name for field in first.fields}
    alerts.assert_sent(title="order failed", fields={"order": "6"}, count=1)


def test_a_formatter_of_structlog_makes_the_text(structured: Configure, alerts: Alerts) -> None:
    renderer = structlog.dev.ConsoleRenderer(colors=True)
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    )
    logger, handler = structured(structlog.stdlib.ProcessorFormatter.wrap_for_formatter, formatter)
    logger.error("order failed", order=5)
    handler.flush()
    assert "order failed" in alerts.sent[0].title
    assert "order=5" in alerts.sent[0].title
    assert "\x1b" not in alerts.sent[0].title
