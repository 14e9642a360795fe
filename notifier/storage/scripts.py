"""Lua scripts: loaded from the package, run as atomic steps."""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import redis
from redis.sentinel import SentinelConnectionPool

from notifier.storage.busy_poll import BusyPoll
from notifier.storage.idle_connection import NoneIdle, packed

logger = logging.getLogger(__name__)

IS_STEP = "\n-- KEYS:"
"""Is in the header of a Lua file that is a step, and of no file of shared functions."""
IS_BELOW = "\n-- Below all others"
"""Is in the header of the file of shared functions on which nearly all others stand."""
REPLICA_MILLISECONDS = 500
"""Ours: how long a step waits for a replica to have it as well; at most half of the connection's timeout."""
REPLICA_AGAIN_SECONDS = 2
"""Ours: how long no step waits after one that waited in vain: there may be no replica left."""


def script(*names: str) -> str:
    """The text of Lua files, in order: shared functions first, the script that uses them last."""
    texts = [_text_of(name) for name in names]
    if IS_STEP not in texts[-1]:  # more is to follow
        return "\n".join(texts)
    # A function that is made looks for each local of the one around it that it uses, past all later ones that others
    # use, and finds at once what lies further out. Each call makes all of them.
    opened = [f"{text}\nreturn (function()" if IS_BELOW in text else text for text in texts]
    return "\n".join([*opened, *("end)()" for text in texts if IS_BELOW in text)])


def _text_of(name: str) -> str:
    text = (files("notifier") / name).read_text(encoding="utf-8")
    # Lua lets a function have 200 locals, and those of a step are not to be counted with the functions that it calls
    return f"return (function() {text}\nend)()" if IS_STEP in text else text


def atomic_step(
    client: "redis.Redis", text: str, before_first: Callable[["redis.Redis"], object] | None = None
) -> Callable[..., Any]:
    """A Lua script, to be called with its ``keys`` and ``args``.

    Behind sentinels it returns once a replica has the step too, or soon after: it then outlives the master.

    ``before_first``: is called before a server that does not know the script yet (a server forgets all of them when it
    ends, and a replica has none) runs it for the first time.
    """
    is_behind_sentinels = isinstance(client.connection_pool, SentinelConnectionPool)
    registered: Callable[..., Any] = client.register_script(text) if is_behind_sentinels else _learned(client, text)
    if before_first is not None:

        def registered(keys: list[str], args: list[Any], client: "redis.Redis" = client) -> Any:
            return run_script(client, text, before_first, keys, args)

    if not is_behind_sentinels:
        return _straight(client, text, registered)

    waits_from = time.monotonic()
    timeout_seconds = client.connection_pool.connection_kwargs["socket_timeout"]
    patience = min(REPLICA_MILLISECONDS, round(timeout_seconds * 1_000 / 2))

    def run(keys: list[str], args: list[Any]) -> Any:
        nonlocal waits_from
        with type(client)(connection_pool=client.connection_pool, single_connection_client=True) as connection:
            answer = registered(keys=keys, args=args, client=connection)
            if time.monotonic() >= waits_from and not connection.wait(1, patience):
                waits_from = time.monotonic() + REPLICA_AGAIN_SECONDS
                logger.warning("no replica of Redis has taken this step within %d ms", patience)
            return answer

    return run


def _straight(client: Any, text: str, learned: Callable[..., Any]) -> Callable[..., Any]:
    """The same, without detours where it can be: once the server knows the script."""
    digest, is_known = _digest(text), False
    name, ask, busy_poll = packed(("EVALSHA", digest)), getattr(client, "ask", None), BusyPoll()

    def asked(keys: Sequence[str], args: Sequence[Any]) -> Any:
        if ask is not None:
            given = packed((len(keys), *keys, *args))
            try:
                return ask(b"*%d\r\n%b%b" % (3 + len(keys) + len(args), name, given), busy_poll)
            except NoneIdle:
                pass
        return client.evalsha(digest, len(keys), *keys, *args)

    def run(keys: Sequence[str], args: Sequence[Any]) -> Any:
        nonlocal is_known
        if is_known:
            try:
                return asked(keys, args)
            except redis.exceptions.NoScriptError:  # it was started again
                pass
        answer = learned(keys=keys, args=args)
        is_known = True
        return answer

    return run


def _learned(client: "redis.Redis", text: str) -> Callable[..., Any]:
    """A script that the server learns in the round trip of its call. On a long line each one more is felt."""
    digest = _digest(text)

    def run(keys: Sequence[str], args: Sequence[Any]) -> Any:
        pipeline: Any = client.pipeline(transaction=False)  # has no types
        pipeline.script_load(text)
        pipeline.evalsha(digest, len(keys), *keys, *args)
        try:
            learned, answer = pipeline.execute(raise_on_error=False)
        except redis.ConnectionError as error:
            raise _refusal(client) or error from None
        if isinstance(answer, Exception):
            raise learned if isinstance(learned, Exception) else answer
        return answer

    return run


def _refusal(client: "redis.Redis") -> Exception | None:
    """Why a server closes on a long text. One that wants a login, or is no Redis, tells that who sends less."""
    try:
        client.ping()
    except (redis.AuthenticationError, redis.InvalidResponse) as refused:
        return refused
    except redis.RedisError:
        pass
    return None


def run_script(
    client: "redis.Redis",
    text: str,
    before_first: Callable[["redis.Redis"], object],
    keys: Sequence[str] = (),
    args: Sequence[Any] = (),
) -> Any:
    """Run a Lua script; ``before_first`` as in ``atomic_step``."""
    digest = _digest(text)
    try:
        return client.evalsha(digest, len(keys), *keys, *args)
    except redis.exceptions.NoScriptError:
        before_first(client)
    try:
        # not SCRIPT LOAD: Redis 6 writes that to its append-only file, and would know the script after a restart
        return client.eval(text, len(keys), *keys, *args)
    except redis.exceptions.NoPermissionError:  # rights as version 0.2 needed them
        client.script_load(text)
        return client.evalsha(digest, len(keys), *keys, *args)


@lru_cache(maxsize=16)  # of the few scripts that are run in this way, with each claim and beat
def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
