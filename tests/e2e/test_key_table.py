"""The table of keys in ``docs/architecture.md`` is true of the code and of a Redis that workers have used."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import redis
from celery import chord, signature

from notifier.jobs.terms import JobTerms
from notifier.models import AlertType, NotificationMessage
from notifier.operations.audit import Author
from notifier.outcome import Status
from notifier.storage.connection import connect
from notifier.storage.keys import Keys
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, client_app
from tests.servers import OwnRedis, until

PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
TYPE_OF_EVENT = {
    **dict.fromkeys(("hset", "hincrby"), "hash"),
    **dict.fromkeys(("zadd", "zincr"), "zset"),
    **dict.fromkeys(("set", "setnx", "incrby", "setrange", "append"), "string"),
    **dict.fromkeys(("lpush", "rpush"), "list"),
    "sadd": "set",
}
"""The type that a key has when Redis reports this event of it."""
NO_NAMES = {
    "prefix",
    "own_prefix",
    "gate_prefix",
    "outbox_parts",
    "gate_parts",
    "control_exchange",
    "event_exchange",
    "task_exchange",
}
"""Public members of ``Keys`` that make no single key: prefixes, exchanges, and lists of names that others make."""
NOT_WRITTEN = {
    "notifier:unrecorded": "version 0.1 writes it",
    "notifier:refusal:<entry>": "version 0.1 writes it",
    "notifier:gate:webhook:<webhook id>:pause": "only for a pause of more than a minute",
    "notifier:gate:channel:<channel id>:pause": "the same",
    "notifier:gate:edge:pause": "the same",
    "<node>.reply.notifier.pidbox": "only `celery inspect` asks for answers",
    "<node>.notifier.pidbox": "only `celery inspect` sends commands",
    "notifier.events.<node>": "only Flower reads events",
    "notifier:called": "only with NOTIFIER_HEARTBEAT_URL",
    "notifier:machines": "only a worker whose machine cannot reach Discord writes it",
    "notifier:unacked_mutex": "a worker takes it at its start and now and then",
}
"""Rows that the workers of this test need not write, and why."""
ONE_POST: dict[str, Any] = {"method": "POST", "times": 1}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    key: str
    type: str
    life: str
    member: str

    def names(self, key: str) -> bool:
        """Whether this line is about that key."""
        return re.fullmatch(re.sub(r"\\?<[^>]*>", "[^:]*", re.escape(self.key)), key) is not None


def rows() -> Iterator[Row]:
    """The lines of the table of keys."""
    table = PAGE[PAGE.index("| key | type |") :].split("\n\n")[0]
    for line in table.splitlines()[2:]:
        key, kind, _, life, _, member = (cell.strip(" `") for cell in re.split(r"(?<!\\)\|", line)[1:-1])
        yield Row(key, kind, life, member)


ROWS = list(rows())


def rows_of(key: str) -> list[Row]:
    """The lines about a key: those that spell out most of its name, from its beginning."""
    found = [row for row in ROWS if row.names(key)]
    spelled = {row.key: (row.key.find("<") % 1_000, len(re.sub(r"<[^>]*>", "", row.key))) for row in found}
    return [row for row in found if spelled[row.key] == max(spelled.values())]


def made_by(member: str) -> set[str]:
    """Names that a member of ``Keys`` makes."""
    keys = Keys()
    found: Any = getattr(keys, member)
    if isinstance(found, str):
        return {f"{found}1" if found.endswith(":") else found}
    wanted = list(inspect.signature(found).parameters)
    sample: dict[str, list[Any]] = {
        "alert_type": [AlertType.ERROR],
        "part": [row.key.rpartition(":")[2] for row in ROWS if row.member == member],
        "status": ["", "delivered"],
        "cause": ["folded:error"],
    }
    names = {found(*(sample.get(name, ["1"])[0] for name in wanted))}
    for name in set(wanted) & {"part", "status"}:
        names |= {
            found(**{**{each: sample.get(each, ["1"])[0] for each in wanted}, name: each}) for each in sample[name]
        }
    return names


def test_the_table_lists_every_name_that_keys_makes() -> None:
    public = {name for name in dir(Keys()) if not name.startswith("_")} - set(dir(tuple))
    assert {row.member for row in ROWS if row.member} == public - NO_NAMES
    for member in public - NO_NAMES:
        for name in made_by(member):
            assert [row.member for row in rows_of(name)] == [member], name


@dataclass
class Seen:
    """What Redis reports of its keys: their types, and which of them got a life."""

    subscription: Any
    types: dict[str, set[str]] = field(default_factory=dict)
    living: set[str] = field(default_factory=set)

    def read(self) -> None:
        """Take in what was reported so far."""
        while message := self.subscription.get_message(timeout=0.5):
            if message["type"] != "pmessage":
                continue
            key, event = message["channel"].split(":", 1)[1], message["data"]
            if event in TYPE_OF_EVENT:
                self.types.setdefault(key, set()).add(TYPE_OF_EVENT[event])
            elif event == "expire":
                self.living.add(key)


@pytest.fixture
def seen(own_redis: OwnRedis) -> Iterator[Seen]:
    """Listens to every change of every key."""
    client = connect(own_redis.url, 5)
    client.config_set("notify-keyspace-events", "KA")
    subscription = client.pubsub()
    subscription.psubscribe("__keyspace@0__:*")
    yield Seen(subscription)
    subscription.close()
    client.close()


@pytest.mark.slow
def test_every_key_that_workers_write_is_in_the_table_with_its_type_and_life(
    start_worker: StartWorker, own_redis: OwnRedis, sandbox: Sandbox, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"REDIS_URL": own_redis.url, "DISCORD_QUEUE_SIZE": "2", "DISCORD_RETRY_BACKOFF_SECONDS": "0.1"}
    settings["DISCORD_UNDELIVERABLE_SECONDS"] = "1"
    settings["DISCORD_MENTION_GENERAL"] = "@here"
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    application = Application(client_app(own_redis.url))
    sandbox.call("DELETE", "webhooks/1000000000000000006")
    sandbox.fault(**ONE_POST, webhook_id="1000000000000000002", kind="status", status=502)
    sandbox.fault(**ONE_POST, webhook_id="1000000000000000003", kind="rate_limit", scope="shared", seconds=0.2)
    sandbox.fault(**ONE_POST, webhook_id="1000000000000000004", kind="rate_limit", scope="global", seconds=0.2)

    alerts = application.raise_alerts("delivered", "with it", "folded", "folded too")
    for kind in (AlertType.ERROR, AlertType.CRITICAL, AlertType.TRACKLIST, AlertType.SECURITY):
        alerts += application.raise_alerts(f"one {kind} alert", alert_type=kind)
    refused = application.app.send_task("send_notification.error", kwargs={"title": ""}, queue="notifications.error")
    error = {"queue": "notifications.error"}
    link = signature("send_notification.error", kwargs={"title": "follows"}, immutable=True, options=error)
    alerts.append(application.app.send_task("send_notification.error", kwargs={"title": "a"}, link=link, **error).id)
    parts = [signature("send_notification.error", kwargs={"title": each}, options=error) for each in ("part", "part")]
    chord(parts, link, app=application.app).apply_async()
    full = NotificationMessage(title="refused where it was raised")
    application.pipeline.records.refuse(full, Status.QUEUE_FULL, "queue_full", "no room")
    application.pipeline.redis.lpush("notifications.error", "no message of a task")
    application.pipeline.jobs.started("import", "its first run", JobTerms.of("1h"))
    incident = {"alert_type": AlertType.MONITORING, "dedup_key": "disk", "remind_seconds": 3_600}
    alerts += application.raise_alerts("Disk full", **incident)
    application.raise_alerts("Disk full", **incident)
    (withdrawn,) = application.raise_alerts("withdrawn", alert_type=AlertType.TRACKLIST)
    application.pipeline.withdrawals.withdraw(withdrawn)
    application.pipeline.silences.add({"title": "quiet*"}, 60)
    application.pipeline.audit.note(Author("ops"), "silence.add", "quiet*")
    application.raise_alerts("quiet", alert_type=AlertType.MONITORING)
    settings["DISCORD_WEBHOOK_TRACKLIST"] = ",".join(
        sandbox.variables[f"DISCORD_WEBHOOK_{kind}"] for kind in ("TRACKLIST", "MONITORING")
    )
    start_worker(**settings, NOTIFIER_WATCH_SECONDS="60")
    statuses = {record["status"] for record in application.wait([*alerts, str(refused.id)])}
    assert statuses == {"delivered", "folded", "rejected"}
    client = application.pipeline.redis
    until(lambda: list(client.scan_iter("notifier:watch:told:*")), "an alert about the dead letter")
    seen.read()

    unlisted = sorted(key for key in seen.types if len(rows_of(key)) != 1)
    assert unlisted == []
    for key, kinds in seen.types.items():
        (row,) = rows_of(key)
        assert kinds == {row.type}, key
        assert (key in seen.living) != row.life.startswith("none"), f"{key}: the table has another life"
    written = {row.key for key in seen.types for row in rows_of(key)}
    assert {row.key for row in ROWS} - written <= set(NOT_WRITTEN)
    assert without_life(client) == set()


def without_life(client: "redis.Redis") -> set[str]:
    """Keys that stay for ever, but for those that the table lists so."""
    found = cast("Iterator[str]", client.scan_iter("*"))
    return {key for key in found if client.pttl(key) == -1 and not rows_of(key)[0].life.startswith("none")}
