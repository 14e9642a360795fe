"""A Redis that nobody else asks anything."""

from collections.abc import Iterator

import pytest

from notifier.cli.embedded_redis import start_redis


@pytest.fixture(scope="module", name="redis_server")
def lone_redis(tmp_path_factory: pytest.TempPathFactory, own_environment: None) -> Iterator[str]:
    """In place of the one of the whole run: a worker of other tests polls that, and its commands would be counted too.

    To be imported by a module that counts them.
    """
    process, url = start_redis(tmp_path_factory.mktemp("redis"))
    yield url
    process.stop()
