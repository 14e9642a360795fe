"""A job says what came of it, in every form in which it may be written, and is itself as if nobody watched it."""

import asyncio
import logging
import sys
import threading
import time
from typing import Any

import pytest

import notifier
from notifier import running_job
from notifier.caller import Caller
from notifier.errors import BrokerUnavailable, InvalidMessage
from notifier.models import NotificationMessage
from notifier.producer import changes
from notifier.producer.client import Client
from notifier.testing import Alerts
from tests.servers import until


def ends(alerts: Alerts) -> list[NotificationMessage]:
    """The alerts that tell the ends of jobs."""
    return [message for message in alerts.sent if not message.title.startswith("⏳")]


def test_a_job_that_finishes_is_one_message_from_its_start_on(alerts: Alerts) -> None:
    with notifier.job("nightly import", source="db1") as job:
        started = alerts.assert_sent(type="general", title="⏳ nightly import", source="db1", count=1)
        job.progress(0.3, "customers")
        job.progress(0.75, "orders")
    assert started.silent
    assert started.update, "it is no trouble that came once"
    finished = alerts.assert_sent(type="general", title="✅ nightly import finished", message="Last: orders")
    assert (finished.resolved, finished.progress, len(alerts.sent)) == (True, 0.75, 2)
    assert started.dedup_key == finished.dedup_key
    assert (started.dedup_key or "").startswith("job/nightly import/")
    assert [field.name for field in finished.fields] == ["Took"]


def test_two_runs_of_a_name_at_once_are_two_messages(alerts: Alerts) -> None:
    job = notifier.job("{title}")
    with job, notifier.job("{title}"):
        pass
    first, second, end_of_second, end_of_first = (message.dedup_key for message in alerts.sent)
    assert (first, second) == (end_of_first, end_of_second)
    assert first != second
    with job:
        pass
    assert alerts.sent[-1].dedup_key not in (first, second)


def test_its_message_shows_how_far_it_is_at_most_so_often(alerts: Alerts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "CHANGE_SECONDS", 0.05)
    submit, refused = Client.submit, []

    def refuse_first_change(self: Client, message: NotificationMessage, *more: Any) -> Any:
        if message.progress and not refused:
            refused.append(message)
            raise BrokerUnavailable("Redis is away")
        return submit(self, message, *more)

    monkeypatch.setattr(Client, "submit", refuse_first_change)
    began = time.monotonic()
    with notifier.job("nightly import", type="monitoring") as job:
        for number in range(1_000):
            job.progress(number / 2_000, f"row {number}")
        until(lambda: alerts.sent[-1].message == "row 999", "a change")
        shown = alerts.sent[-1]
        assert (shown.progress, shown.update, shown.silent) == (0.4995, True, False)
        job.progress(0.9)
        until(lambda: alerts.sent[-1].progress == 0.9, "the next change")
        assert alerts.sent[-1].message == "row 999"
    assert len(refused) == 1
    assert len(alerts.sent) <= 2 + (time.monotonic() - began) / changes.CHANGE_SECONDS, (
        "its start, its end, and changes"
    )
    assert len({message.dedup_key for message in alerts.sent}) == 1


def test_progress_waits_for_nothing_and_its_end_for_a_change_under_way(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "CHANGE_SECONDS", 0.01)
    hanging, free = threading.Event(), threading.Event()
    submit = Client.submit

    def hang(self: Client, message: NotificationMessage, *more: Any) -> Any:
        if message.progress == 0.5:
            hanging.set()
            free.wait(10)
            submit(self, message)
            raise BrokerUnavailable("Redis is away")
        return submit(self, message)

    monkeypatch.setattr(Client, "submit", hang)
    with notifier.job("j") as job:
        job.progress(0.5)
        assert hanging.wait(10)
        job.progress(0.6)
        threading.Timer(0.1, free.set).start()
    # a change that came after the end would open another message
    assert [message.progress for message in alerts.sent] == [None, 0.5, 0.6]
    assert alerts.sent[-1].resolved


def test_a_job_that_fails_is_one_alert_with_its_traceback_and_raises_on(alerts: Alerts) -> None:
    def work() -> None:
        with notifier.job("nightly import", source="db1", tell="end") as job:
            job.progress(0.5, step="orders")
            raise ValueError("no such order")

    with pytest.raises(ValueError, match="no such order"):
        work()
    message = alerts.assert_sent(type="error", title="❌ nightly import failed", source="db1", count=1)
    assert message.message == "ValueError: no such order\nIt had come to: orders, 50%"
    assert (message.traceback or "").endswith("ValueError: no such order")
    assert (len(alerts.sent), message.dedup_key) == (1, None)


def test_a_failure_replaces_the_message_and_is_heard(alerts: Alerts) -> None:
    job = notifier.job("nightly import", type="monitoring")
    job.start()
    job.progress(0.5, step="orders")
    job.failed(ValueError(), traceback="Traceback")
    started, failed = alerts.sent
    assert (failed.dedup_key, failed.repeat) == (started.dedup_key, "replace")
    assert not failed.silent
    assert not failed.update
    assert (failed.alert_type, failed.severity, failed.progress) == ("monitoring", "error", 0.5)
    assert failed.message == "ValueError\nIt had come to: orders"
    assert failed.traceback


def test_without_a_type_a_failure_is_in_the_message_and_an_error_of_its_own(alerts: Alerts) -> None:
    with pytest.raises(KeyError), notifier.job("nightly import"):
        raise KeyError
    started, changed, failed = alerts.sent
    assert (changed.alert_type, changed.update, changed.dedup_key) == ("general", True, started.dedup_key)
    assert (failed.alert_type, failed.dedup_key, failed.update) == ("error", None, False)
    assert changed.title == failed.title == "❌ nightly import failed"


