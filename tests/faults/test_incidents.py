"""At most one message for each incident, and exact counts: while workers and Redis are killed, and answers are lost."""

import re
import signal
from collections import Counter
from collections.abc import Collection
from contextlib import closing
from typing import Any

import pytest
import redis

from notifier.cli.processes import Process
from notifier.gate.gate import microseconds
from notifier.models import AlertType
from notifier.outbox.reminders import LEASE_SECONDS
from notifier.storage.connection import clock, connect
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.faults.conftest import GENERAL, QUICK, WEBHOOKS, StartCaller
from tests.names import names
from tests.servers import OwnRedis, until

REPEATS = 300
EACH = REPEATS // len(AlertType)
KILLS = 2
KEY = "storm"
INCIDENTS = 8
THREAD, UPDATED, FLAPPING, FIRST = AlertType.TRACKLIST, AlertType.MONITORING, AlertType.SECURITY, AlertType.CRITICAL
STORM: dict[AlertType, list[dict[str, Any]]] = {
    FIRST: [{"dedup_text": "first"}],
    UPDATED: [{"update": True}],
    FLAPPING: [{}, {"resolved": True}],
    THREAD: [{"update": True, "incident_thread": True}],
}
"""The fields of the alerts of some types, in turn; those of the others are repeats."""
pytestmark = pytest.mark.slow


def repeated(message: dict[str, Any]) -> int:
    fields = {each["name"]: each["value"] for each in message["embeds"][0].get("fields", ())}
    return int(fields["Repeated"].split()[1]) if "Repeated" in fields else 1


def text(message: dict[str, Any]) -> str:
    return str(message["embeds"][0].get("description", ""))


def is_green(message: dict[str, Any]) -> bool:
    return bool(message["embeds"][0]["title"].startswith("✅"))


def resolve(application: Application, *kinds: AlertType) -> list[str]:
    return [
        each for kind in kinds for each in application.raise_alerts(KEY, alert_type=kind, dedup_key=KEY, resolved=True)
    ]


def by_type(sandbox: Sandbox) -> dict[AlertType, list[dict[str, Any]]]:
    messages = sandbox.messages()
    return {kind: [each for each in messages if each["webhook_id"] == WEBHOOKS[kind]] for kind in AlertType}


def are_green(sandbox: Sandbox, kinds: Collection[AlertType] = AlertType) -> bool:
    """Whether the message of each, and the last that its thread is told, says that it is over."""
    found = by_type(sandbox)
    return all(is_green(found[kind][0]) and is_green(found[kind][-1]) for kind in kinds)


def nothing_waits(server: OwnRedis) -> bool:
    with closing(connect(server.url, 5)) as client:
        places = [names.outbox(kind, part) for kind in AlertType for part in ("waiting", "delayed", "in_flight")]
        return not client.exists(*places)


