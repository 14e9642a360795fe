"""The same alert given to others: Celery, dramatiq, rq, and Redis itself. Each is a function that gives it once."""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import redis

PAYLOAD = {"title": "Database timeout", "message": "No answer from db1 within 5 s.", "source": "Import"}
URL = os.environ.get("REDIS_URL", "")
MISSING = "installed by uv sync --group bench"
SCRIPT = "redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('EXPIRE', KEYS[1], 3600)"


def post(**payload: Any) -> None:
    """Never run here."""


def celery() -> Callable[[], object]:
    """A bare task of Celery."""
    from celery import Celery

    app = Celery("bare", broker=URL, backend=URL, set_as_current=False)
    task = app.task(name="bare")(post)
    return lambda: task.delay(**PAYLOAD)


def dramatiq() -> Callable[[], object]:
    """An actor of dramatiq."""
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker

    actor = dramatiq.actor(post, broker=RedisBroker(url=URL))
    return lambda: actor.send(**PAYLOAD)


def rq() -> Callable[[], object]:
    """A job of rq."""
    import rq

    queue = rq.Queue(connection=redis.Redis.from_url(URL))
    return lambda: queue.enqueue(post, **PAYLOAD)


def lua() -> Callable[[], object]:
    """One call of a script that keeps the payload: what no program that is to survive a crash can do without."""
    client = redis.Redis.from_url(URL)
    script = client.register_script(SCRIPT)
    return lambda: script(keys=["bare:list"], args=[json.dumps(PAYLOAD)])


PEERS: Mapping[str, Callable[[], Callable[[], object]]] = {
    "bare Celery": celery,
    "dramatiq": dramatiq,
    "rq": rq,
    "one Lua call": lua,
}
