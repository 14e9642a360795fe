"""quarantine.lua alone, and trouble.lua: a dead URL is not used again until it changes, and troubles are counted."""

import pytest
import redis

from notifier.gate.admin import QUARANTINE_FIELDS
from tests.integration.gate.conftest import Call, LoadLua

KEY = "quarantine"


@pytest.fixture
def call(load_lua: LoadLua) -> Call:
    return load_lua("gate/quarantine.lua")


def test_a_url_is_in_use_until_it_is_quarantined(call: Call, client: "redis.Redis") -> None:
    assert call("quarantine_reason", KEY, "url") is None
    assert call("quarantine_start", KEY, "url", "webhook_unknown") is True
    assert call("quarantine_reason", KEY, "url") == "webhook_unknown"
    assert set(client.hgetall(KEY)) == set(QUARANTINE_FIELDS), "a reset knows every field"


def test_a_second_rejection_is_no_news(call: Call) -> None:
    call("quarantine_start", KEY, "url", "webhook_unknown")
    assert call("quarantine_start", KEY, "url", "webhook_token_invalid") is False
    assert call("quarantine_reason", KEY, "url") == "webhook_token_invalid", "the last reason stands"


def test_a_changed_url_is_in_use_and_ends_the_quarantine(call: Call, client: "redis.Redis") -> None:
    call("quarantine_start", KEY, "url", "webhook_unknown")
    assert call("quarantine_reason", KEY, "changed") is None
    assert not client.exists(KEY)


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
