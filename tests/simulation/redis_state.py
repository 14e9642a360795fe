"""The Redis of the simulation: a real server that runs the real scripts, by the simulation's clock."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import redis
from redis.client import Pipeline
from redis.exceptions import NoScriptError

from notifier.cli.embedded_redis import redis_server
from notifier.cli.processes import Process

LIVES, BROKEN = "simulation:lives", "simulation:broken"
SHIM = (Path(__file__).parent / "shim.lua").read_text(encoding="utf-8")

Operate = Callable[[Callable[[], Any]], Any]
"""Makes one operation on Redis, as far as the simulation lets it: it may fail, come late, or lose its answer."""

planted: list[tuple[str, str]] = []
"""Bugs: what stands in scripts in place of what."""
was_planted: set[str] = set()
"""Those that a script has had since."""


def of_simulation(text: str) -> str:
    """A script as it runs in the simulation."""
    for right, wrong in planted:
        if right in text:
            was_planted.add(right)
        text = text.replace(right, wrong)
    return SHIM.replace("--STEP--", text.replace("redis.call(", "simulated("))


@lru_cache(maxsize=256)
def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Server:
    """The server: what it holds can be remembered and brought back, as after a crash that took the last writes.

    Args:
        path: of its Unix socket.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.client = redis.Redis(unix_socket_path=path, decode_responses=True)
        self._raw = redis.Redis(unix_socket_path=path)
        self._connection: Any = self.client.connection_pool.make_connection()
        self._known: set[str] = set()
        self._texts: dict[str, str] = {}
        self._loaded: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
        self.broken: list[str] = []
        """What did not hold after a step."""

    def close(self) -> None:
        """Give back its connections."""
        self._connection.disconnect()
        self.client.close()
        self._raw.close()

    def begin(self) -> None:
        """Empty it."""
        self.client.flushall()
        self.broken.clear()
        self.restart()

    def restart(self) -> None:
        """It forgets its scripts."""
        self._known.clear()

    def load(self, text: str) -> str:
        """It knows this script until it restarts; returns its digest."""
        digest = _digest(text)
        self._texts[digest] = text
        self._known.add(digest)
        return digest

    def run(self, digest: str, numkeys: int, keys_and_args: tuple[Any, ...], now: int) -> Any:
        """Run a script that it knows. Raises NoScriptError: it does not."""
        if digest not in self._known:
            raise NoScriptError("no such script")
        # compiled once: to forget it for good would cost more than to run it
        if not (loaded := self._loaded.get((digest, tuple(planted)))):
            loaded = cast("str", self.client.script_load(of_simulation(self._texts[digest])))
            self._loaded[digest, tuple(planted)] = loaded
        self._connection.send_command("EVALSHA", loaded, numkeys, *keys_and_args, now)
        return self._connection.read_response()

    def tick(self, now: int) -> None:
        """Let go of what has reached the end of its life."""
        self.run(self.load("return 1"), 0, (), now)

    def look(self) -> list[str]:
        """What did not hold after a step so far."""
        self.broken += cast("list[str]", self.client.lrange(BROKEN, 0, -1))
        self.client.delete(BROKEN)
        return list(dict.fromkeys(self.broken))

    def remember(self) -> dict[bytes, tuple[bytes, int]]:
        """All that it holds now, and the lives that plain commands have given."""
        keys = sorted(cast("list[bytes]", self._raw.keys("*")))
        pipeline = self._raw.pipeline(transaction=False)
        for key in keys:
            pipeline.dump(key)
            pipeline.pttl(key)
        found = pipeline.execute()
        return dict(zip(keys, zip(found[::2], found[1::2], strict=True), strict=True))

    def forget(self, since: dict[bytes, tuple[bytes, int]]) -> None:
        """Hold what it held then."""
        self.look()
        pipeline = self._raw.pipeline(transaction=False)
        pipeline.flushdb()
        for key, (value, life) in since.items():
            pipeline.restore(key, max(life, 0), value)
        pipeline.execute()


SCRIPTS = ("SCRIPT LOAD", "EVALSHA")


class SimulatedPipeline(Pipeline):
    """Its commands are one operation."""

    operate: Operate
    server: Server
    now: Callable[[], int]

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """As redis-py's."""
        stack = list(self.command_stack)
        if any(args[0] in SCRIPTS for args, _ in stack):
            self.reset()
            answers: list[Any] = self.operate(lambda: [self._of_script(*args) for args, _ in stack])
            return answers

        def run() -> list[Any]:
            self.command_stack = list(stack)  # it may be run again, or after this pipeline was reset
            return super(SimulatedPipeline, self).execute(raise_on_error)

        return cast("list[Any]", self.operate(run))

    def _of_script(self, command: str, text: str, numkeys: int = 0, *given: Any) -> Any:
        """``text``: the script, or its digest."""
        return self.server.load(text) if command == SCRIPTS[0] else self.server.run(text, numkeys, given, self.now())


class SimulatedRedis(redis.Redis):
    """The client of one process."""

    def __init__(self, server: Server, operate: Operate, now: Callable[[], int]) -> None:
        super().__init__(connection_pool=server.client.connection_pool)
        self._server = server
        self._now = now
        self._operate = operate

    def _at_its_time(self, act: Callable[[], Any]) -> Any:
        def run() -> Any:
            self._server.tick(self._now())
            return act()

        return self._operate(run)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """As redis-py's."""
        run = super().execute_command
        return self._at_its_time(lambda: run(*args, **options))  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> SimulatedPipeline:
        """As redis-py's."""
        made = SimulatedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        made.operate, made.server, made.now = self._at_its_time, self._server, self._now
        return made

    def time(self, **_: Any) -> Any:
        """The simulation's."""
        now: int = self._operate(self._now)
        return divmod(now, 1_000_000)

    def evalsha(self, sha: str, numkeys: int, *keys_and_args: Any) -> Any:
        """As redis-py's."""
        return self._operate(lambda: self._server.run(sha, numkeys, keys_and_args, self._now()))

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """As redis-py's."""
        return self._operate(lambda: self._server.run(self._server.load(script), numkeys, keys_and_args, self._now()))

    def script_load(self, script: Any) -> Any:
        """As redis-py's."""
        return self._operate(lambda: self._server.load(script))


@contextmanager
def a_server() -> Iterator[Server]:
    """A Redis of its own. It keeps nothing on disk."""
    with TemporaryDirectory() as name:
        yield from _server_in(Path(name))


def _server_in(folder: Path) -> Iterator[Server]:
    path = folder / "redis.sock"
    command = [redis_server(), "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    process = Process("redis", command, folder / "redis.log")
    try:
        process.wait_for("eady to accept connections")
        server = Server(str(path))
        yield server
        server.close()
    finally:
        process.stop()
