"""The request log holds what is asked of it, and no token."""

import json

import pytest

from notifier.sandbox.call import Call
from notifier.sandbox.journal import without_tokens

from .conftest import Discord

TOKEN = "fake-token-general-".ljust(68, "x")


@pytest.mark.parametrize(
    "path",
    [
        f"/api/webhooks/1/{TOKEN}",
        f"/api/v10/webhooks/1/{TOKEN}/messages/5?thread_id=1",
        f"/api/v10/webhook/1/{TOKEN}",
        f"/api/v10/webhooks/1/{TOKEN.replace('-', '%2D')}?wait=true",
        f"/API/WEBHOOKS/1/{TOKEN}",
        f"/api/v10/nothing?url={TOKEN}",
        "/api/v10/webhooks/1/short-one",
    ],
)
def test_no_path_shows_a_token(path: str) -> None:
    shown = without_tokens(path, [TOKEN])
    assert "token" not in shown
    assert "short" not in shown
    assert "***" in shown


def test_a_short_token_is_hidden_wherever_it_stands() -> None:
    assert without_tokens("/api/v10/oops/abcdefg", ["abcdefg"]) == "/api/v10/oops/***"


def test_every_request_leaves_one_entry_and_the_counts_add_up(discord: Discord) -> None:
    for _ in range(6):
        discord.post({"embeds": [{"title": "a"}, {"title": "b"}]})
    discord.call("GET", discord.url())
    discord.call("POST", discord.url() + "x", {"content": "a"})
    entries, stats = discord.exchange.journal.requests, discord.exchange.stats()
    assert len(entries) == stats["requests"] == 8
    assert stats["by_status"] == {"200": 6, "429": 1, "401": 1}
    assert (stats["executes"], stats["rate_limited"], stats["invalid"], stats["messages"]) == (7, 1, 2, 5)
    assert entries[0] | {"at": "", "seconds": 0} == {
        "number": 1,
        "at": "",
        "method": "POST",
        "path": "/api/v10/webhooks/1000000000000000001/***?wait=true",
        "webhook_id": "1000000000000000001",
        "version": 10,
        "status": 200,
        "scope": None,
        "code": None,
        "user_agent": "test/1",
        "embeds": 2,
        "bytes": 44,
        "seconds": 0,
        "fault": None,
        "fault_id": None,
    }
    assert (entries[5]["status"], entries[5]["scope"]) == (429, "user")
    assert "fake-token" not in json.dumps(list(entries))
    assert "fake-token" not in repr(discord.exchange.store.webhooks)


def test_the_log_is_bounded(unlimited: Discord) -> None:
    entry = {"status": 200, "code": None, "webhook_id": None}
    unlimited.post({"content": "a"})
    call = Call("GET", "/api", "", {}, b"", 0, "", "")
    for _ in range(10_050):
        unlimited.exchange.journal.record(entry, call, invalid=False)
    assert len(unlimited.exchange.journal.requests) == 10_000
    assert unlimited.exchange.stats()["requests"] == 10_051
