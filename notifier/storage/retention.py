"""Whether a Redis keeps what it is given: its eviction policy, its role, its persistence, the rights of our user."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import ReadOnlyError

from notifier.errors import BrokerUnavailable
from notifier.settings import Settings
from notifier.storage.connection import broker_errors, connect
from notifier.storage.keys import Keys
from notifier.storage.rights import Command, commands_on_outboxes, commands_on_queues, missing_rights, try_commands
from notifier.storage.url import BrokerUrl, read_redis_url

SECTIONS = ("memory", "replication", "persistence")
"""Of Redis' INFO."""
UNREADABLE = (
    "whether it may drop keys cannot be read (its user may not use INFO): its maxmemory-policy must be noeviction"
)
REPLICA = "it is a replica: REDIS_URL must name the master, or the sentinels"
NO_FILE = "appendonly is no: what came since its last snapshot, if it takes any, is gone if it is restarted"


@dataclass(frozen=True, slots=True)
class Findings:
    """In words. ``problems``: alerts will be lost, or cannot be delivered. ``warnings``: somebody should know."""

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def of(self, place: str) -> "Findings":
        """The same; each says which Redis it is about."""
        named = (tuple(f"Redis at {place}: {each}" for each in texts) for texts in (self.problems, self.warnings))
        return Findings(*named)

    def __add__(self, other: "Findings") -> "Findings":
        """Both."""
        return Findings(self.problems + other.problems, self.warnings + other.warnings)


def inspect(settings: Settings, queues: Sequence[str] = ()) -> Findings:
    """Look at the Redis of ``REDIS_URL``, and at that of ``CELERY_BROKER_URL`` if it is another one.

    ``queues``: those that this process consumes.

    Raises:
        BrokerUnavailable: one of them did not answer.
    """
    keys, url = Keys(settings.key_prefix), settings.redis_url.get_secret_value()
    here, broker = read_redis_url("REDIS_URL", url), settings.broker_url
    for_outboxes, for_queues = [*commands_on_outboxes(keys)], [*commands_on_queues(keys, queues)]
    there = BrokerUrl(broker.get_secret_value()) if broker else None
    if there is None or there.celery_url == here.celery_url:
        with _connected(settings, url) as client:
            return _inspect(client, [*for_outboxes, *for_queues]).of(here.place)
    with _connected(settings, url) as client:
        found = _inspect(client, for_outboxes).of(here.place)
    if broker is None or there.redis is None:
        return found
    try:
        with _connected(settings, broker.get_secret_value()) as client:
            return found + _inspect(client, for_queues, lasting=True).of(there.redis.place)
    except BrokerUnavailable as error:
        text = str(error).replace("REDIS_URL", "CELERY_BROKER_URL")
        raise BrokerUnavailable(text, waiting=error.waiting) from None


def eviction(memory: Mapping[str, Any], *, lasting: bool = False) -> Findings:
    """What the section ``memory`` of INFO says. ``lasting``: what is kept there has no life, as Celery's messages."""
    policy = memory.get("maxmemory_policy")
    if policy is None:
        return Findings(warnings=(UNREADABLE,))
    if policy == "noeviction" or (lasting and policy.startswith("volatile")):
        return Findings()
    wanted = f"maxmemory-policy is {policy} and must be noeviction"
    if memory.get("maxmemory") == 0:
        return Findings(warnings=(f"{wanted}: as soon as it has a maxmemory, it may drop alerts",))
    return Findings((f"{wanted}: once it is full, it drops alerts that it has taken",))


def ping(client: "redis.Redis", told: Callable[[Findings], None]) -> None:
    """Ping, and ask in the same round trip whether what is kept there may be dropped. ``told``: what was found.

    Raises:
        redis.RedisError: Redis did not answer.
    """
    pipeline = client.pipeline(transaction=False)
    pipeline.ping()
    pipeline.info("memory")
    pong, memory = pipeline.execute(raise_on_error=False)
    if isinstance(pong, Exception):
        client.ping()  # raises it with the name of the Redis
    elif isinstance(memory, dict):
        told(eviction(memory))


@contextmanager
def _connected(settings: Settings, url: str) -> Iterator["redis.Redis"]:
    client = connect(url, settings.publish_timeout_seconds)
    try:
        with broker_errors():
            yield client
    finally:
        client.close()


def _inspect(client: "redis.Redis", commands: Sequence[Command], *, lasting: bool = False) -> Findings:
    client.ping()  # else a Redis that is only starting would look like one that tells nothing
    info: dict[str, Any] = {}
    for each in try_commands(client, [("info", section) for section in SECTIONS]):
        info |= each if isinstance(each, dict) else {}
    answers = try_commands(client, commands)
    problems, warnings = [], []
    if info.get("role") == "slave" or any(isinstance(each, ReadOnlyError) for each in answers):
        problems.append(REPLICA)
    if missing := missing_rights(commands, answers):
        problems.append(f"its user lacks rights: {missing}; docs/redis.md lists those that it needs")
    if info.get("aof_enabled") == 0:
        warnings.append(NO_FILE)
    return eviction(info, lasting=lasting) + Findings(tuple(problems), tuple(warnings))
