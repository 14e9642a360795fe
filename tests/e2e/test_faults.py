"""When Discord fails: what is retried, what is not, and which types are not delayed."""

import pytest

from notifier.cli.processes import Process
from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.servers import until

pytestmark = pytest.mark.slow

GENERAL, ERRORS, CRITICAL = "1000000000000000001", "1000000000000000002", "1000000000000000003"
QUICK = {"DISCORD_RETRY_BACKOFF_SECONDS": "0.2", "DISCORD_TIMEOUT_SECONDS": "2"}


@pytest.mark.parametrize(
    "fault",
    [{"kind": "status", "status": 503}, {"kind": "status", "status": 500}, {"kind": "reset"}],
    ids=["503", "500", "reset"],
)
def test_a_failure_that_passes_is_retried_and_delivered_once(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, fault: dict[str, object]
) -> None:
    start_worker(**QUICK)
    sandbox.fault(webhook_id=GENERAL, method="POST", times=2, when="before", **fault)
    (record,) = application.wait(application.raise_alerts("persistent"))
    assert (record["status"], record["attempts"]) == ("delivered", 3)
    assert sandbox.titles() == ["persistent"]
    assert application.result(record["id"])["attempts"] == 3


def test_a_failure_that_stays_with_one_alert_ends_as_a_dead_letter_after_the_attempts(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="status", status=503, match="unlucky")
    unlucky = application.raise_alerts("unlucky", username="rides alone")
    lucky = application.raise_alerts("lucky")  # it waits as well, and goes between the attempts: this is no outage
    start_worker(**QUICK, DISCORD_RETRY_ATTEMPTS="2")
    record, other = application.wait([*unlucky, *lucky])
    assert other["status"] == "delivered"
    assert (record["status"], record["reason"], record["attempts"]) == ("failed", "bad_gateway", 3)
    assert "unlucky" not in sandbox.titles()
    assert [dead["id"] for dead in application.pipeline.dead_letters.list()] == [record["id"]]


