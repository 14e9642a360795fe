"""gate.lua, over the algorithms: which wait counts, what Get Webhook reserves, what giving back leaves."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from notifier.gate.gate import CHANNEL_LIMIT, GATE_SCRIPTS, lease_seconds, limits, microseconds
from notifier.settings import Settings
from notifier.storage.scripts import script
from notifier.webhook import Webhook
from tests.integration.gate.conftest import SECOND, START
from tests.integration.lua import run_lua
from tests.names import names

WEBHOOK = Webhook("1000000000000000001", SecretStr("fake-token-one"))
STATE, IN_FLIGHT, SENT, EDGE, EDGE_SENT = names.gate_parts(WEBHOOK.id)
READ, READ_IN_FLIGHT = names.gate(WEBHOOK.id, "read"), names.gate(WEBHOOK.id, "read_in_flight")
CHANNEL = f"{names.channel_prefix}of-webhook-{WEBHOOK.id}"
WORKER = "one"
LIFE_SECONDS = 60
"""Of keys that a test writes itself."""

CALL = """
local given = cjson.decode(ARGV[3])
local gate = gate_of(1, KEYS, cjson.decode(ARGV[1]), ARGV[2], { prefix = 'worker:', witness = 2000000 })
return { %s(gate, unpack(given)) }
"""


@dataclass
class Gate:
    """Calls the functions; times are microseconds from the start."""

    client: "redis.Redis"
    settings: Settings

    def call(self, function: str, *arguments: object) -> list[Any]:
        given = [json.dumps(limits(self.settings, WEBHOOK)), names.channel_prefix, json.dumps(arguments)]
        keys = names.gate_parts(WEBHOOK.id)
        return list(run_lua(self.client, script(*GATE_SCRIPTS), CALL % function, keys=keys, args=given))

    def check(self, at: int = 0) -> list[Any]:
        return self.call("gate_check", START + at)

    def take(self, token: str, at: int = 0) -> None:
        self.call("gate_take", START + at, token, WORKER)

    def take_fetch(self, token: str, at: int = 0) -> None:
        self.call("gate_take_fetch", START + at, token, WORKER)

    def give_back(self, token: str, at: int = 0) -> None:
        self.call("gate_give_back", START + at, token)

    def report(self, token: str, at: int = 0, **feedback: object) -> list[str]:
        healthy = {"claimed_at": START, "health": "success", "edge_health": "success"}
        (causes,) = self.call("gate_report", START + at, token, healthy | feedback)
        return list(causes)

    def write(self, key: str, **fields: object) -> None:
        self.client.hset(key, mapping=fields)
        self.client.expire(key, LIFE_SECONDS)

    def open(self, key: str, seconds: int) -> None:
        """Open the breaker of that key for so long."""
        self.write(key, breaker="open", open_for=seconds * SECOND, open_until=START + seconds * SECOND)

    def fill(self, key: str, count: int) -> None:
        """Requests of half a second ago."""
        self.client.zadd(key, {f"filled {number}": START - SECOND // 2 for number in range(count)})
        self.client.expire(key, LIFE_SECONDS)


@pytest.fixture
def gate(client: "redis.Redis") -> Gate:
    """A gate that is open: its webhook's channel needs no look-up."""
    gate = Gate(client, Settings.load())
    client.set(f"worker:{WORKER}", 1, ex=LIFE_SECONDS)
    gate.write(STATE, introduce_at=START + 86_400 * SECOND)
    return gate


def test_a_gate_that_nothing_holds_is_open(gate: Gate) -> None:
    assert gate.check() == ["open"]


def test_each_wait_names_its_reason(gate: Gate, client: "redis.Redis") -> None:
    lone = (
        ("global_rate_limited", lambda: gate.write(EDGE, pause_until=START + 9, pause_reason="global_rate_limited")),
        ("edge_banned", lambda: gate.open(EDGE, 9)),
        ("global_rate_limited", lambda: gate.fill(EDGE_SENT, 50)),
        ("breaker_open", lambda: gate.open(STATE, 9)),
        ("rate_limited", lambda: gate.write(STATE, bucket_remaining=0, bucket_reset_at=START + 9)),
        ("channel_rate_limited", lambda: gate.fill(CHANNEL, CHANNEL_LIMIT)),
        ("channel_rate_limited", lambda: client.set(f"{CHANNEL}:blocked", START + 9, ex=LIFE_SECONDS)),
        ("configured_limit", lambda: gate.fill(SENT, gate.settings.rate_limit_per_minute)),
    )
    for reason, hold in lone:
        client.flushdb()
        gate.write(STATE, introduce_at=START + 86_400 * SECOND)
        hold()
        state, wait, why = gate.check()
        assert (state, why) == ("wait", reason)
        assert wait > 0


