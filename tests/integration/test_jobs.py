"""The register of jobs: an alert once for each that is not started in time, whoever sweeps and whatever dies."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

import notifier
from notifier.caller import Caller
from notifier.errors import BrokerUnavailable
from notifier.jobs import register as register_module
from notifier.jobs.register import JobRegister
from notifier.jobs.terms import JobTerms
from notifier.models import NotificationMessage
from notifier.running_job import Job
from notifier.settings import Settings
from notifier.storage.broker import create_app
from notifier.storage.connection import connect
from notifier.worker.job_watch import JobWatch
from tests.integration.conftest import CLOCK, SECOND, START, by_test_clock

DAILY = JobTerms.of("24h", "1h", "tracklist")
HOUR = 3_600


class Submitting:
    """Takes alerts as a client does: one id once."""

    def __init__(self) -> None:
        self.submitted: dict[str, NotificationMessage] = {}
        self.times = 0

    def submit(self, message: NotificationMessage) -> None:
        """Take it."""
        self.times += 1
        self.submitted.setdefault(message.id, message)


class Jobs:
    """A register whose clock the test moves, and one who watches it."""

    def __init__(self, client: "redis.Redis") -> None:
        self.redis = client
        self.register = JobRegister(client, Settings.load())
        self.client = Submitting()
        self.watch = JobWatch(self.register, self.client)  # type: ignore[arg-type]
        self.at(0)

    def at(self, hours: float) -> None:
        """Set the clock."""
        self.redis.set(CLOCK, round(START + hours * HOUR * SECOND), ex=600)

    def titles(self) -> list[str]:
        """What was raised."""
        self.watch.report()
        return [message.title for message in self.client.submitted.values()]


@pytest.fixture
def jobs(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Jobs."""
    monkeypatch.setattr(register_module, "script", by_test_clock)
    monkeypatch.setattr(register_module, "clock", lambda client: int(client.get(CLOCK)))
    client = connect(redis_url, 5)
    yield Jobs(client)
    client.close()


def test_what_is_started_in_time_is_never_told(jobs: Jobs) -> None:
    for day in range(5):
        jobs.at(24.5 * day)
        jobs.register.started("import", f"run {day}", DAILY)
        assert jobs.titles() == []
    jobs.at(24.5 * 4 + 24.9)
    assert jobs.titles() == []


def test_what_is_not_is_told_once_until_it_is_started_again(jobs: Jobs) -> None:
    jobs.register.started("import", "one", DAILY)
    jobs.register.ended("import", "one", "failed", 3)
    jobs.at(25.01)
    assert jobs.titles() == ["⏰ import was not started"]
    (message,) = jobs.client.submitted.values()
    assert message.alert_type == "tracklist"
    assert message.fields[2].value == "failed"
    for hours in (26, 60, 500):
        jobs.at(hours)
        assert len(jobs.titles()) == 1
    assert jobs.client.times == 1
    jobs.register.started("import", "two", DAILY)
    jobs.at(526)
    assert len(jobs.titles()) == 2


def test_a_worker_that_dies_before_it_has_told_is_followed_by_another_and_the_alert_is_one(jobs: Jobs) -> None:
    jobs.register.started("import", "one", DAILY)
    jobs.at(25.01)
    (name, due_at), *_ = jobs.register.take_overdue().items()
    assert jobs.register.take_overdue() == {}, "leased"
    jobs.at(25.1)
    assert len(jobs.titles()) == 1
    jobs.at(26)
    # the first was only slow: it raises the alert with the same id, and says so too
    jobs.register.told(name, due_at)
    assert len(jobs.titles()) == 1
    assert jobs.client.times == 1


