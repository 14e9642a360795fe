"""An error of Redis reaches the caller in Redis' words, with its address and the next step, and with no secret."""

import os
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from notifier.errors import BrokerUnavailable
from notifier.models import NotificationMessage
from notifier.outbox.outbox import Outbox
from notifier.settings import Settings
from notifier.storage.connection import broker_errors, connect
from tests.secured_redis import Certificates, SecuredRedis, missing_for_tls
from tests.servers import free_port, until

TEXT = "the text of an alert"
ANYBODY = "default on nopass ~* &* +@all"
PASSWORD = "fake-token-of-a-user"


class Servers:
    """What a case starts; all of it ends with the test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack, self._count = folder, stack, 0

    def redis(self, *lines: str, user: str = ANYBODY, certificates: Certificates | None = None) -> SecuredRedis:
        """A Redis with these lines in its configuration and one user."""
        self._count += 1
        started = SecuredRedis(self._folder / f"redis{self._count}", certificates, users=[user], more=lines)
        self._stack.callback(started.stop)
        return started

    def certificates(self) -> Certificates:
        """Those of an authority that nobody trusts."""
        if missing := missing_for_tls():
            pytest.skip(missing)
        return Certificates(self._folder / "certificates")

    def listen(self, handler: type[socketserver.BaseRequestHandler]) -> int:
        """The port of a server that is no Redis."""
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        self._stack.callback(server.server_close)
        self._stack.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return int(server.server_address[1])

    def finally_do(self, act: Callable[[], object]) -> None:
        """At the end of the test, before the servers stop."""
        self._stack.callback(act)


def at(server: SecuredRedis, login: str = "", rest: str = "/0") -> str:
    return f"redis://{login}127.0.0.1:{server.port}{rest}"


def broken_key(servers: Servers) -> str:
    server = servers.redis()
    server.admin.set("notifier:outbox:general:waiting", 1)
    return at(server)


def broken_last_key(servers: Servers) -> str:
    """``admit.lua`` has written before it meets this one."""
    server = servers.redis()
    server.admin.rpush("celery-task-meta-a", "no string")
    return at(server)


def full(servers: Servers) -> str:
    server = servers.redis("maxmemory-policy noeviction")
    with client_of(at(server)) as client:
        Outbox(client, Settings.load()).admit(NotificationMessage(title="the scripts are loaded"))
    server.admin.config_set("maxmemory", 1)
    return at(server)


def replica(servers: Servers) -> str:
    master, follower = servers.redis(), servers.redis()
    follower.admin.replicaof("127.0.0.1", str(master.port))
    until(lambda: follower.admin.info("replication")["role"] == "slave", "the replica", 10)
    return at(follower)


def orphan(servers: Servers) -> str:
    follower = servers.redis("replica-serve-stale-data no")
    follower.admin.replicaof("127.0.0.1", "1")
    return at(follower)


def cannot_save(servers: Servers) -> str:
    server = servers.redis("dbfilename dump.rdb")
    server.admin.config_set("save", "3600 1000000")
    (server.socket.parent / "dump.rdb").mkdir()
    server.admin.bgsave()
    until(lambda: server.admin.info("persistence")["rdb_last_bgsave_status"] == "err", "a failed save", 10)
    servers.finally_do(lambda: server.admin.config_set("save", ""))  # else it refuses to stop
    return at(server)


def busy(servers: Servers) -> str:
    server = servers.redis("lua-time-limit 1")
    other = redis.Redis(port=server.port)

    def endless() -> None:
        with pytest.raises(redis.RedisError):
            other.eval("while true do end", 0)

    script = threading.Thread(target=endless)
    script.start()
    servers.finally_do(script.join)
    servers.finally_do(server.admin.script_kill)
    until(lambda: _says(server, "BUSY"), "the script", 10, poll_seconds=0.01)
    return at(server)


def _says(server: SecuredRedis, word: str) -> bool:
    try:
        server.admin.ping()
    except redis.RedisError as error:
        return word in str(error)
    return False


def crowded(servers: Servers) -> str:
    server = servers.redis()
    server.admin.config_set("maxclients", 1)
    return at(server)


def frozen(servers: Servers) -> str:
    server = servers.redis()
    os.kill(server.process.pid, signal.SIGSTOP)
    servers.finally_do(lambda: os.kill(server.process.pid, signal.SIGCONT))
    return at(server)


def no_right(servers: Servers) -> str:
    server = servers.redis(user=f"bob on >{PASSWORD} ~* &* +@all -evalsha")
    return at(server, f"bob:{PASSWORD}@")


def no_right_to_the_key(servers: Servers) -> str:
    server = servers.redis(user=f"bob on >{PASSWORD} ~other* &* +@all")
    return at(server, f"bob:{PASSWORD}@")


def untrusted(servers: Servers) -> str:
    return f"rediss://127.0.0.1:{servers.redis(certificates=servers.certificates()).tls_port}/0"


def plain_to_tls(servers: Servers) -> str:
    return f"redis://127.0.0.1:{servers.redis(certificates=servers.certificates()).tls_port}/0"


class Web(socketserver.BaseRequestHandler):
    """Answers as a web server does."""

    def handle(self) -> None:
        """One answer."""
        self.request.recv(100)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        self.request.recv(100)


class Greeter(socketserver.BaseRequestHandler):
    """Speaks first, as a mail server does."""

    def handle(self) -> None:
        """One line."""
        self.request.sendall(b"220 mail.example.com ESMTP\r\n")
        self.request.recv(100)


def web(servers: Servers) -> str:
    return f"redis://127.0.0.1:{servers.listen(Web)}/0"


@dataclass(frozen=True, slots=True)
class Case:
    """Where ``REDIS_URL`` leads, what Redis says to an alert, and the next step.

    ``maybe_stored``: None if that differs from time to time.
    """

    url: Callable[[Servers], str]
    words: str
    next_step: str
    maybe_stored: bool | None = False


CASES = {
    "a key of another kind": Case(broken_key, "WRONGTYPE Operation against a key", "NOTIFIER_KEY_PREFIX", True),
    "a key of another kind, late": Case(broken_last_key, "WRONGTYPE", "NOTIFIER_KEY_PREFIX", True),
    "full": Case(full, "command not allowed when used memory > 'maxmemory'", "raise its maxmemory"),
    "a replica": Case(replica, "can't write against a read only replica", "name the master"),
    "a replica without its master": Case(orphan, "Link with MASTER is down", "name the master"),
    "cannot save": Case(cannot_save, "MISCONF", "Redis cannot save to its disk"),
    "busy": Case(busy, "BUSY", "script kill"),
    "too many clients": Case(crowded, "max number of clients reached", "maxclients"),
    "no such database": Case(lambda s: at(s.redis(), rest="/9999"), "DB index is out of range", "REDIS_URL names a"),
    "no right to a command": Case(no_right, "no permissions to run the 'evalsha'", "lacks a right; docs/redis.md"),
    "no right to a key": Case(no_right_to_the_key, "no permissions to access", "lacks a right; docs/redis.md"),
    "no password": Case(lambda s: at(s.redis(user="default on >x ~*")), "Authentication required", "the password"),
    "a wrong password": Case(lambda s: at(s.redis(), f"bob:{PASSWORD}@"), "invalid username-password", "the password"),
    "refused": Case(
        lambda _: f"redis://127.0.0.1:{free_port()}/0", "database 0: Connection refused; ", "does Redis run there"
    ),
    "no such socket": Case(lambda _: "unix:///nowhere/redis.sock?db=0", "No such file", "does Redis run there"),
    "silent": Case(frozen, "Timeout", "overloaded or stopped", True),
    "no such host": Case(lambda _: "redis://none.invalid:6379/0", "ame", "cannot resolve the host"),
    "no sentinels": Case(
        lambda _: "sentinel://:fake-token-of-a-user@127.0.0.1:1,127.0.0.1:2/0?master_name=alerts",
        "Connection refused",
        "master_name",
    ),
    "TLS to a plain port": Case(
        lambda s: at(s.redis()).replace("redis:", "rediss:"), "Timeout", "TLS port if REDIS_URL"
    ),
    "plain to a TLS port": Case(plain_to_tls, "", "a TLS port needs rediss://", None),
    "an authority that is not trusted": Case(untrusted, "certificate verify failed", "ssl_ca_certs"),
    "a web server": Case(web, "Protocol Error", "speak Redis' protocol"),
    "a mail server": Case(lambda s: f"redis://127.0.0.1:{s.listen(Greeter)}/0", "220 mail", "speak Redis' protocol"),
}
STACK = ("script:", "user_script", "Error running script", "f_")


@pytest.fixture
def servers(tmp_path: Path, own_environment: None) -> Iterator[Servers]:
    """None started yet."""
    with ExitStack() as stack:
        yield Servers(tmp_path, stack)


@contextmanager
def client_of(url: str, timeout_seconds: float = 5) -> Iterator["redis.Redis"]:
    client = connect(url, timeout_seconds)
    try:
        yield client
    finally:
        client.close()


def place_of(url: str) -> str:
    if url.startswith("unix"):
        return "/nowhere/redis.sock, database 0"
    if url.startswith("sentinel"):
        return "'alerts' of the sentinels 127.0.0.1:1, 127.0.0.1:2, database 0"
    hosts, _, database = url.rpartition("/")
    return f"{hosts.rpartition('@')[2].rpartition('/')[2]}, database {database}"


@pytest.mark.parametrize("name", CASES)
def test_an_alert_that_redis_does_not_take_fails_in_its_words(name: str, servers: Servers) -> None:
    case = CASES[name]
    url = case.url(servers)
    with client_of(url, 0.5 if case.words == "Timeout" else 5) as client, pytest.raises(BrokerUnavailable) as raised:
        Outbox(client, Settings.load()).admit(NotificationMessage(id="a", title=TEXT))
    text = str(raised.value)
    absent = name in ("refused", "no such socket", "no such host")
    assert text.startswith(f"{'no Redis' if absent else 'Redis'} at {place_of(url)}: ")
    assert case.words in text
    assert case.next_step in text
    assert case.maybe_stored in (raised.value.maybe_stored, None)
    for hidden in (TEXT, PASSWORD, "\n", *STACK):
        assert hidden not in text
    assert raised.value.__suppress_context__, "the traceback shows no argument"


QUOTED: dict[str, Callable[["redis.Redis"], Any]] = {
    "an unknown command": lambda client: client.execute_command("NOPE", TEXT),
    "a pipeline": lambda client: client.pipeline(transaction=False).zadd("k", {TEXT: 1}).execute(),
    "a transaction": lambda client: (
        client.pipeline().zadd("k", {f"{TEXT} (1) of pipeline caused error: x": 1}).execute()
    ),
}


@pytest.mark.parametrize("name", QUOTED)
def test_what_redis_quotes_of_an_alert_is_not_shown(name: str, redis_url: str) -> None:
    with client_of(redis_url) as client:
        client.set("k", "no sorted set")
        with pytest.raises(BrokerUnavailable) as raised, broker_errors():
            QUOTED[name](client)
    assert TEXT not in str(raised.value)
    assert f"Redis at {place_of(redis_url)}: " in str(raised.value)
