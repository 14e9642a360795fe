"""``CELERY_BROKER_URL``: dispatches travel there, alerts and results stay in ``REDIS_URL``."""

import pytest

from notifier.storage.connection import connect
from notifier.storage.keys import Keys
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import RunPython


@pytest.mark.slow
def test_dispatches_travel_through_the_broker_that_is_named(
    redis_url: str, sandbox: Sandbox, start_worker: StartWorker, run_python: RunPython
) -> None:
    elsewhere = {"CELERY_BROKER_URL": redis_url.removesuffix("1") + "5"}
    start_worker(**elsewhere)
    program = "from tasks import send_notification; print(send_notification.delay(title='T').get(timeout=30)['status'])"
    assert run_python(program, **elsewhere).stdout == "delivered\n"
    here, there = (connect(url, 5) for url in (redis_url, elsewhere["CELERY_BROKER_URL"]))
    assert here.keys("_kombu*") == []
    assert there.keys("_kombu*")
    # what a worker holds lies with the broker, under names of our own
    assert [key for key in there.keys("notifier:*") if not key.startswith(Keys().unacked)] == []
    assert there.keys("celery-task-meta-*") == []
    there.flushdb()
    for client in (here, there):
        client.close()
