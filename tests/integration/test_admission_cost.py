"""What an admission costs Redis, and the lives of the keys that it leaves."""

import re
from collections import Counter
from typing import Any, cast

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.admission import Admission
from notifier.outbox.steps import ADMISSION_SCRIPTS
from notifier.outbox.terms import Terms
from notifier.settings import Settings
from notifier.storage.connection import connect
from notifier.storage.scripts import script
from tests.integration.conftest import Bench, MakeBench
from tests.integration.lone_redis import lone_redis  # noqa: F401 (a fixture)
from tests.names import names

GENERAL = AlertType.GENERAL
SHARED = [names.sequence, *(names.outbox(GENERAL, part) for part in ("waiting", "delayed", "state"))]
MINUTE, DAY = 60_000, 86_400_000


def commands_run(redis: Any) -> Counter[str]:
    """How often each command was called on this server."""
    return Counter({name: each["calls"] for name, each in redis.info("commandstats").items()})


def test_a_plain_alert_takes_few_commands_and_makes_few_functions(redis_url: str) -> None:
    client = connect(redis_url, 5)
    admission = Admission(client, Settings.load())
    for title in ("first", "second"):
        before = commands_run(client)
        admission.admit(NotificationMessage(title=title))
    asked = commands_run(client) - before
    del asked["cmdstat_info"], asked["cmdstat_evalsha"]
    assert asked.total() <= 9, asked
    assert len(re.findall(r"\bfunction\b[ \w]*\(", script(*ADMISSION_SCRIPTS, "outbox/admit.lua"))) <= 30
    client.close()


def shorten(bench: Bench, *keys: str) -> list[str]:
    """Let these keys end soon; those that there are."""
    return [key for key in keys if bench.redis.pexpire(key, MINUTE)]


def lives(bench: Bench, *keys: str) -> list[int]:
    return [cast("int", bench.redis.pttl(key)) for key in keys]


def test_what_many_alerts_share_lives_as_long_as_the_last_of_them(bench: Bench) -> None:
    bench.admit("first", "second")
    bench.admit("later", terms=Terms(after_seconds=60, expires_seconds=3_600))
    assert shorten(bench, *SHARED) == SHARED
    bench.redis.delete(names.memory)  # as it is after a minute
    bench.admit("third")
    assert min(lives(bench, *SHARED, names.notification("third"))) > 29 * DAY


@pytest.mark.parametrize("terms", [Terms(), Terms(after_seconds=60), Terms(expires_seconds=3_600)])
def test_a_key_that_was_gone_has_its_life_at_once(bench: Bench, terms: Terms) -> None:
    bench.admit("first")
    bench.redis.delete(*SHARED)
    bench.admit("second", terms=terms)
    there = [key for key in SHARED if bench.redis.exists(key)]
    assert len(there) >= 2
    assert min(lives(bench, *there)) > 29 * DAY


def test_any_prefix_of_keys_may_stand_in_the_script(make_bench: MakeBench) -> None:
    prefix = 'é"\\1\n]]:'
    bench = make_bench(key_prefix=prefix)
    bench.admit("a")
    assert bench.redis.zrange(f"{prefix}outbox:general:waiting", 0, -1) == ["a"]
