"""A job says once what came of it, in every form in which it may be written, and is itself as if nobody watched it."""

import asyncio
import logging
import sys
from typing import Any

import pytest

import notifier
from notifier.errors import BrokerUnavailable, InvalidMessage
from notifier.models import NotificationMessage
from notifier.producer.client import Client
from notifier.testing import Alerts


def test_a_job_that_finishes_is_one_alert_with_its_last_step(alerts: Alerts) -> None:
    with notifier.job("nightly import") as job:
        job.progress(0.3, "customers")
        job.progress(0.75, "orders")
    message = alerts.assert_sent(type="general", title="✅ nightly import finished", message="Last: orders, 75%")
    assert [field.name for field in message.fields] == ["Took"]
    assert len(alerts.sent) == 1


def test_a_job_that_fails_is_one_alert_with_its_traceback_and_raises_on(alerts: Alerts) -> None:
    def work() -> None:
        with notifier.job("nightly import", source="db1") as job:
            job.progress(step="orders")
            raise ValueError("no such order")

    with pytest.raises(ValueError, match="no such order"):
        work()
    message = alerts.assert_sent(type="error", title="❌ nightly import failed", source="db1", count=1)
    assert message.message == "ValueError: no such order\nIt had come to: orders"
    assert (message.traceback or "").endswith("ValueError: no such order")


def test_its_type_is_that_of_both_ends(alerts: Alerts) -> None:
    with notifier.job("one", type="monitoring"):
        pass
    with pytest.raises(KeyError), notifier.job("two", type="monitoring"):
        raise KeyError
    assert [message.alert_type for message in alerts.sent] == ["monitoring", "monitoring"]


def test_only_failed_says_nothing_of_a_good_end(alerts: Alerts) -> None:
    job = notifier.job("often", only_failed=True)
    with job:
        pass
    alerts.assert_none_sent()
    with pytest.raises(KeyError), job:
        raise KeyError
    alerts.assert_sent(title="❌ often failed", count=1)


@pytest.mark.parametrize(
    ("code", "title", "text", "exit_code"),
    [
        (0, "✅ j finished", "", None),
        (None, "✅ j finished", "", None),
        (3, "❌ j failed", "It ended with exit code 3.", "3"),
        ("no disk", "❌ j failed", "no disk", "1"),
    ],
)
def test_sys_exit_is_an_end_by_its_code(
    alerts: Alerts, code: Any, title: str, text: str, exit_code: str | None
) -> None:
    with pytest.raises(SystemExit), notifier.job("j"):
        sys.exit(code)
    message = alerts.assert_sent(title=title, message=text, count=1)
    assert {field.name: field.value for field in message.fields}.get("Exit code") == exit_code


@pytest.mark.parametrize("kind", [KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
def test_what_ends_it_from_outside_is_a_failure(alerts: Alerts, kind: type[BaseException]) -> None:
    with pytest.raises(kind), notifier.job("j"):
        raise kind
    alerts.assert_sent(title="❌ j failed", message=kind.__name__)


def test_a_decorated_function_is_a_job_each_time_and_returns_what_it_does(alerts: Alerts) -> None:
    @notifier.job("double")
    def double(number: int) -> int:
        """Twice as much."""
        return 2 * number + (0 if number < 3 else double(number - 1))

    assert double(3) == 10
    assert double.__doc__ == "Twice as much."
    assert [message.title for message in alerts.sent] == ["✅ double finished"] * 2


def test_async_forms_are_jobs_too(alerts: Alerts) -> None:
    @notifier.job("coroutine")
    async def work(fail: bool) -> str:
        await asyncio.sleep(0)
        if fail:
            raise ValueError("of a coroutine")
        return "done"

    async def main() -> None:
        async with notifier.job("block") as job:
            job.progress(1)
        assert await asyncio.gather(work(False), work(False)) == ["done", "done"]
        with pytest.raises(ValueError, match="of a coroutine"):
            await work(True)
        task = asyncio.create_task(asyncio.sleep(30))

        @notifier.job("cancelled")
        async def wait() -> None:
            await task

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    titles = [message.title for message in alerts.sent]
    assert titles[0] == "✅ block finished"
    assert titles[1:] == ["✅ coroutine finished"] * 2 + ["❌ coroutine failed", "❌ cancelled failed"]


def test_the_loop_goes_on_while_redis_is_asked(monkeypatch: pytest.MonkeyPatch, alerts: Alerts) -> None:
    ticks = []

    def slow(self: Client, message: NotificationMessage, *more: Any) -> Any:
        import time

        time.sleep(0.2)
        raise BrokerUnavailable("Redis is away")

    monkeypatch.setattr(Client, "submit", slow)

    async def tick() -> None:
        while True:
            ticks.append(1)
            await asyncio.sleep(0.01)

    async def main() -> None:
        ticking = asyncio.create_task(tick())
        async with notifier.job("j"):
            pass
        ticking.cancel()

    asyncio.run(main())
    assert len(ticks) > 5


def test_an_alert_that_nobody_takes_changes_nothing_of_the_job_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, alerts: Alerts, caplog: pytest.LogCaptureFixture
) -> None:
    def away(self: Client, *_: Any) -> Any:
        raise BrokerUnavailable("Redis is away")

    monkeypatch.setattr(Client, "submit", away)
    with caplog.at_level(logging.WARNING), notifier.job("j"):
        pass
    with pytest.raises(KeyError), notifier.job("j"):
        raise KeyError
    assert [record.message for record in caplog.records] == ["job j: no alert: Redis is away"] * 2


@pytest.mark.parametrize("missing", ["jinja2", "the user's own is wrong"])
def test_without_its_template_the_alert_says_the_same(
    missing: str, monkeypatch: pytest.MonkeyPatch, alerts: Alerts
) -> None:
    from notifier import models
    from notifier.errors import TemplateError

    def fail(data: dict[str, Any]) -> dict[str, Any]:
        raise TemplateError(missing)

    monkeypatch.setattr(models, "_of_template", fail)
    with notifier.job("fine", source="db1"):
        pass
    with pytest.raises(SystemExit), notifier.job("*wrong*"):
        sys.exit(3)
    fine, wrong = alerts.sent
    assert (fine.alert_type, fine.title, fine.source) == ("general", "fine finished", "db1")
    assert (wrong.alert_type, wrong.title, wrong.message) == ("error", "*wrong* failed", "It ended with exit code 3.")
    assert wrong.fields[0].value == "3"


def test_a_name_is_plain_text(alerts: Alerts) -> None:
    with notifier.job("*import* @everyone"):
        pass
    assert alerts.payloads[0]["embeds"][0]["title"] == r"✅ \*import\* \@everyone finished"


@pytest.mark.parametrize(
    ("name", "more", "why"),
    [
        ("", {}, "a name has 1 to 200"),
        ("x" * 201, {}, "a name has 1 to 200"),
        ("two\nlines", {}, "a name has 1 to 200"),
        ("j", {"type": "loud"}, "'loud' is none of"),
        ("j", {"expect": "soon"}, "expect: 'soon' is no duration"),
    ],
)
def test_what_cannot_be_is_told_before_the_job_begins(name: str, more: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidMessage, match=why):
        notifier.job(name, **more)


@pytest.mark.parametrize("fraction", [None, "half", float("nan"), -5, 7, object()])
def test_no_progress_is_wrong(alerts: Alerts, fraction: Any) -> None:
    with notifier.job("j") as job:
        job.progress(fraction)
    assert alerts.sent[0].message in ("", "Last: 0%", "Last: 100%")
