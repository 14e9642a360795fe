"""Scripted faults fire for the right requests, as often as they should, before or after the storing."""

import json
from typing import Any

import pytest

from notifier.sandbox.faults import Kind

from .conftest import START, Discord

HI = {"content": "hi"}


def statuses(discord: Discord, count: int, **more: Any) -> list[int]:
    return [discord.post(HI, **more).status for _ in range(count)]


def test_a_fault_strikes_as_often_as_it_should(unlimited: Discord) -> None:
    unlimited.exchange.faults.add(kind=Kind.STATUS, status=503, times=2)
    assert statuses(unlimited, 4) == [503, 503, 200, 200]
    assert [fault.fired for fault in unlimited.exchange.faults] == [2]


def test_a_fault_strikes_whom_it_is_meant_for(unlimited: Discord) -> None:
    webhook_id = unlimited.webhooks[1].id
    unlimited.exchange.faults.add(kind=Kind.STATUS, status=500, webhook_id=webhook_id, method="POST", match="bäd")
    assert statuses(unlimited, 1) == [200]
    assert unlimited.post(HI, number=1).status == 200
    assert unlimited.post({"content": "b\u00e4d"}, number=1).status == 500
    assert unlimited.post(json.dumps({"content": "bäd"}, ensure_ascii=False).encode(), number=1).status == 500
    assert unlimited.call("GET", unlimited.url(1)).status == 200


def test_a_request_that_a_reset_overtakes_leaves_no_trace(unlimited: Discord) -> None:
    async def reset_meanwhile(seconds: float) -> None:
        unlimited.now += seconds
        unlimited.exchange.reset()

    unlimited.exchange._sleep = reset_meanwhile
    unlimited.exchange.faults.add(kind=Kind.DELAY, seconds=60)
    assert unlimited.reply("POST", unlimited.url(), HI, "wait=true").answer is None
    assert unlimited.titles() == []
    assert unlimited.exchange.stats()["requests"] == 0


def test_a_probability_is_reproducible(unlimited: Discord) -> None:
    runs = []
    for _ in range(2):
        unlimited.exchange.faults.clear()
        unlimited.exchange.faults.add(kind=Kind.STATUS, status=500, probability=0.3, seed=7)
        runs.append(statuses(unlimited, 200))
    assert runs[0] == runs[1]
    assert 40 <= runs[0].count(500) <= 80


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
def test_store_then_fail(unlimited: Discord, when: str, stored: int) -> None:
    unlimited.exchange.faults.add(kind=Kind.STATUS, status=500, when=when)
    assert statuses(unlimited, 1) == [500]
    assert len(unlimited.titles()) == stored


def test_what_discord_refuses_is_not_stored_by_a_fault_after(unlimited: Discord) -> None:
    unlimited.exchange.faults.add(kind=Kind.STATUS, status=500, when="after")
    assert unlimited.post({}).status == 400


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
def test_a_reset_has_no_answer(discord: Discord, when: str, stored: int) -> None:
    discord.exchange.faults.add(kind=Kind.RESET, when=when)
    reply = discord.reply("POST", discord.url(), HI)
    assert reply.answer is None
    assert len(discord.titles()) == stored
    assert discord.exchange.journal.requests[-1]["status"] is None


def test_a_delay_takes_its_time(discord: Discord) -> None:
    discord.exchange.faults.add(kind=Kind.DELAY, seconds=12.5)
    assert statuses(discord, 1) == [200]
    assert discord.now == START + 12.5


def test_a_drop_is_silent_without_wait_and_a_500_with_it(unlimited: Discord) -> None:
    unlimited.exchange.faults.add(kind=Kind.DROP)
    assert unlimited.post(HI, query="").status == 204
    assert unlimited.post(HI).status == 500
    assert unlimited.titles() == []


def test_a_truncated_answer_is_no_json_though_the_message_is_there(unlimited: Discord) -> None:
    unlimited.exchange.faults.add(kind=Kind.TRUNCATE)
    with pytest.raises(json.JSONDecodeError):
        json.loads(unlimited.post(HI).body)
    assert unlimited.titles() == ["hi"]


def test_cut_and_slow_store_the_message_and_leave_the_rest_to_the_wire(unlimited: Discord) -> None:
    unlimited.exchange.faults.add(kind=Kind.CUT, times=1)
    unlimited.exchange.faults.add(kind=Kind.SLOW, seconds=3)
    assert unlimited.reply("POST", unlimited.url(), HI, "wait=true").cut
    assert unlimited.reply("POST", unlimited.url(), HI, "wait=true").slow_seconds == 3
    assert unlimited.titles() == ["hi", "hi"]


def test_a_gateways_error_uses_no_slot_and_an_errors_of_the_api_does(discord: Discord) -> None:
    discord.exchange.faults.add(kind=Kind.STATUS, status=502, times=3)
    discord.exchange.faults.add(kind=Kind.STATUS, status=500, times=2)
    answers = [discord.post(HI) for _ in range(6)]
    assert [answer.status for answer in answers] == [502] * 3 + [500] * 2 + [200]
    assert "Via" not in answers[0].headers
    assert answers[0].headers["Content-Type"].startswith("text/html")
    assert answers[-1].headers["X-RateLimit-Remaining"] == "2"


def test_an_edge_ban_by_fault_looks_like_cloudflare(discord: Discord) -> None:
    discord.exchange.faults.add(kind=Kind.EDGE_BAN, form="json", times=1)
    answer = discord.post(HI)
    assert (answer.status, "Via" in answer.headers) == (429, False)
    assert discord.exchange.stats()["invalid"] == 0
    assert discord.post(HI).status == 200


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
def test_a_scripted_429_has_the_headers_of_its_scope(discord: Discord, scope: str) -> None:
    discord.exchange.faults.add(kind=Kind.RATE_LIMIT, scope=scope, seconds=2.5)
    answer = discord.post(HI)
    assert (answer.status, answer.headers["Retry-After"], answer.headers["X-RateLimit-Scope"]) == (429, "3", scope)
    assert json.loads(answer.body)["retry_after"] == 2.5
    assert ("X-RateLimit-Bucket" in answer.headers) == (scope != "global")
    assert discord.titles() == []


def test_body_and_headers_of_a_fault_replace_the_usual_ones(discord: Discord) -> None:
    discord.exchange.faults.add(kind=Kind.STATUS, status=418, body={"a": 1}, headers={"via": None, "X-More": "1"})
    answer = discord.post(HI)
    assert (answer.status, answer.body, answer.headers["X-More"]) == (418, b'{"a":1}', "1")
    assert "Via" not in answer.headers


def test_faults_do_not_pile_up(discord: Discord) -> None:
    for _ in range(1_100):
        discord.exchange.faults.add(kind=Kind.STATUS)
    assert len(list(discord.exchange.faults)) == 1_000


@pytest.mark.parametrize(("status", "body", "kind"), [(302, None, "text/html"), (404, {"code": 0}, "application/json")])
def test_an_interception_is_no_answer_of_discord(
    discord: Discord, status: int, body: dict[str, int] | None, kind: str
) -> None:
    discord.exchange.faults.add(kind=Kind.INTERCEPT, status=status, body=body, times=1)
    answer = discord.post(HI)
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith(kind)
    assert not {"Via", "X-RateLimit-Bucket"} & set(answer.headers)
    assert discord.titles() == []
    assert discord.exchange.stats()["invalid"] == 0
    assert discord.post(HI).headers["X-RateLimit-Remaining"] == "4", "it used no slot"