def test_the_longest_wait_counts(gate: Gate) -> None:
    gate.open(EDGE, 5)
    gate.open(STATE, 7)
    gate.write(STATE, bucket_remaining=0, bucket_reset_at=START + 6 * SECOND)
    assert gate.check() == ["wait", 7 * SECOND, "breaker_open"]
    assert gate.check(SECOND) == ["wait", 6 * SECOND, "breaker_open"]
    gate.write(STATE, bucket_reset_at=START + 8 * SECOND)
    assert gate.check() == ["wait", 8 * SECOND, "rate_limited"]


def test_a_quarantine_outranks_every_wait(gate: Gate) -> None:
    gate.open(EDGE, 3_600)
    assert gate.report("t", quarantine="webhook_unknown") == ["webhook_gone"]
    assert gate.check() == ["quarantined", "webhook_unknown"]


def test_one_fetch_is_due_and_others_wait_for_it_until_it_counts_as_lost(gate: Gate) -> None:
    gate.write(STATE, introduce_at=START)
    assert gate.check() == ["fetch_webhook"]
    gate.take_fetch("t")
    assert gate.check(1) == ["wait", SECOND // 5, "fetching_webhook"]
    lost_at = microseconds(lease_seconds(gate.settings))
    assert gate.check(lost_at - 1)[0] == "wait"
    assert gate.check(lost_at) == ["fetch_webhook"]


def test_another_url_of_a_known_webhook_is_asked_for_before_it_posts(gate: Gate) -> None:
    gate.write(STATE, fetched_for="another")
    assert gate.check() == ["fetch_webhook"]
    gate.take_fetch("t")
    assert gate.check(1) == ["wait", SECOND // 5, "fetching_webhook"]


def test_a_fetch_counts_in_the_bucket_and_at_the_edge_alone(gate: Gate, client: "redis.Redis") -> None:
    gate.take_fetch("t")
    counted = [client.zcard(key) for key in (IN_FLIGHT, READ_IN_FLIGHT, EDGE_SENT, CHANNEL, SENT)]
    assert counted == [1, 1, 1, 0, 0], "it posts nothing; that reads have a bucket of their own is not known yet"
    assert [client.hget(key, "bucket_remaining") for key in (STATE, READ)] == ["4", "4"]


@pytest.mark.parametrize("key", [STATE, EDGE])
def test_no_fetch_is_due_while_a_probe_is(gate: Gate, key: str) -> None:
    gate.write(STATE, introduce_at=START)
    gate.open(key, 5)
    assert gate.check(5 * SECOND) == ["open"], "the one request that may go is a real one"


def test_a_request_counts_everywhere(gate: Gate, client: "redis.Redis") -> None:
    gate.take("t")
    assert [client.zcard(key) for key in (IN_FLIGHT, EDGE_SENT, CHANNEL, SENT)] == [1, 1, 1, 1]


@pytest.mark.parametrize("key", [STATE, EDGE])
def test_a_probe_that_was_never_made_makes_way_for_the_next(gate: Gate, key: str, client: "redis.Redis") -> None:
    gate.open(key, 5)
    gate.take("probe", 5 * SECOND)
    assert gate.check(5 * SECOND)[2] == "probe_in_flight"
    gate.give_back("probe", 5 * SECOND)
    assert gate.check(5 * SECOND) == ["open"]
    assert client.zcard(IN_FLIGHT) == 0


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        ("webhook", "rate_limited"),
        ("channel", "channel_rate_limited"),
        ("global", "global_rate_limited"),
        ("edge", "edge_banned"),
    ],
)
def test_a_pause_holds_what_it_speaks_of(gate: Gate, scope: str, reason: str) -> None:
    gate.take("t")
    pause = {"scope": scope, "wait": 50 * SECOND, "reason": "global_rate_limited"}
    edge_health = "failure" if scope == "edge" else "success"
    causes = gate.report("t", 1, health="neutral", edge_health=edge_health, pause=pause)
    assert causes == (["edge_banned"] if scope == "edge" else [])
    assert gate.check(1) == ["wait", (60 if scope == "edge" else 50) * SECOND, reason]


def test_a_breaker_that_opens_is_news_once(gate: Gate) -> None:
    told = [gate.report("t", number, health="failure") for number in range(gate.settings.breaker_failures + 2)]
    assert told == [[]] * (gate.settings.breaker_failures - 1) + [["breaker_open"], [], []]
