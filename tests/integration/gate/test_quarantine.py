"""quarantine.lua alone, and trouble.lua: a dead URL is not used again, another one is, and troubles are counted."""

import pytest
import redis

from tests.integration.gate.conftest import Call, LoadLua

KEY = "quarantine"


@pytest.fixture
def call(load_lua: LoadLua) -> Call:
    return load_lua("gate/quarantine.lua")


def test_a_url_is_in_use_until_it_is_quarantined(call: Call, client: "redis.Redis") -> None:
    assert call("quarantine_reason", KEY, "url") is None
    assert call("quarantine_start", KEY, "url", "webhook_unknown") is True
    assert call("quarantine_reason", KEY, "url") == "webhook_unknown"
    assert set(client.hgetall(KEY)) == {"quarantines", "quarantined", "quarantine_reason"}


def test_a_second_rejection_is_no_news(call: Call) -> None:
    call("quarantine_start", KEY, "url", "webhook_unknown")
    assert call("quarantine_start", KEY, "url", "webhook_token_invalid") is False
    assert call("quarantine_reason", KEY, "url") == "webhook_token_invalid", "the last reason stands"


def test_another_url_is_in_use_and_ends_no_quarantine(call: Call) -> None:
    call("quarantine_start", KEY, "url", "webhook_unknown")
    assert call("quarantine_reason", KEY, "changed") is None
    assert call("quarantine_reason", KEY, "url") == "webhook_unknown"


def test_several_urls_may_be_quarantined_at_once_and_the_oldest_of_too_many_is_forgotten(call: Call) -> None:
    for number in range(21):
        assert call("quarantine_start", KEY, f"url {number}", f"reason {number}") is True
    reasons = [call("quarantine_reason", KEY, f"url {number}") for number in range(21)]
    assert reasons == [None, *(f"reason {number}" for number in range(1, 21))]


def test_a_url_that_is_rejected_again_is_the_newest(call: Call) -> None:
    for number in (*range(20), 0, 20):
        call("quarantine_start", KEY, f"url {number}", "reason")
    assert call("quarantine_reason", KEY, "url 0") == "reason"
    assert call("quarantine_reason", KEY, "url 1") is None


def test_version_0_2_sees_the_newest_and_what_it_deletes_stays(call: Call, client: "redis.Redis") -> None:
    call("quarantine_start", KEY, "older", "webhook_unknown")
    call("quarantine_start", KEY, "newer", "webhook_token_invalid")
    assert client.hmget(KEY, "quarantined", "quarantine_reason") == ["newer", "webhook_token_invalid"]
    client.hdel(KEY, "quarantined", "quarantine_reason")  # a worker of 0.2 with a third URL
    assert call("quarantine_reason", KEY, "older") == "webhook_unknown"
    assert call("quarantine_reason", KEY, "newer") == "webhook_token_invalid"


def test_what_version_0_2_has_quarantined_is_not_known_to_be_discords_word(call: Call, client: "redis.Redis") -> None:
    """It did so on any 401 or 404, also on that of a login page."""
    client.hset(KEY, mapping={"quarantined": "of 0.2", "quarantine_reason": "webhook_unknown"})
    assert call("quarantine_reason", KEY, "of 0.2") is None
    assert call("quarantine_start", KEY, "of 0.2", "webhook_unknown") is True
    assert call("quarantine_reason", KEY, "of 0.2") == "webhook_unknown"


def test_a_url_that_works_is_free_for_version_0_2_again(call: Call, client: "redis.Redis") -> None:
    for mine, others in (("good", "other"), ("good", "good")):
        client.hset(KEY, mapping={"quarantined": others, "quarantine_reason": "webhook_unknown"})
        call("quarantine_refute", KEY, mine)
        assert client.hmget(KEY, "quarantined", "quarantine_reason") == (
            [None, None] if mine == others else [others, "webhook_unknown"]
        )


def test_the_quarantine_of_a_changed_url_is_news(call: Call) -> None:
    call("quarantine_start", KEY, "url", "webhook_unknown")
    assert call("quarantine_start", KEY, "changed", "webhook_unknown") is True


def test_troubles_are_counted_by_cause_subject_and_detail(load_lua: LoadLua, client: "redis.Redis") -> None:
    call = load_lua("gate/clock.lua", "gate/trouble.lua")
    for arguments in (
        ("stuck", "error", None),
        ("stuck", "error", None),
        ("stuck", "error", "in_flight"),
        ("gone", ""),
    ):
        call("report_trouble", "troubles", *arguments)
    call("report_trouble", "troubles", "dropped", "error", "", 5)
    counted = {"stuck|error|": "2", "stuck|error|in_flight": "1", "gone||": "1", "dropped|error|": "5"}
    assert client.hgetall("troubles") == counted
    assert client.pttl("troubles") > 0
