"""A flood: alerts that do not fit are counted in one digest per type, and each is in the history."""

import pytest

from notifier.errors import QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.capacity import capacity
from notifier.outcome import Status
from notifier.pipeline import Pipeline
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.servers import until


@pytest.fixture
def flooded(application: Application) -> Application:
    """An application whose outboxes hold 20."""
    application.pipeline = Pipeline(
        application.app, application.pipeline.settings.model_copy(update={"queue_size": 20})
    )
    return application


@pytest.mark.slow
def test_what_does_not_fit_is_folded_into_one_digest_and_each_is_in_the_history(
    flooded: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    fitting = flooded.raise_alerts(*(f"n{number}" for number in range(20)))
    folded = flooded.raise_alerts(*["Database timeout"] * 30, *["Disk full"] * 11)
    assert flooded.pipeline.outbox.depth(AlertType.GENERAL) == 20
    start_worker(DISCORD_QUEUE_SIZE="20")
    assert {record["status"] for record in flooded.wait(fitting)} == {"delivered"}
    records = flooded.wait(folded)
    assert {(record["status"], record["reason"], record["success"]) for record in records} == {
        ("folded", "queue_full", False)
    }
    assert flooded.result(folded[0])["status"] == "folded"
    until(lambda: "41 more" in sandbox.titles(), "the digest")
    (digest,) = [embed for m in sandbox.messages() for embed in m["embeds"] if embed["title"] == "41 more"]
    assert digest["description"] == "30 × Database timeout\n11 × Disk full"
    assert [field["name"] for field in digest["fields"]] == ["First", "Last"]
    assert len(sandbox.titles()) == 21
    history = flooded.pipeline.history
    until(lambda: len(history.query(status=Status.FOLDED, limit=100)) >= 41, "their records")
    assert {record["id"] for record in history.query(status=Status.FOLDED, limit=100)} == set(folded)
    assert flooded.pipeline.dead_letters.list() == []


def test_a_folded_id_is_neither_counted_nor_sent_again(flooded: Application) -> None:
    flooded.raise_alerts(*(f"n{number}" for number in range(20)))
    for _ in range(3):
        flooded.pipeline.client.submit(NotificationMessage(id="same", title="same"))
    assert flooded.pipeline.redis.hget("notifier:outbox:general:digest", "count") == "1"


def test_under_the_same_load_critical_and_security_never_fold_before_general(flooded: Application) -> None:
    for number in range(60):
        for kind in AlertType:
            flooded.raise_alerts(f"{kind}{number}", alert_type=kind)
        general, critical, security = (
            flooded.pipeline.redis.exists(f"notifier:outbox:{kind}:digest")
            for kind in (AlertType.GENERAL, AlertType.CRITICAL, AlertType.SECURITY)
        )
        assert general or not (critical or security)
    settings = flooded.pipeline.settings
    assert capacity(settings, AlertType.CRITICAL) == 2 * capacity(settings, AlertType.GENERAL)
    assert flooded.pipeline.outbox.depth(AlertType.CRITICAL) == 40, "bounded all the same"


def test_reject_raises_at_the_caller_instead(application: Application) -> None:
    refusing = Pipeline(
        application.app,
        application.pipeline.settings.model_copy(update={"queue_size": 1, "queue_overflow": "reject"}),
    )
    for kind in (AlertType.GENERAL, AlertType.CRITICAL):
        refusing.client.submit(NotificationMessage(title="fits", alert_type=kind))
        with pytest.raises(QueueFull):
            refusing.client.submit(NotificationMessage(title="does not", alert_type=kind))
    assert refusing.redis.exists("notifier:outbox:general:digest") == 0
    refusing.redis.close()


def test_only_one_digest_waits_at_a_time(flooded: Application) -> None:
    flooded.raise_alerts(*(f"n{number}" for number in range(22)))
    assert flooded.pipeline.digests.admit(AlertType.GENERAL) is False, "no room yet"
    redis = flooded.pipeline.redis
    redis.zremrangebyrank("notifier:outbox:general:waiting", 0, 14)  # as if they had been delivered
    assert flooded.pipeline.digests.admit(AlertType.GENERAL) is True
    flooded.raise_alerts(*(f"m{number}" for number in range(20)))
    redis.zremrangebyrank("notifier:outbox:general:waiting", 0, 3)
    redis.zrem("notifier:outbox:general:waiting", *redis.zrange("notifier:outbox:general:waiting", 4, -1))
    assert flooded.pipeline.digests.admit(AlertType.GENERAL) is False, "the first still waits"
    assert redis.exists("notifier:outbox:general:digest") == 1
