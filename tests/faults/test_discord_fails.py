"""Discord is down, loses answers, loses a webhook: no alert is lost, and the requests are counted."""

from collections import Counter
from datetime import datetime

import pytest

from notifier.models import AlertType
from notifier.storage.connection import MICROSECONDS
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.faults.conftest import GENERAL, QUICK, assert_none_lost, burst, doubled, titles_of
from tests.names import names
from tests.servers import until

THRESHOLD = 5
pytestmark = pytest.mark.slow


def test_answers_that_are_lost_double_only_what_they_answered(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    raised = burst(application, 300)
    sandbox.fault(method="POST", kind="reset", when="after", probability=0.3)
    start_worker(**QUICK)
    records = application.wait(list(raised), 100)
    titles = titles_of(sandbox)
    assert set(titles) == set(raised.values()), "every alert is in its channel"
    assert {record["status"] for record in records} <= {"delivered", "unknown"}, "where each answer was lost, unknown"
    lost = [post for post in sandbox.posts() if post["fault"] == "reset"]
    assert lost
    assert titles.total() - len(raised) <= sum(post["embeds"] for post in lost)
    committed = {str(record["message_id"]) for record in records}
    unanswered = [each for each in sandbox.messages() if each["id"] not in committed]
    assert len(unanswered) == len(lost)
    assert doubled(titles) <= {embed["title"] for each in unanswered for embed in each["embeds"]}


def test_an_outage_longer_than_all_attempts_kills_no_alert_and_meets_only_probes(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    ids = application.raise_alerts(*(f"alert {number}" for number in range(50)))
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="status", status=503, when="before")
    start_worker(**QUICK)
    until(lambda: len(sandbox.posts()) >= THRESHOLD + 4, "four probes")
    sandbox.call("DELETE", "faults")
    records = application.wait(ids)
    down = [datetime.fromisoformat(post["at"]) for post in sandbox.posts() if post["status"] == 503]
    assert Counter(record["status"] for record in records) == {"delivered": len(ids)}
    assert doubled(titles_of(sandbox)) == set()
    periods = (down[-1] - down[THRESHOLD - 1]).total_seconds() / float(QUICK["DISCORD_BREAKER_OPEN_SECONDS"])
    assert len(down) <= THRESHOLD + 1 + periods, "one probe for each period it was open"


def test_a_webhook_deleted_in_mid_burst_is_met_by_requests_in_flight_only(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    ids = application.raise_alerts(*(f"alert {number}" for number in range(200)), alert_type=AlertType.GENERAL)
    workers = [start_worker(**QUICK), start_worker(**QUICK)]
    until(lambda: sandbox.stored >= 3, "the burst")
    sandbox.call("DELETE", f"webhooks/{GENERAL}")
    records = application.wait(ids)
    assert sandbox.stats()["after_404"] <= len(workers)
    ends = Counter(record["status"] for record in records)
    assert ends["delivered"] > 0
    assert ends["rejected"] > 0
    assert ends["delivered"] + ends["rejected"] == len(ids)
    assert all(record["reason"] for record in records if record["status"] == "rejected")
    dead = application.pipeline.dead_letters.list()
    assert {letter["id"] for letter in dead} == {r["id"] for r in records if r["status"] == "rejected"}


def test_a_ban_in_mid_burst_is_met_by_requests_in_flight_and_one_probe_a_period(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    sandbox.fault(method="POST", kind="delay", when="after", seconds=0.3)
    start_worker(**QUICK), start_worker(**QUICK)
    raised = burst(application, 150)
    until(lambda: sandbox.stored >= 3, "the burst")
    sandbox.call("POST", "ban", seconds=3_600, form="text")
    raised |= burst(application, 150, first=150)
    pipeline = application.pipeline
    until(pipeline.gate.banned, "the ban is known")
    until(
        lambda: not any(pipeline.redis.hexists(names.outbox(kind, "state"), "batch") for kind in AlertType),
        "no request",
    )
    met = len(banned(sandbox))
    assert met <= len(AlertType), "at most one request of each webhook was in flight"
    for probes in (1, 2):
        the_pause_is_over(application)
        until(lambda probes=probes: len(banned(sandbox)) >= met + probes, "a probe")
        until(lambda: pause_ends(application) > pipeline.gate.now(), "the next pause")
        assert len(banned(sandbox)) == met + probes, "one probe for the whole fleet"
    sandbox.call("DELETE", "ban")
    the_pause_is_over(application)
    records = application.wait(list(raised))
    assert_none_lost(records, titles_of(sandbox), raised)
    assert doubled(titles_of(sandbox)) == set()
    assert len(banned(sandbox)) == met + 2


def banned(sandbox: Sandbox) -> list[object]:
    """The requests that met the ban."""
    return [post for post in sandbox.posts() if post["status"] == 429 and post["scope"] is None]


def pause_ends(application: Application) -> float:
    """When the next probe may go, in microseconds of Redis' clock."""
    return float(str(application.pipeline.redis.hget(names.edge, "open_until") or 0))


def the_pause_is_over(application: Application) -> None:
    """As if the pause of a minute or more had passed, and the wake-ups with it."""
    redis = application.pipeline.redis
    redis.hset(names.edge, "open_until", application.pipeline.gate.now() - MICROSECONDS)
    redis.delete(*(names.outbox(kind, "wake_up") for kind in AlertType))