def test_redis_and_workers_killed_in_a_storm_leave_one_message_of_each_type_and_all_of_it_told(
    own_redis: OwnRedis,
    sandbox: Sandbox,
    start_worker: StartWorker,
    start_caller: StartCaller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox.make_forum(THREAD)
    victim = start_worker(**QUICK, REDIS_URL=own_redis.url)
    start_worker(**QUICK, REDIS_URL=own_redis.url)
    caller = start_caller(REPEATS, 0.01, dedup_key=KEY, fields=STORM, REDIS_URL=own_redis.url)
    until(lambda: all(by_type(sandbox).values()), "the first of each type")
    sandbox.fault(webhook_id=WEBHOOKS[THREAD], method="POST", kind="reset", when="after", times=1)
    for _ in range(KILLS):
        own_redis.away()
        own_redis.back()
    victim.kill()
    assert caller.wait_for(r"raised (\d+)")[1] == str(REPEATS)
    monkeypatch.setenv("REDIS_URL", own_redis.url)
    from tests.e2e.conftest import client_app

    resolve(Application(client_app(own_redis.url)), *AlertType)
    until(lambda: are_green(sandbox), "the resolutions")
    until(lambda: nothing_waits(own_redis), "what is told of one that was over before")
    found = by_type(sandbox)
    (lost, *_), thread = found[THREAD][1:], found.pop(THREAD)
    assert {kind: len(messages) for kind, messages in found.items()} == dict.fromkeys(found, 1)
    counts = {kind: repeated(message) for kind, (message,) in found.items()}
    assert counts == {**dict.fromkeys(found, EACH), UPDATED: 1, FLAPPING: EACH // 2}
    last = {kind: str(REPEATS - len(AlertType) + number) for number, kind in enumerate(AlertType)}
    assert (text(found[FIRST][0]), text(found[UPDATED][0])) == (f"{list(AlertType).index(FIRST)}", last[UPDATED])
    assert (text(thread[0]), is_green(thread[0]), len(sandbox.call("GET", "threads"))) == (last[THREAD], True, 1)
    told = [int(text(each)) for each in thread[1:] if text(each)]
    assert (told, told[-1]) == (sorted(told), int(last[THREAD]))
    assert text(lost) in [text(each) for each in thread if "duplicate" in footer(each)]


def footer(message: dict[str, Any]) -> str:
    return str(message["embeds"][0].get("footer", {}).get("text", ""))


def test_an_edit_whose_answer_was_lost_is_repeated_and_nothing_is_doubled(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(**QUICK)
    application.wait(application.raise_alerts("Disk full", dedup_key=KEY))
    sandbox.fault(webhook_id=GENERAL, method="PATCH", kind="reset", when="after", times=2)
    application.raise_alerts("Disk full", "Disk full", dedup_key=KEY)
    application.raise_alerts(KEY, dedup_key=KEY, update=True, message="cleaning")
    resolve(application, AlertType.GENERAL)
    until(lambda: are_green(sandbox, [AlertType.GENERAL]), "the resolution")
    until(lambda: len(edits(sandbox)) > 2, "the repeated edit")
    (message,) = sandbox.messages()
    assert (repeated(message), text(message)) == (3, "cleaning")
    assert "duplicate" not in footer(message)


def edits(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [each for each in sandbox.call("GET", "requests") if each["method"] == "PATCH"]


def test_a_post_whose_answer_was_lost_may_be_doubled_and_says_so_and_only_one_goes_on(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(**QUICK)
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="reset", when="after", times=1)
    application.wait(application.raise_alerts("Disk full", dedup_key=KEY))
    second = application.raise_alerts("Disk full", dedup_key=KEY)
    over = resolve(application, AlertType.GENERAL)
    until(lambda: any(map(is_green, sandbox.messages())), "the resolution")
    lost, known = sandbox.messages()
    assert (repeated(lost), repeated(known), is_green(lost)) == (1, 2, False)
    assert {each["message_id"] for each in application.wait([*second, *over])} == {known["id"]}


def told(sandbox: Sandbox, what: str) -> Counter[str]:
    """How often it was posted: of each incident and reminder."""
    embeds = [embed for message in sandbox.messages() for embed in message["embeds"] if what in embed["title"]]
    texts = [embed.get("description", "") + str(embed.get("fields")) for embed in embeds]
    return Counter(re.findall(r"(?:reminder \d+ · )?`notifier ack .*?`", "\n".join(texts)))


def test_a_sweeping_worker_and_redis_killed_leave_each_reminder_posted_once_and_one_escalation(
    own_redis: OwnRedis, sandbox: Sandbox, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {**QUICK, "REDIS_URL": own_redis.url}
    start_worker(**quick, NOTIFIER_SWEEP_SECONDS="3")
    # those that sweep most carry nothing, so that no request is under way when they are killed
    idle = ("-Q", "notifications.tracklist")
    victims = [start_worker(*idle, **quick, NOTIFIER_SWEEP_SECONDS="0.05") for _ in range(2)]
    monkeypatch.setenv("REDIS_URL", own_redis.url)
    from tests.e2e.conftest import client_app

    application = Application(client_app(own_redis.url))
    terms = {"remind_seconds": 4, "escalate_after": 7, "escalate_to": "critical", "dedup_seconds": 86_400}
    kinds = [AlertType.GENERAL, AlertType.ERROR, AlertType.MONITORING, AlertType.SECURITY]
    for number in range(INCIDENTS):
        application.raise_alerts("Disk full", alert_type=kinds[number % 4], dedup_key=f"disk{number}", **terms)
    client = connect(own_redis.url, 5)
    cut_short = [kill_while_it_tells(victims[0], client)]
    until(lambda: told(sandbox, "Still open").total() > 0, "the first reminder")
    cut_short.append(kill_while_it_tells(victims[1], client))
    own_redis.away()
    own_redis.back()
    client.close()
    until(lambda: len(told(sandbox, "Escalated")) == INCIDENTS, "all escalations", 60)
    until(lambda: sum("reminder 2" in each for each in told(sandbox, "Still open")) == INCIDENTS, "all reminders", 60)
    assert set(told(sandbox, "Escalated").values()) == {1}
    assert set(told(sandbox, "Still open").values()) == {1}
    assert any(cut_short), "one was killed between what was due and what it had raised"


def kill_while_it_tells(victim: Process, client: "redis.Redis") -> int:
    """Kill it as soon as something is leased; returns how many it leaves so."""

    def leased() -> int:
        return client.zcount(names.reminders, clock(client) + microseconds(LEASE_SECONDS - 2), "+inf")

    def stands_still_with_a_lease() -> bool:
        if not leased():
            return False
        victim.signal(signal.SIGSTOP)
        client.ping()  # behind what it has sent already
        if leased():
            return True
        victim.signal(signal.SIGCONT)
        return False

    until(stands_still_with_a_lease, "a lease", poll_seconds=0.001)
    victim.kill()
    return leased()
