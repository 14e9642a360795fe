"""What is asked after each test finds a token wherever it lies in a Redis, and a key without a life."""

from collections.abc import Callable

import pytest
import redis

from notifier.storage.connection import connect
from tests.conftest import LASTING
from tests.no_secrets import assert_no_secrets

TOKEN = "x-fake-token-one"


@pytest.mark.parametrize(
    "put",
    [
        pytest.param(lambda client: client.set("key", TOKEN), id="string"),
        pytest.param(lambda client: client.set(TOKEN, "value"), id="name of a key"),
        pytest.param(lambda client: client.hset("key", "field", TOKEN), id="hash"),
        pytest.param(lambda client: client.hset("key", TOKEN, "value"), id="name of a field"),
        pytest.param(lambda client: client.rpush("key", "a", TOKEN), id="list"),
        pytest.param(lambda client: client.sadd("key", "a", TOKEN), id="set"),
        pytest.param(lambda client: client.zadd("key", {"a": 1, TOKEN: 2}), id="sorted set"),
        pytest.param(lambda client: client.xadd("key", {"field": TOKEN}), id="stream"),
    ],
)
def test_a_token_is_found_in_every_kind_of_key(redis_url: str, put: Callable[["redis.Redis"], object]) -> None:
    """And the assertion says in which key."""
    with connect(redis_url, 5) as client:
        client.set("other", "value")
        assert_no_secrets(redis=client)
        put(client)
        with pytest.raises(AssertionError, match=r"a webhook token is in: Redis key (key|x-fake-token-one)$"):
            assert_no_secrets(redis=client)
        client.flushdb()


def test_a_key_of_ours_without_a_life_is_found_and_no_other(redis_url: str) -> None:
    """Neither one with a life nor one of somebody else."""
    with connect(redis_url, 5) as client:
        client.set("notifier:lasting", 1)
        client.set("notifier:passing", 1, ex=60)
        client.set("another:lasting", 1)
        assert client.eval(LASTING, 0) == ["notifier:lasting"]
        client.flushdb()
