"""A Redis that may drop alerts, refuses writes or lacks rights is found out, and one that is fit is not."""

import logging
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import redis

from notifier.errors import BrokerUnavailable
from notifier.gate.admin import Gate
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.claim import Batch, ClaimRequest, FetchWebhook
from notifier.outbox.disposition import decide
from notifier.outbox.outbox import Outbox
from notifier.outcome import Answer, Delivered, Reason, Rejected, WebhookInfo
from notifier.pipeline import Pipeline
from notifier.producer import publisher as publisher_module
from notifier.settings import Settings
from notifier.storage import retention
from notifier.storage.broker import create_app
from notifier.storage.connection import connect
from notifier.storage.retention import NO_FILE, REPLICA, UNREADABLE, Findings, eviction, inspect
from notifier.storage.rights import BY_STEPS, NOT_TRIED
from notifier.worker.redis_watch import RedisWatch
from notifier.worker.self_monitor import SelfMonitor
from tests.integration.conftest import ROOMY, WEBHOOK, MakeBench
from tests.integration.test_self_monitor import FakePublisher
from tests.names import names
from tests.secured_redis import SecuredRedis
from tests.servers import until

PASSWORD = "fake-token-of-a-user"
RIGHTS = "resetkeys resetchannels ~notifier:* ~celery-task-meta-* ~notifications.* &celery-task-meta-* +@all"
DROPPING = ("allkeys-lru", "allkeys-lfu", "allkeys-random")
DROPPING_WITH_LIFE = ("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, own_environment: None) -> Iterator[list[SecuredRedis]]:
    """Two."""
    folder = tmp_path_factory.mktemp("retention")
    started = [SecuredRedis(folder / name, users=["default on nopass ~* &* +@all"]) for name in ("one", "two")]
    yield started
    for each in started:
        each.stop()


@pytest.fixture
def server(servers: list[SecuredRedis]) -> SecuredRedis:
    """One that is fit."""
    for each in servers:
        configure(each, maxmemory_policy="noeviction", maxmemory="100mb", appendonly="yes")
        each.admin.replicaof("NO", "ONE")
    return servers[0]


@pytest.fixture
def other(server: SecuredRedis, servers: list[SecuredRedis]) -> SecuredRedis:
    """Another."""
    return servers[1]


def configure(server: SecuredRedis, **settings: str) -> None:
    for name, value in settings.items():
        server.admin.config_set(name.replace("_", "-"), value)


def url_of(server: SecuredRedis, user: str = "") -> str:
    return f"redis://{f'{user}:{PASSWORD}@' if user else ''}127.0.0.1:{server.port}/0"


def found(server: SecuredRedis, monkeypatch: pytest.MonkeyPatch, user: str = "", **more: str) -> Findings:
    """Without the address."""
    for name, value in {"REDIS_URL": url_of(server, user), **more}.items():
        monkeypatch.setenv(name, value)
    return inspect(Settings.load(), ["notifications.general"])


def grant(server: SecuredRedis, rights: str) -> str:
    server.admin.execute_command("ACL SETUSER", "some", "reset", "on", f">{PASSWORD}", *rights.split())
    return "some"


def test_one_that_is_fit_is_not_complained_about(server: SecuredRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(server, monkeypatch) == Findings()


@pytest.mark.parametrize("policy", [*DROPPING, *DROPPING_WITH_LIFE])
def test_every_policy_that_drops_keys_is_a_problem(
    server: SecuredRedis, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    configure(server, maxmemory_policy=policy)
    (problem,) = found(server, monkeypatch).problems
    assert problem.startswith(f"Redis at 127.0.0.1:{server.port}, database 0: maxmemory-policy is {policy}")
    assert "noeviction" in problem
    configure(server, maxmemory="0")
    assert found(server, monkeypatch).problems == (), "it drops nothing yet"
    (warning,) = found(server, monkeypatch).warnings
    assert f"maxmemory-policy is {policy}" in warning


def test_none_that_keeps_no_file_goes_without_a_warning(server: SecuredRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(server, appendonly="no")
    findings = found(server, monkeypatch)
    assert findings.problems == ()
    assert [warning.endswith(NO_FILE) for warning in findings.warnings] == [True]


@pytest.mark.parametrize(("rights", "read_only"), [("+@all", "yes"), ("+@all -info", "yes"), ("+@all", "no")])
def test_a_replica_is_a_problem(
    server: SecuredRedis, other: SecuredRedis, monkeypatch: pytest.MonkeyPatch, rights: str, read_only: str
) -> None:
    user = grant(server, f"~* &* {rights}")
    configure(server, replica_read_only=read_only)
    server.admin.replicaof("127.0.0.1", str(other.port))
    until(lambda: server.admin.info("replication")["role"] == "slave", "the replica", 10)
    assert any(problem.endswith(REPLICA) for problem in found(server, monkeypatch, user).problems)


@pytest.mark.parametrize(
    ("lacks", "named"),
    [
        ("-hset", "hset notifier:notification:"),
        ("-zadd -zrem", "zrem notifier:notification:, zadd notifier:notification:, zadd notifier:unacked_index"),
        ("-brpop", "brpop notifications.general"),
        ("-publish", "publish celery-task-meta-"),
        ("-evalsha", "evalsha"),
        ("resetchannels", "publish celery-task-meta-"),
        ("resetkeys ~notifier:* ~notifications.*", "get celery-task-meta-"),
        ("resetkeys ~celery-task-meta-* ~notifications.*", "del notifier:notification:"),
        ("resetkeys ~notifier:* ~celery-task-meta-*", "brpop notifications.general"),
    ],
)
def test_rights_that_are_missing_are_named(
    server: SecuredRedis, monkeypatch: pytest.MonkeyPatch, lacks: str, named: str
) -> None:
    user = grant(server, RIGHTS)
    assert found(server, monkeypatch, user) == Findings()
    user = grant(server, f"{RIGHTS} {lacks}")
    (text,) = found(server, monkeypatch, user).problems
    assert named in text
    assert "docs/redis.md" in text


def test_what_is_tried_changes_nothing(server: SecuredRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    server.admin.flushdb()
    server.admin.lpush("notifications.general", "a message")
    found(server, monkeypatch)
    assert list(server.admin.scan_iter("*")) == ["notifications.general"]
    assert server.admin.lrange("notifications.general", 0, -1) == ["a message"]
    server.admin.flushdb()


def test_every_command_of_a_lua_step_is_tried() -> None:
    scripts = "\n".join(path.read_text() for path in Path(str(files("notifier"))).rglob("*.lua"))
    called = {name.lower() for name in re.findall(r"redis\.p?call\(\s*['\"](\w+)", scripts)}
    assert called == set(BY_STEPS) | NOT_TRIED


def test_one_that_tells_nothing_is_a_warning(server: SecuredRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = found(server, monkeypatch, grant(server, f"{RIGHTS} -info -config"))
    assert findings.problems == ()
    assert [warning.endswith(UNREADABLE) for warning in findings.warnings] == [True]


def test_the_redis_of_the_broker_is_looked_at_if_it_is_another(
    server: SecuredRedis, other: SecuredRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(other, maxmemory_policy="volatile-lru", appendonly="no")
    findings = found(server, monkeypatch, CELERY_BROKER_URL=url_of(other))
    assert findings.problems == (), "Celery's messages have no life"
    (warning,) = findings.warnings
    assert f":{other.port}," in warning
    configure(other, maxmemory_policy="allkeys-lru")
    (problem,) = found(server, monkeypatch, CELERY_BROKER_URL=url_of(other)).problems
    assert f":{other.port}," in problem
    assert found(server, monkeypatch, CELERY_BROKER_URL=url_of(server)) == Findings()
    configure(server, maxmemory_policy="allkeys-lru")
    assert len(found(server, monkeypatch, CELERY_BROKER_URL=url_of(server)).problems) == 1, "it is the same one"
    assert len(found(server, monkeypatch, CELERY_BROKER_URL=url_of(other)).problems) == 2
    configure(server, maxmemory_policy="noeviction")
    assert found(server, monkeypatch, CELERY_BROKER_URL="amqp://guest:guest@127.0.0.1:1//") == Findings()
    with pytest.raises(BrokerUnavailable, match=r"and is CELERY_BROKER_URL right\?$"):
        found(server, monkeypatch, CELERY_BROKER_URL="redis://127.0.0.1:1/0")


def test_what_does_not_say_its_policy_is_no_problem() -> None:
    assert eviction({}) == Findings(warnings=(UNREADABLE,))
    assert eviction({"maxmemory_policy": "allkeys-lru"}).problems, "how much it may hold is not known"


@pytest.fixture
def caller(server: SecuredRedis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """A process that raises alerts."""
    monkeypatch.setenv("REDIS_URL", url_of(server))
    publisher_module.warn_once.cache_clear()
    pipeline = Pipeline(create_app("caller"), Settings.load())
    yield pipeline
    pipeline.redis.close()


def test_a_caller_is_warned_once_and_its_calls_ask_nothing_more(
    server: SecuredRedis, caller: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    configure(server, maxmemory_policy="allkeys-lru")
    server.admin.config_resetstat()
    with caplog.at_level(logging.WARNING):
        for number in range(5):
            caller.client.submit(NotificationMessage(title=f"n{number}", alert_type=AlertType.GENERAL))
            caller.client._warmth.spend()  # each call begins cold
    assert [record.message for record in caplog.records if "maxmemory-policy" in record.message] == [
        "Redis: maxmemory-policy is allkeys-lru and must be noeviction: once it is full, it drops alerts that it has "
        "taken. This process raises alerts all the same."
    ]
    assert server.admin.info("commandstats")["cmdstat_info"]["calls"] == 1


def test_a_caller_that_may_not_ask_goes_on(
    server: SecuredRedis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    user = grant(server, f"{RIGHTS} ~_kombu.binding.* -info")
    monkeypatch.setenv("REDIS_URL", url_of(server, user))
    pipeline = Pipeline(create_app("caller"), Settings.load())
    with caplog.at_level(logging.WARNING):
        pipeline.client.submit(NotificationMessage(title="a", alert_type=AlertType.GENERAL))
    assert [each for each in caplog.records if "maxmemory" in each.message] == []
    pipeline.redis.close()


def test_the_question_travels_with_the_ping(server: SecuredRedis) -> None:
    class Counting(redis.Connection):
        sent = 0

        def send_packed_command(self, command: object, check_health: bool = True) -> None:
            """Count what is sent at once."""
            Counting.sent += 1
            super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    pool = redis.ConnectionPool(connection_class=Counting, host="127.0.0.1", port=server.port, decode_responses=True)
    with redis.Redis(connection_pool=pool) as client:
        client.ping()
        before = Counting.sent
        told: list[Findings] = []
        retention.ping(client, told.append)
        assert (Counting.sent - before, told) == (1, [Findings()])


def test_a_worker_that_runs_finds_it_out_and_tells_it(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make_bench(webhooks={AlertType.MONITORING: WEBHOOK})
    publisher, findings = FakePublisher(), [Findings()]
    watch = RedisWatch(bench.redis, names, lambda: findings[0])
    monitor = SelfMonitor(bench.redis, bench.settings, publisher, bench.gate, watch)  # type: ignore[arg-type]
    monitor.report()
    findings[0] = Findings(("Redis at x: it drops",))
    monitor.report()
    assert publisher.alerts == [], "it looks each minute"
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            watch._next_at = 0
            monitor.report()
    assert [record.message for record in caplog.records] == ["Redis at x: it drops"]
    (alert,) = publisher.alerts
    assert alert.alert_type is AlertType.MONITORING
    assert "1 × Redis at x: it drops" in alert.message


def test_one_that_is_full_takes_nothing_more_and_lets_go_what_waits(server: SecuredRedis) -> None:
    server.admin.flushdb()
    with connect(url_of(server), 5) as client:
        outbox = Outbox(client, Settings.load().model_copy(update={"undeliverable_seconds": 0}))
        outbox.admit(NotificationMessage(id="a", title="a", alert_type=AlertType.GENERAL))
        configure(server, maxmemory="1")
        with pytest.raises(BrokerUnavailable):
            outbox.admit(NotificationMessage(title="b", alert_type=AlertType.GENERAL))
        batch = outbox.claim(ClaimRequest(AlertType.GENERAL), None, "worker")
        assert isinstance(batch, Batch)
        answer = Answer(Rejected(Reason.WEBHOOK_NOT_CONFIGURED))
        (ended,) = outbox.commit(batch, decide(answer.outcome, batch.items, 3, sent=False), answer, 1).records
        assert ended["id"] == "a"


def test_one_that_is_full_takes_what_get_webhook_told(server: SecuredRedis) -> None:
    server.admin.flushdb()
    with connect(url_of(server), 5) as client:
        outbox, gate = Outbox(client, Settings.load()), Gate(client, Settings.load())
        outbox.admit(NotificationMessage(id="a", title="a", alert_type=AlertType.GENERAL))
        configure(server, maxmemory="1")
        asked = outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, "worker")
        assert isinstance(asked, FetchWebhook)
        info = WebhookInfo(Answer(Delivered(None, None), ROOMY, 200), "2000000000000000001", "3", "Fake")
        gate.webhook_fetched(WEBHOOK, asked.token, asked.claimed_at, info)
        assert isinstance(outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, "worker"), Batch)
