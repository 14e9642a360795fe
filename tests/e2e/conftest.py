"""Applications and workers as users run them: real processes, real Redis, real HTTP."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from fcntl import LOCK_EX, flock
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.record import Record
from notifier.pipeline import Pipeline
from notifier.settings import Settings
from notifier.storage.broker import create_app
from tests.e2e.guest import Guest
from tests.e2e.installation import Installation, build_wheel
from tests.forked import can_fork, run_forked, run_notifier
from tests.no_secrets import assert_no_secrets
from tests.servers import until

RunPython = Callable[..., subprocess.CompletedProcess[str]]
Notifier = Callable[..., subprocess.CompletedProcess[str]]


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder for all processes of the run, made by whichever needs it first."""
    own = factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".made").open("a+") as made:
        flock(made, LOCK_EX)
        made.seek(0)
        if not made.read():
            make(folder)
            made.write(name)
    return folder


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel of this checkout."""
    (built,) = made_once(tmp_path_factory, "shared-wheel", build_wheel).glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A clean virtual environment with the wheel and every extra."""

    def make(folder: Path) -> None:
        Installation(folder).create(wheel, "demo", "flower")

    return Installation(made_once(tmp_path_factory, "shared-installation", make))


@pytest.fixture(scope="module", params=["checkout", pytest.param("wheel", marks=pytest.mark.slow)])
def binaries(request: pytest.FixtureRequest) -> Path:
    """Where the ``python`` and ``celery`` of an environment are that has this package; once for each of the two."""
    if request.param == "checkout":
        return Path(sys.executable).parent
    installed: Installation = request.getfixturevalue("installed")
    return installed.bin


@pytest.fixture
def guest(binaries: Path, configured: dict[str, str], tmp_path: Path) -> Iterator[Guest]:
    """This package from the checkout and from the wheel, beside what a test puts into its folder."""
    guest = Guest(binaries, tmp_path, configured)
    yield guest
    guest.stop()


@lru_cache
def client_app(redis_url: str) -> Celery:
    """One application per database, kept: Celery leaves its connections to the garbage collector."""
    app = create_app("test-client")
    app.conf.update(broker_url=redis_url, result_backend=redis_url)
    return app


@pytest.fixture
def app(redis_url: str) -> Celery:
    """The Celery application of a process that raises alerts: it has Redis, and no webhook."""
    return client_app(redis_url)


class Application:
    """An application that raises alerts and waits for their records."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self.pipeline = Pipeline(app, Settings.load())

    def raise_alerts(self, *titles: str, alert_type: AlertType = AlertType.GENERAL, **more: Any) -> list[str]:
        """Raise one alert per title; their ids."""
        messages = [NotificationMessage(title=title, alert_type=alert_type, **more) for title in titles]
        return [str(self.pipeline.client.submit(message).result.id) for message in messages]

    def wait(self, ids: Sequence[str], timeout_seconds: float = 60) -> list[Record]:
        """Their records, once all are final."""
        records: dict[str, Record] = {}

        def all_final() -> bool:
            missing = [each for each in ids if each not in records]
            found = zip(missing, self.pipeline.records.read(missing), strict=True)
            records.update({each: final for each, final in found if final})
            return len(records) == len(set(ids))

        until(all_final, f"the end of {len(ids)} alerts", timeout_seconds)
        assert_no_secrets(texts={"records": json.dumps(records)})
        return [records[each] for each in ids]

    def result(self, notification_id: str, timeout_seconds: float = 60) -> Any:
        """What ``AsyncResult.get()`` returns or raises."""
        found = AsyncResult(notification_id, app=self.app).get(timeout=timeout_seconds)
        assert_no_secrets(texts={"result": json.dumps(found)})
        return found


@pytest.fixture
def application(app: Celery, redis_url: str) -> Iterator[Application]:
    """An application."""
    application = Application(app)
    yield application
    application.pipeline.redis.close()


@pytest.fixture
def run_python(configured: dict[str, str], tmp_path: Path) -> RunPython:
    """Runs a Python program as a user would; its output holds no secret.

    ``fresh``: in an interpreter that has imported nothing before.
    """

    def run(
        program: str, *, cwd: Path = tmp_path, fresh: bool = False, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        variables = {**configured, **environment}
        if not fresh and can_fork(variables):
            done = run_forked(["-c", program], env=variables, cwd=cwd, timeout_seconds=150)
        else:
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", program],
                cwd=cwd, env=variables, capture_output=True, text=True, timeout=150, check=False,
            )  # fmt: skip
        assert_no_secrets(texts={"output": done.stdout + done.stderr})
        return done

    return run


@pytest.fixture
def notifier(configured: dict[str, str], tmp_path: Path) -> Notifier:
    """Runs a command; its output holds no secret."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = run_notifier(*arguments, env={**configured, **environment}, cwd=tmp_path, timeout_seconds=150)
        assert_no_secrets(texts={"output": done.stdout + done.stderr})
        assert "Traceback" not in done.stderr
        return done

    return run
