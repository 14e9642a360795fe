"""Large alerts: what they take in Redis and in a worker is bounded, while they wait and once they have ended."""

import pytest

from notifier.models import AlertType
from notifier.outcome import Status
from notifier.pipeline import Pipeline
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.servers import until

MIB = 2**20
TEXT = "x" * 1_000_000
LARGEST = [{"name": f"f{number}", "value": "x" * 99_000} for number in range(40)]
"""Fields of 3.8 MiB: half of what one alert may have."""


def used(application: Application) -> int:
    """Bytes that Redis uses."""
    return int(application.pipeline.redis.info("memory")["used_memory"])


def peak_of(process_id: int) -> int:
    """The most memory that a process has had so far, in bytes."""
    with open(f"/proc/{process_id}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1_024 for line in status if line.startswith("VmHWM"))


@pytest.mark.slow
def test_large_alerts_are_stored_once_and_a_worker_holds_few_of_them_at_a_time(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    size, before = sum(len(each["value"]) for each in LARGEST), used(application)
    idle = peak_of(start_worker("-Q", "notifications.general").pid)
    ids = application.raise_alerts(*(f"n{number}" for number in range(25)), alert_type=AlertType.ERROR, fields=LARGEST)
    assert used(application) - before < 25 * size * 1.25
    worker = start_worker("-Q", "notifications.error")
    records = application.wait(ids, timeout_seconds=120)
    assert {record["status"] for record in records} == {"delivered"}
    assert peak_of(worker.pid) - idle < 50 * size, "copies of one, and what each thread has not given back"
    until(lambda: used(application) - before < 2 * size, "the history, and nothing else")


@pytest.mark.slow
def test_a_flood_of_a_gibibyte_takes_what_may_wait_and_the_beginnings_of_the_rest(application: Application) -> None:
    before = used(application)
    # unmasked: a gibibyte takes minutes to search for secrets
    update = {"queue_size": 2_000, "mask_secrets": False}
    flooded = Pipeline(application.app, application.pipeline.settings.model_copy(update=update))
    application.pipeline = flooded
    ids = application.raise_alerts(*(f"n{number}" for number in range(1_000)), message=TEXT)
    bound = flooded.settings.memory_bytes_max
    waiting = flooded.outbox.depth(AlertType.GENERAL)
    assert 0.7 * bound < waiting * len(TEXT) < bound
    assert used(application) - before < 1.2 * bound + 20 * MIB
    folded = flooded.history.query(status=Status.FOLDED, limit=1_000)
    assert len(folded) == 1_000 - waiting
    flooded.redis.delete(*(f"notifier:notification:{each}" for each in ids[:waiting]))
    assert used(application) - before < 12_000 * len(folded), "of each some kilobytes"
    assert flooded.redis.memory_usage("notifier:outbox:general:digest", samples=0) < 20_000
