"""The Celery application of this package follows our settings alone, and its callers' connections end in time."""

import copy
import pickle
import threading
from typing import Any

import pytest
from celery import current_app

from notifier.application import load_celeryconfig
from notifier.storage.broker import client_app, create_app, dispatch_connection

FOREIGN = "redis://foreign:1/5"


def test_variables_of_the_hosts_own_celery_move_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_RESULT_BACKEND"):
        monkeypatch.setenv(name, FOREIGN)
    conf, ours = create_app("ours").conf, load_celeryconfig()
    for found in (conf.broker_url, conf.broker_read_url, conf.broker_write_url):
        assert found == ours.broker_url
    assert conf.result_backend == ours.result_backend
    assert FOREIGN not in (ours.broker_url, ours.result_backend)


def test_the_hosts_current_application_stays_the_current_one() -> None:
    before = current_app._get_current_object()
    create_app("ours")
    assert current_app._get_current_object() is before


@pytest.mark.parametrize(
    ("url", "limits"),
    [
        ("redis://nowhere:1/0", ("socket_timeout", "socket_connect_timeout")),
        ("amqp://guest:guest@nowhere:1//", ("read_timeout", "write_timeout")),
    ],
)
def test_no_step_of_a_callers_connection_may_last_longer(url: str, limits: tuple[str, ...]) -> None:
    app = create_app("ours")
    app.conf.update(broker_url=url)
    connection = dispatch_connection(app, 0.25)
    assert connection.connect_timeout == 0.25
    assert {name: connection.transport_options.get(name) for name in limits} == dict.fromkeys(limits, 0.25)


def test_all_threads_read_results_with_one_backend() -> None:
    app = create_app("ours")
    seen: list[Any] = [app.AsyncResult("a").backend]
    thread = threading.Thread(target=lambda: seen.append(app.AsyncResult("a").backend))
    thread.start()
    thread.join()
    assert seen[0] is seen[1]


def test_a_result_that_was_pickled_or_copied_is_still_one_of_ours() -> None:
    result = client_app().AsyncResult("an-id", parent=client_app().AsyncResult("its-parent"))
    for other in (pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)):  # noqa: S301
        assert (other.id, other.parent.id) == ("an-id", "its-parent")
        assert other.app is other.parent.app is client_app()
        assert other.backend is result.backend
