"""What the page shows is what the command line shows."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from notifier.cli import main
from notifier.errors import BrokerUnavailable
from notifier.jobs.terms import JobTerms
from notifier.models import AlertType, NotificationMessage
from notifier.operations.overview import overview
from notifier.outbox.claim import Throttled
from notifier.outcome import Failed, Reason, Rejected
from notifier.storage.connection import NamingPipeline, NamingRedis
from notifier.storage.retention import Findings
from notifier.web.answering import IN_HAND_MAX
from notifier.web.reading import Kept
from tests.integration.conftest import WEBHOOK
from tests.integration.web.conftest import MakePage, Page
from tests.servers import until


def of_type(page: Page, kind: str) -> dict[str, Any]:
    """The overview of one type."""
    (found,) = [each for each in page.get("/api/overview")["types"] if each["alert_type"] == kind]
    return found


def test_the_overview_tells_what_waits_since_when_and_for_what(page: Page) -> None:
    page.bench.admit("first", "second")
    page.bench.outbox.admit(NotificationMessage(id="e", title="e", alert_type=AlertType.ERROR, dedup_key="disk/db1"))
    general, error = of_type(page, "general"), of_type(page, "error")
    assert (general["waiting"], error["waiting"], of_type(page, "security")["waiting"]) == (2, 1, 0)
    stored = page.pipeline.redis.hstrlen("notifier:notification:first", "message")
    assert general["bytes"] == stored + page.pipeline.redis.hstrlen("notifier:notification:second", "message")
    assert general["oldest_at"] == page.get("/api/waiting?type=general")[0]["shown"][0]["admitted_at"]
    assert general["why"] == "no worker has come for it"
    assert (error["incidents_open"], general["incidents_open"]) == (1, 0)
    assert general["gate"]["webhook_id"] == WEBHOOK.id
    assert general["gate"]["requests_left"] == 30
    assert of_type(page, "security")["gate"] is None
    assert general["workers"] == []


def test_the_overview_counts_silences_and_names_jobs_that_are_overdue(page: Page) -> None:
    empty = page.get("/api/overview")
    assert (empty["silences"], empty["jobs_overdue"], empty["queue_size"]) == (0, [], 100)
    page.pipeline.silences.add({"title": "disk*"}, 60, by="ops", why="tests")
    for name, expect in (("late", 0.001), ("in time", 3_600)):
        page.pipeline.jobs.started(name, "1", JobTerms(expect))

    def told() -> bool:
        found = page.get("/api/overview")
        return bool((found["silences"], found["jobs_overdue"]) == (1, ["late"]))

    until(told, "an overview that is newer")


def test_the_overview_tells_when_the_next_request_may_go(page: Page) -> None:
    page.deliver(*(f"n{number}" for number in range(3)))
    page.bench.admit("waits")
    page.carry(Failed(Reason.BAD_GATEWAY), retry_wait_seconds=600)
    waits = of_type(page, "general")
    assert waits["why"] == "to be tried again: bad gateway"
    assert waits["until"] > waits["oldest_at"]
    assert waits["gate"]["requests_left"] == 28


def test_what_the_gate_holds_back_says_so(make_page: MakePage) -> None:
    page = make_page(rate_limit_per_minute=1)
    page.deliver("first")
    page.bench.admit("second")
    assert isinstance(page.bench.claim(), Throttled)
    found = of_type(page, "general")
    assert (found["why"], found["gate"]["requests_left"]) == ("configured limit", 0)
    assert found["until"] > found["oldest_at"]


def test_a_postponed_alert_is_not_the_oldest_that_waits(page: Page) -> None:
    from notifier.outbox.terms import Terms

    page.bench.admit("later", terms=Terms(after_seconds=3_600))
    found = of_type(page, "general")
    assert (found["waiting"], found["oldest_at"], found["why"]) == (1, None, "postponed by its caller")
    assert found["until"] is not None


def test_an_overview_that_has_not_changed_is_not_sent_again(page: Page) -> None:
    page.bench.admit("first")
    first = page.ask("/api/overview")
    again = page.ask("/api/overview", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.text) == (200, 304, "")


SAME = [
    ("/api/waiting", ["waiting"]),
    ("/api/waiting?type=general&limit=1", ["waiting", "--type", "general", "--limit", "1"]),
    ("/api/incidents", ["incidents"]),
    ("/api/incidents?open=1", ["incidents", "--open"]),
    ("/api/silences", ["silence", "list"]),
    ("/api/jobs", ["jobs"]),
    ("/api/gates", ["gate", "list"]),
]


def test_the_page_and_the_command_line_have_one_shape(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    page.bench.outbox.admit(NotificationMessage(id="a", title="a", dedup_key="k"))
    page.pipeline.silences.add({"title": "disk*"}, 60, by="ops", why="tests")
    page.pipeline.jobs.started("backup", "1", JobTerms())
    monkeypatch.setattr("notifier.pipeline.client_pipeline", lambda: page.pipeline)
    for path, command in SAME:
        printed = json.loads(CliRunner().invoke(main, [*command, "--json"]).output)
        assert printed
        assert _lasting(page.get(path)) == _lasting(printed), path


def _lasting(value: Any) -> Any:
    """Without what grows by itself."""
    if isinstance(value, dict):
        return {name: _lasting(each) for name, each in value.items() if not name.endswith("_ago")}
    return [_lasting(each) for each in value] if isinstance(value, list) else value


def test_the_history_is_read_in_pages_and_searched(page: Page) -> None:
    page.deliver(*(f"n{number}" for number in range(7)))
    page.die("bad")
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        found = page.get(f"/api/history?limit=3&cursor={cursor}")
        seen += [each["id"] for each in found["records"]]
        if (cursor := found["cursor"] or "") == "":
            break
    assert sorted(seen) == ["bad", *(f"n{number}" for number in range(7))]
    assert seen[0] == "bad"
    (one,) = page.get("/api/history?text=TOO%20LONG")["records"]
    assert one["id"] == "bad"
    assert [each["id"] for each in page.get("/api/history?status=failed")["records"]] == ["bad"]
    assert page.get("/api/history?until=1h")["records"] == []
    assert len(page.get("/api/history?since=1h&type=general&limit=500")["records"]) == 8


def test_incidents_are_listed_the_last_heard_of_first_and_not_too_many(page: Page) -> None:
    for key in ("a", "b", "c"):
        page.pipeline.client.submit(NotificationMessage(title=key, dedup_key=key))
    assert [each["key"] for each in page.get("/api/incidents?open=1&limit=2")] == ["c", "b"]
    assert page.get("/api/incidents?type=error") == []


def test_dead_letters_are_counted_and_listed_by_type_and_reason(page: Page) -> None:
    page.die("a", "b")
    found = page.get("/api/dead?limit=1")
    assert (found["count"], len(found["records"])) == (2, 1)
    assert page.get("/api/dead?type=error") == {"count": 0, "records": []}
    assert page.get("/api/dead?reason=invalid_payload&since=1h")["count"] == 2
    assert page.get("/api/dead?reason=expired")["count"] == 0
    assert page.get("/api/dead?until=1h")["count"] == 0
    assert of_type(page, "general")["dead_letters"] == 2


@pytest.mark.parametrize("end", ["waiting", "delivered", "dead", "silenced", "withdrawn"])
def test_one_alert_has_its_life_and_the_payload_that_discord_gets(page: Page, end: str) -> None:
    alert = NotificationMessage(id="a/1", title="Disk full", message="on **db1**")
    if end == "silenced":
        page.pipeline.silences.add({"title": "disk*"}, 60)
        page.pipeline.client.submit(alert)
    else:
        page.bench.outbox.admit(alert)
    if end in ("delivered", "dead"):
        page.carry(Rejected(Reason.INVALID_PAYLOAD, "too long") if end == "dead" else None)
    if end == "withdrawn":
        page.pipeline.withdrawals.withdraw(alert.id)
    found = page.get("/api/alerts/a%2F1")
    assert found["status"] == {"waiting": "queued", "dead": "rejected"}.get(end, end)
    assert found["is_dead"] is (end == "dead")
    (part,) = found["preview"]["parts"]
    (embed,) = part["payload"]["embeds"]
    assert (embed["title"], embed["description"]) == ("Disk full", "on **db1**")
    assert found["steps"]
    assert page.get("/api/alerts/a/1")["message"] == found["message"], "a proxy may have read the %2F"


def test_of_files_the_page_tells_their_names_and_sizes(page: Page) -> None:
    files = [{"name": "a.txt", "content": "aGVsbG8="}]
    page.bench.outbox.admit(NotificationMessage(id="f", title="f", files=files))
    found = page.get("/api/alerts/f")
    assert [each["name"] for each in found["message"]["files"]] == ["a.txt"]
    assert "aGVsbG8=" not in json.dumps(found)
    assert found["preview"]["parts"]


def test_the_day_is_counted_from_the_history(page: Page) -> None:
    page.deliver("n1", "n2")
    page.die("bad")
    found = page.get("/api/statistics")
    counts = [each["types"]["general"] for each in found["buckets"]]
    assert sum(each["delivered"] for each in counts) == 2
    assert sum(each["failed"] for each in counts) == 1
    assert len(found["buckets"]) * found["bucket_seconds"] == 86_400


WRONG = [
    ("/api/alerts/nobody", 404, "nobody"),
    ("/api/waiting?type=generel", 400, "type"),
    ("/api/waiting?limit=0", 400, "limit"),
    ("/api/waiting?limit=501", 400, "limit"),
    ("/api/history?since=yesterday", 400, "since"),
    ("/api/history?cursor=x", 400, "cursor"),
    ("/api/history?limti=3", 400, "limti"),
    ("/api/dead?reason=none", 400, "reason"),
    ("/api/other", 404, "nothing"),
    ("/api/", 404, "nothing"),
]


def test_what_is_wrong_is_named(page: Page) -> None:
    for path, status, said in WRONG:
        answer = page.ask(path)
        assert answer.status_code == status, path
        assert said in answer.json()["problem"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_without_redis_each_address_says_so_and_the_server_stays(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    here = page.pipeline
    away = SimpleNamespace(**{name: getattr(here, name) for name in ("settings", "keys", "spool")})
    from notifier.gate.admin import Gate
    from notifier.storage.connection import connect

    client = connect("redis://127.0.0.1:1/0", 1)
    away.redis, away.gate = client, Gate(client, here.settings)
    away.inspect_redis = here.inspect_redis
    monkeypatch.setattr(page.shared, "pipeline", away)
    for path in ("/api/waiting", "/api/incidents"):
        answer = page.ask(path)
        assert (answer.status_code, answer.json()["reason"]) == (503, "broker_unavailable")
        assert "127.0.0.1:1" in answer.json()["problem"]
        assert int(answer.headers["Retry-After"]) > 0
    assert page.ask("/live", headers={"Authorization": ""}).status_code == 200
    ready = page.ask("/ready", headers={"Authorization": ""})
    assert (ready.status_code, ready.json()) == (503, {"status": "unavailable"})


def test_what_many_ask_for_is_read_once_and_again_after_a_while(page: Page) -> None:
    reads: list[int] = []
    at = [0.0]

    async def ask() -> list[Any]:
        kept = Kept(1, lambda: reads.append(1) or len(reads), lambda: at[0])  # type: ignore[func-returns-value]
        first = await asyncio.gather(*(kept.get(page.shared) for _ in range(20)))
        at[0] = 0.9
        first.append(await kept.get(page.shared))
        at[0] = 1.0
        return [*first, await kept.get(page.shared)]

    assert asyncio.run(ask()) == [1] * 21 + [2]


def test_who_waits_while_redis_is_away_waits_once(page: Page) -> None:
    asked: list[int] = []

    def away() -> None:
        asked.append(1)
        raise BrokerUnavailable("away")

    async def ask() -> list[Any]:
        kept = Kept(1, away, lambda: 0.0)
        return await asyncio.gather(*(kept.get(page.shared) for _ in range(20)), return_exceptions=True)

    assert [str(each) for each in asyncio.run(ask())] == ["away"] * 20
    assert len(asked) == 1


@pytest.mark.parametrize("waiting", [1, 90])
def test_an_overview_asks_redis_a_few_times_however_much_waits(
    make_page: MakePage, monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    page = make_page()
    for kind in AlertType:
        page.bench.admit(*(f"{kind} {number}" for number in range(waiting)), alert_type=kind, dedup_key=None)
    page.get("/api/overview")
    asked: list[str] = []
    command, execute = NamingRedis.execute_command, NamingPipeline.execute
    monkeypatch.setattr(NamingRedis, "execute_command", lambda *a, **k: (asked.append(a[1]), command(*a, **k))[1])
    monkeypatch.setattr(NamingPipeline, "execute", lambda *a, **k: (asked.append("pipeline"), execute(*a, **k))[1])
    pipeline = page.pipeline
    overview(pipeline.redis, pipeline.keys, pipeline.gate, pipeline.settings, pipeline.spool, Findings())
    assert 5 < len(asked) <= 20, asked


def test_more_than_can_be_in_hand_is_told_to_come_again(page: Page) -> None:
    page.shared.in_hand = IN_HAND_MAX
    answer = page.ask("/api/waiting")
    assert (answer.status_code, answer.json()["reason"], answer.headers["Retry-After"]) == (503, "busy", "2")
    page.shared.in_hand = 0