def test_one_that_is_started_while_it_is_told_stays_expected_and_is_said_to_be_back(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.register.started("import", "one", DAILY)
    jobs.at(25.01)
    submit = jobs.client.submit

    def submit_late(message: NotificationMessage) -> None:
        submit(message)
        if not message.resolved:
            jobs.register.started("import", "two", DAILY)

    with monkeypatch.context() as patch:
        patch.setattr(jobs.client, "submit", submit_late)
        assert jobs.titles() == ["⏰ import was not started", "import was started again"]
    late, again = jobs.client.submitted.values()
    assert (late.dedup_key, again.resolved) == (again.dedup_key, True)
    jobs.at(51)
    assert len(jobs.titles()) == 3


def test_a_queue_is_expected_from_the_start_on_and_what_is_known_of_it_stays(jobs: Jobs) -> None:
    terms = JobTerms(60, 120, "critical", "queue")
    jobs.register.expected("shop: queue imports", terms)
    jobs.at(0.02)
    jobs.register.expected("shop: queue imports", terms)
    assert jobs.titles() == []
    assert [each.outcome for each in jobs.register.list()] == ["expected"]
    jobs.at(0.051)
    assert jobs.titles() == ["💔 shop: queue imports is silent"]
    (message,) = jobs.client.submitted.values()
    assert message.alert_type == "critical"
    assert [field.name for field in message.fields] == ["Expected by", "Expected since"]
    jobs.register.expected("shop: queue imports", terms)
    known = jobs.register.get("shop: queue imports")
    assert known
    assert known.is_told
    jobs.register.started("shop: queue imports", "one", terms)
    jobs.register.ended("shop: queue imports", "one", "finished")
    assert jobs.register.list()[0].outcome == "finished"
    assert len(jobs.titles()) == 1
    jobs.at(0.11)
    assert len(jobs.titles()) == 2


def test_a_job_that_is_expected_no_more_is_never_overdue(jobs: Jobs) -> None:
    for name, step in (("forgotten", lambda: jobs.register.forget("forgotten")), ("loose", _start_loosely(jobs))):
        jobs.register.started(name, "one", DAILY)
        assert step() in (True, None)
    assert jobs.register.forget("forgotten") is False
    jobs.at(100)
    assert jobs.titles() == []
    assert [each.name for each in jobs.register.list()] == ["loose"]


def _start_loosely(jobs: Jobs) -> Callable[[], None]:
    return lambda: jobs.register.started("loose", "two", JobTerms.of())


def test_the_list_says_how_the_last_run_came_out(jobs: Jobs) -> None:
    jobs.register.started("b", "one", JobTerms.of())
    jobs.at(1)
    jobs.register.ended("b", "one", "failed", 3)
    jobs.register.started("a", "one", DAILY)
    a, b = jobs.register.list()
    assert (a.name, a.outcome, a.ended_at, a.exit_code, a.is_overdue) == ("a", "running", None, None, False)
    assert a.due_at == START + 26 * HOUR * SECOND
    assert (b.outcome, b.exit_code, b.due_at, b.expect_seconds) == ("failed", 3, None, None)
    assert b.ended_at == START + HOUR * SECOND
    jobs.register.started("b", "two", JobTerms.of())
    jobs.register.ended("b", "one", "failed")
    assert [each.outcome for each in jobs.register.list()] == ["running", "running"]
    jobs.register.ended("b", "two", "finished")
    jobs.register.ended("b", "one", "failed", 3)
    assert jobs.register.list()[1].outcome == "finished"
    jobs.register.started("b", "three", JobTerms.of())
    jobs.at(27)
    assert [each.is_overdue for each in jobs.register.list()] == [True, False]


def test_names_of_any_kind_are_kept_apart(jobs: Jobs) -> None:
    names = ["jobs", "due", "a:b", "*", "ünïcode", "with space", "x" * 200]
    for name in names:
        jobs.register.started(name, "one", DAILY)
    jobs.at(26)
    assert len(jobs.titles()) == len(names)
    assert {each.name for each in jobs.register.list()} == set(names)


def test_a_job_of_long_ago_is_gone(jobs: Jobs) -> None:
    jobs.register.started("old", "one", JobTerms.of())
    jobs.redis.delete(jobs.register._keys.job("old"))
    assert jobs.register.list() == []
    jobs.at(31 * 24)
    jobs.register.started("new", "one", JobTerms.of())
    assert jobs.redis.zrange(jobs.register._keys.jobs, 0, -1) == ["new"]


@pytest.fixture
def caller(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    """The parts of a program in which jobs run."""
    app = create_app("jobs")
    app.conf.update(broker_url=redis_url, result_backend=redis_url)
    caller = Caller(app, Settings.load())
    monkeypatch.setattr("notifier.pipeline.client_pipeline", lambda: caller)
    yield caller
    caller.redis.close()


def test_whoever_starts_a_job_that_was_told_says_that_it_is_back_as_long_as_it_takes(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitting = Submitting()
    caller.__dict__["client"] = submitting
    caller.start_job("import", "one", DAILY)
    (due_at,) = [each.due_at for each in caller.jobs.list()]
    caller.jobs.told("import", due_at or 0)
    with monkeypatch.context() as patch:
        patch.setattr(JobRegister, "started", _away)
        with pytest.raises(BrokerUnavailable):
            caller.start_job("import", "two", DAILY)
    caller.start_job("import", "three", DAILY)
    caller.start_job("import", "four", DAILY)
    first, second = submitting.submitted.values()
    assert (first.title, second.title) == ("import was started again",) * 2
    assert (first.alert_type, first.dedup_key, first.resolved) == ("tracklist", "job/import/overdue", True)


def _away(*_: Any) -> None:
    raise BrokerUnavailable("Redis is away")


@pytest.mark.parametrize("fails", [False, True])
def test_a_job_in_a_program_is_in_the_list(caller: Caller, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Job, "_raise", lambda *_, **__: None)
    try:
        with notifier.job("import", expect="24h"):
            (job,) = caller.jobs.list()
            assert job.outcome == "running"
            if fails:
                raise ValueError
    except ValueError:
        pass
    (job,) = caller.jobs.list()
    assert job.outcome == ("failed" if fails else "finished")
    assert job.expect_seconds == 86_400