def test_it_took_as_long_as_what_was_done_and_not_as_what_was_told(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, submit = [0.0], Client.submit

    def submit_slowly(self: Client, message: NotificationMessage, *more: Any) -> Any:
        now[0] += 60
        return submit(self, message, *more)

    monkeypatch.setattr(Client, "submit", submit_slowly)
    monkeypatch.setattr(running_job, "monotonic", lambda: now[0])
    with pytest.raises(ValueError), notifier.job("import"):  # noqa: PT011, PT012 what is raised is not looked at
        now[0] += 5
        raise ValueError
    assert len(ends(alerts)) == 2
    assert {message.fields[0].value for message in ends(alerts)} == {"5 s"}


def test_its_type_is_that_of_both_ends(alerts: Alerts) -> None:
    with notifier.job("one", type="monitoring"):
        pass
    with pytest.raises(KeyError), notifier.job("two", type="monitoring"):
        raise KeyError
    assert [message.alert_type for message in alerts.sent] == ["monitoring"] * 4


def test_it_tells_its_end_or_failures_alone_if_these_are_asked_for(alerts: Alerts) -> None:
    job = notifier.job("often", tell="failures")
    with job:
        job.progress(0.5)
    alerts.assert_none_sent()
    with pytest.raises(KeyError), job:
        raise KeyError
    alerts.assert_sent(title="❌ often failed", count=1)
    with notifier.job("daily", tell="end") as job:
        job.progress(0.5, "orders")
    message = alerts.assert_sent(title="✅ daily finished", message="Last: orders, 50%")
    assert (len(alerts.sent), message.dedup_key) == (2, None)


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
    with pytest.raises(SystemExit), notifier.job("j", tell="end"):
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
    assert [message.title for message in ends(alerts)] == ["✅ double finished"] * 2


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
        begun = asyncio.Event()

        @notifier.job("cancelled")
        async def wait() -> None:
            begun.set()
            await asyncio.sleep(30)

        waiting = asyncio.create_task(wait())
        await begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    titles = list(dict.fromkeys(message.title for message in ends(alerts)))
    assert titles == ["✅ block finished", "✅ coroutine finished", "❌ coroutine failed", "❌ cancelled failed"]


def test_the_loop_goes_on_while_redis_is_asked(monkeypatch: pytest.MonkeyPatch, alerts: Alerts) -> None:
    ticks = []

    def slow(self: Client, message: NotificationMessage, *more: Any) -> Any:
        before = len(ticks)
        until(lambda: len(ticks) > before + 5, "the loop goes on")
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
    assert len(ticks) > 10


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
    assert [record.message for record in caplog.records] == ["job j: no alert: Redis is away"] * 4


@pytest.mark.parametrize("taken", ["none", "all but the start"])
def test_a_job_whose_start_nobody_took_tells_its_end_in_a_message_of_its_own(
    monkeypatch: pytest.MonkeyPatch, alerts: Alerts, taken: str
) -> None:
    def away(self: Any, *_: Any) -> Any:
        raise BrokerUnavailable("Redis is away")

    with monkeypatch.context() as patch:
        patch.setattr(*((Client, "submit") if taken == "none" else (Caller, "start_job")), away)
        job = notifier.job("j")
        job.start()
    job.progress(0.5)
    job.finished()
    (message,) = alerts.sent
    assert (message.title, message.message, message.resolved) == ("✅ j finished", "Last: 50%", False)


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
    with pytest.raises(SystemExit), notifier.job("*wrong*", tell="failures"):
        sys.exit(3)
    started, fine, wrong = alerts.sent
    assert (started.title, started.source, started.dedup_key) == ("fine started", "db1", fine.dedup_key)
    assert (fine.alert_type, fine.title, fine.source) == ("general", "fine finished", "db1")
    assert (wrong.alert_type, wrong.title, wrong.message) == ("error", "*wrong* failed", "It ended with exit code 3.")
    assert wrong.fields[0].value == "3"


def test_a_name_is_plain_text(alerts: Alerts) -> None:
    with notifier.job("*import* @everyone") as job:
        job.progress(step="*")
    started, finished = (each["embeds"][0] for each in alerts.payloads)
    assert started["title"] == r"⏳ \*import\* \@everyone"
    assert (finished["title"], finished["description"]) == (r"✅ \*import\* \@everyone finished", r"Last: \*")


@pytest.mark.parametrize(
    ("name", "more", "why"),
    [
        ("", {}, "a name has 1 to 200"),
        ("x" * 201, {}, "a name has 1 to 200"),
        ("two\nlines", {}, "a name has 1 to 200"),
        ("j", {"type": "loud"}, "'loud' is none of"),
        ("j", {"expect": "soon"}, "expect: 'soon' is no duration"),
        ("j", {"tell": "some"}, "tell: 'some' is none of all, end, failures"),
    ],
)
def test_what_cannot_be_is_told_before_the_job_begins(name: str, more: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidMessage, match=why):
        notifier.job(name, **more)


@pytest.mark.parametrize("fraction", [None, "half", float("nan"), -5, 7, object()])
def test_no_progress_is_wrong(alerts: Alerts, fraction: Any) -> None:
    with notifier.job("j", tell="end") as job:
        job.progress(fraction)
    assert alerts.sent[0].message in ("", "Last: 0%", "Last: 100%")
