"""The address of a Redis, as each of those that connect to it takes it: redis-py, Celery's transport, its results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

Kind = Literal["tcp", "socket", "sentinel"]
MASTER_NAME = "mymaster"
"""The default name of a master (Redis' own sentinel.conf)."""
CONNECTIONS_MAX = 64
"""Ours: above any worker's threads; a caller past it waits rather than fails."""


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Which master the sentinels are asked for, and how they are reached."""

    master_name: str = MASTER_NAME
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Of redis-py: the login and the TLS of a connection to a sentinel."""


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """Where a Redis is and how to reach it: by TCP, by TLS, by a unix socket, or by asking sentinels.

    ``tls`` holds redis-py's ``ssl_…`` options, or is None without TLS. ``options`` are those of a connection.
    """

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    database: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    tls: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    sentinels: Sentinels | None = None

    @property
    def place(self) -> str:
        """Where it is, in words that hold no secret: for errors and logs."""
        if self.kind == "socket":
            return f"{self.path}, database {self.database}"
        hosts = ", ".join(f"{f'[{host}]' if ':' in host else host}:{port}" for host, port in self.hosts)
        if self.sentinels is not None:
            hosts = f"{self.sentinels.master_name!r} of the sentinels {hosts}"
        return f"{hosts}, database {self.database}"

    @property
    def login_options(self) -> dict[str, Any]:
        """Database, user name and password, as redis-py's connections take them."""
        return {"db": self.database, "username": self.username, "password": self.password}

    def connect_options(self, timeout_seconds: float) -> dict[str, Any]:
        """What a redis-py connection is built from. No step of it waits longer than ``timeout_seconds``."""
        options = {"socket_keepalive": True, "health_check_interval": 25, **self.options, **self.login_options}
        options.pop("max_connections", None)
        for name in ("socket_timeout", "socket_connect_timeout"):
            options[name] = min(timeout_seconds, self.options.get(name, timeout_seconds))
        match self.kind:
            case "socket":
                del options["socket_keepalive"]  # there is none on a unix socket
                return options | {"path": self.path}
            case "tcp":
                return options | {"host": self.hosts[0][0], "port": self.hosts[0][1]} | dict(self.tls or {})
            case "sentinel":
                return options | ({"ssl": True, **self.tls} if self.tls is not None else {})

    def sentinel_options(self, timeout_seconds: float) -> dict[str, Any]:
        """What a redis-py connection to a sentinel is built from."""
        timeouts = {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds}
        return timeouts | dict(self.sentinels.options if self.sentinels else {})

    @property
    def celery_url(self) -> str:
        """The same as Celery reads it, for its transport and its result backend alike; TLS options are separate."""
        login = ""
        if self.username is not None or self.password is not None:
            login = f"{quote(self.username or '', safe='')}:{quote(self.password or '', safe='')}@"
        if self.kind == "socket":
            return f"redis+socket://{login}{quote(self.path)}?virtual_host={self.database}"
        scheme = "sentinel" if self.kind == "sentinel" else "rediss" if self.tls is not None else "redis"
        places = (f"{f'[{host}]' if ':' in host else host}:{port}" for host, port in self.hosts)
        return ";".join(f"{scheme}://{login}{place}/{self.database}" for place in places)

    def transport_options(self, timeout_seconds: float) -> dict[str, Any]:
        """Celery's transport options, of a process that connects within ``timeout_seconds``."""
        options: dict[str, Any] = {
            "max_connections": 64,
            "socket_timeout": 5,
            "socket_connect_timeout": timeout_seconds,
            "socket_keepalive": True,
            "health_check_interval": 25,
            **self.options,
        }
        return options | self.result_transport_options(timeout_seconds)

    def result_transport_options(self, timeout_seconds: float) -> dict[str, Any]:
        """What the result backend takes from transport options: the sentinels."""
        if self.sentinels is None:
            return {}
        asked = self.sentinel_options(timeout_seconds)
        return {"master_name": self.sentinels.master_name, "sentinel_kwargs": asked}

    def backend_settings(self) -> dict[str, Any]:
        """Celery's ``redis_…`` settings, which only its result backend reads."""
        return {
            "redis_backend_use_ssl": None if self.tls is None else dict(self.tls),
            "redis_socket_timeout": self.options.get("socket_timeout", 5),
            "redis_socket_connect_timeout": self.options.get("socket_connect_timeout", 2),
            "redis_socket_keepalive": self.kind != "socket" and self.options.get("socket_keepalive", True),
            "redis_backend_health_check_interval": self.options.get("health_check_interval", 25),
            "redis_client_name": self.options.get("client_name"),
            "redis_max_connections": self.options.get("max_connections"),
        }
