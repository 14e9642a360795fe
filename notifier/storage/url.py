"""``sentinel://``: a Redis that fails over, found by asking the sentinels that watch it."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

SCHEME = "sentinel://"
PORT = 26379
MASTER_NAME = "mymaster"
"""What sentinels call a master where nobody named it (Redis' own sentinel.conf)."""
WANTED = "expected sentinel://[user:password@]host:26379,host:26379,host:26379/0?master_name=mymaster"


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Who is asked, for which master, and how to log in to both."""

    hosts: tuple[tuple[str, int], ...]
    master_name: str = MASTER_NAME
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)

    @property
    def celery_url(self) -> str:
        """The same in the form that Celery and kombu read: one URL for each sentinel."""
        login = ""
        if self.password is not None:
            login = f"{quote(self.username or '', safe='')}:{quote(self.password, safe='')}@"
        hosts = (f"[{host}]" if ":" in host else host for host, _ in self.hosts)
        ports = (port for _, port in self.hosts)
        return ";".join(
            f"{SCHEME}{login}{host}:{port}/{self.database}" for host, port in zip(hosts, ports, strict=True)
        )

    def celery_options(self, timeout_seconds: float) -> dict[str, Any]:
        """What does not go into that URL: transport options of the broker and of the result backend."""
        asked: dict[str, Any] = {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds}
        if self.sentinel_password is not None:
            asked["password"] = self.sentinel_password
        return {"master_name": self.master_name, "sentinel_kwargs": asked}


def parse_sentinels(url: str) -> Sentinels:
    """Read one URL with all hosts, or Celery's form: one for each, separated by semicolons.

    Raises:
        ValueError: neither; shows nothing of the URL, which may hold a password.
    """
    hosts: list[tuple[str, int]] = []
    logins: set[str] = set()
    databases: set[str] = set()
    told: dict[str, list[str]] = {}
    try:
        for each in re.split(r"\s*;\s*", url.strip()):
            parts = urlsplit(each)
            if parts.scheme != "sentinel":
                raise ValueError
            login, _, netloc = parts.netloc.rpartition("@")
            logins |= {login} if login else set()
            databases |= {parts.path.strip("/")} if parts.path.strip("/") else set()
            told |= parse_qs(parts.query, strict_parsing=bool(parts.query))
            for host in netloc.split(","):
                place = urlsplit(f"//{host}")
                if not place.hostname:
                    raise ValueError
                hosts.append((place.hostname, place.port or PORT))
        username, _, password = logins.pop().partition(":") if logins else ("", "", "")
        database = int(databases.pop()) if databases else 0
    except ValueError:
        raise ValueError(WANTED) from None
    if logins or databases or told.keys() - {"master_name", "sentinel_password"}:
        raise ValueError(WANTED)
    return Sentinels(
        tuple(hosts),
        told.get("master_name", [MASTER_NAME])[-1],
        database,
        unquote(username) or None,
        unquote(password) or None,
        told.get("sentinel_password", [None])[-1],
    )