def test_an_answer_that_was_lost_is_asked_for_again_and_the_repeat_says_so(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(**QUICK, DISCORD_UNKNOWN_LEAVE="error")
    for webhook_id in (GENERAL, ERRORS):
        sandbox.fault(webhook_id=webhook_id, method="POST", kind="reset", when="after", times=1)
    ids = application.raise_alerts("again") + application.raise_alerts("left", alert_type=AlertType.ERROR)
    again, left = application.wait(ids)
    assert (again["status"], again["attempts"]) == ("delivered", 2)
    assert (left["status"], left["reason"], left["attempts"]) == ("unknown", "connection_lost", 1)
    assert sorted(sandbox.titles()) == ["again", "again", "left"]
    footers = [embed.get("footer", {}).get("text", "") for m in sandbox.messages() for embed in m["embeds"]]
    assert sorted(footers) == ["", "", "may be a duplicate: the answer to an earlier request was lost"]
    assert [dead["id"] for dead in application.pipeline.dead_letters.list()] == [left["id"]]


def test_of_a_batch_that_discord_refuses_only_the_named_embed_is_rejected(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    titles = [f"n{number}" for number in range(8)]
    ids = application.raise_alerts(*titles)  # they wait for a worker, and so share a request
    tree = {"embeds": {"3": {"description": {"_errors": [{"code": "X", "message": "No."}]}}}}
    body = {"message": "Invalid Form Body", "code": 50035, "errors": tree}
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="status", status=400, body=body, times=1, match="n3")
    start_worker()
    records = application.wait(ids)
    assert [record["status"] for record in records] == ["delivered"] * 3 + ["rejected"] + ["delivered"] * 4
    assert records[3]["detail"] == "embeds.3.description: No."
    assert sandbox.titles() == titles[:3] + titles[4:]


@pytest.mark.parametrize(("gone", "reason"), [(True, "webhook_unknown"), (False, "webhook_token_invalid")])
def test_a_webhook_that_is_gone_is_not_asked_again(
    application: Application, sandbox: Sandbox, worker: Process, gone: bool, reason: str
) -> None:
    application.wait(application.raise_alerts("while it lived"))
    if gone:
        sandbox.call("DELETE", f"webhooks/{GENERAL}")
    else:
        sandbox.call("PUT", f"webhooks/{GENERAL}", token="fake-token-changed", channel_id="2000000000000000001")
    (first,) = application.wait(application.raise_alerts("first"))
    asked = sandbox.stats()["requests"]
    later = application.wait(application.raise_alerts("second", "third"))
    assert {(record["status"], record["reason"]) for record in (first, *later)} == {("rejected", "webhook_quarantined")}
    story = [step.what for step in application.pipeline.explain(first["id"])]
    assert any(step.startswith(reason.replace("_", " ")) for step in story), "what Discord said"
    assert sandbox.stats()["requests"] == asked
    assert sandbox.stats()["after_404"] == 0


def test_a_429_that_others_cause_is_obeyed_and_costs_no_attempt(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    for scope in ("user", "shared", "global"):
        sandbox.fault(webhook_id=GENERAL, method="POST", kind="rate_limit", scope=scope, seconds=0.5, times=1)
    (record,) = application.wait(application.raise_alerts("patient"))
    assert (record["status"], record["attempts"]) == ("delivered", 1)
    assert [post["status"] for post in sandbox.posts()] == [429, 429, 429, 200]


def test_a_slow_channel_delays_no_other(application: Application, sandbox: Sandbox, worker: Process) -> None:
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="delay", seconds=6, times=1)
    slow = application.raise_alerts(*(f"slow {number}" for number in range(50)))
    quick = application.raise_alerts("quick", alert_type=AlertType.ERROR)
    application.wait(quick)
    assert not any(application.pipeline.records.get(each) for each in slow), "the slow ones are still on their way"
    assert {record["status"] for record in application.wait(slow)} == {"delivered"}
    story = [step.what for step in application.pipeline.explain(slow[0])]
    assert not any("was lost" in what for what in story), "its worker was not taken for dead"


def test_a_failing_channel_opens_its_own_breaker_and_no_other(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(**QUICK, DISCORD_RETRY_ATTEMPTS="20", DISCORD_BREAKER_OPEN_SECONDS="2")
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="status", status=503, times=6)
    failing = application.raise_alerts("failing")
    records = application.wait(application.raise_alerts("well", alert_type=AlertType.ERROR))
    assert records[0]["status"] == "delivered"
    (record,) = application.wait(failing)
    assert (record["status"], record["attempts"]) == ("delivered", 7), "five, a probe that failed, one that did not"


def test_an_edge_ban_pauses_every_webhook(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker()
    application.wait(application.raise_alerts("before") + application.raise_alerts("b", alert_type=AlertType.ERROR))
    sandbox.call("POST", "ban", seconds=600, form="text")
    application.raise_alerts("banned")
    until(lambda: len(sandbox.posts()) >= 3, "the ban")
    others = application.raise_alerts("also", alert_type=AlertType.ERROR)
    key = "notifier:gate:edge"
    until(lambda: application.pipeline.redis.hget(key, "breaker") == "open", "that it is known")
    application.raise_alerts("too", alert_type=AlertType.CRITICAL)
    waits = "notifier:outbox:critical:state", "held"
    until(lambda: "edge_banned" in str(application.pipeline.redis.hget(*waits)), "that a worker has asked for it")
    assert application.pipeline.records.get(others[0]) is None
    assert not [post for post in sandbox.posts() if CRITICAL in post["path"]]
    assert len(sandbox.posts()) <= 4, "at most the requests in flight meet the ban"


def test_what_waits_behind_a_killed_worker_goes_long_before_its_lease_ends(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    first = start_worker()
    redis, state = application.pipeline.redis, "notifier:outbox:general:state"
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="delay", seconds=60, times=1)
    application.raise_alerts("cut off")
    until(lambda: redis.hexists(state, "batch"), "the request")
    lease_until = float(str(redis.hget(state, "lease_until")))
    waiting = application.raise_alerts("behind it")
    first.kill()
    start_worker()
    assert {record["status"] for record in application.wait(waiting)} == {"delivered"}
    assert application.pipeline.gate.now() < lease_until - 15_000_000, "of its 35 s, most are left"
