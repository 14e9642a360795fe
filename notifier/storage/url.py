"""The one reader of ``REDIS_URL`` and ``CELERY_BROKER_URL``.

``redis://``, ``rediss://`` (TLS), ``unix://`` or ``redis+socket://``, ``sentinel://``; a broker may also be ``amqp://``.
What is read here is handed to redis-py, Celery's transport, its result backend and Flower, each in its own words, so
that a URL which works for one of them works for all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import quote, unquote

from notifier.errors import ConfigurationError
from notifier.storage.address import MASTER_NAME, Kind, RedisUrl, Sentinels
from notifier.storage.url_options import Group, of_group, read_query

WANTED = "expected a URL such as redis://localhost:6379/0"
WANTED_BROKER = f"{WANTED}, or amqp://user:password@localhost:5672//"
KINDS: Mapping[str, Kind] = {
    "redis": "tcp",
    "rediss": "tcp",
    "unix": "socket",
    "redis+socket": "socket",
    "sentinel": "sentinel",
}
PORTS = {"tcp": 6379, "sentinel": 26379}
AMQP = ("amqp", "amqps", "pyamqp")

URL = re.compile(
    r"(?P<scheme>[a-z+]+)://(?:(?P<login>[^@/?]*)@)?(?P<place>[^@/?]*)(?P<path>/[^?]*)?(?:\?(?P<query>.*))?",
    re.IGNORECASE,
)
NEXT = re.compile(r"\s*;\s*(?=[a-zA-Z+]+://)")
HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:]*))(?::(?P<port>[0-9]*))?")

T = TypeVar("T")


class BrokerUrl:
    """Where Celery's messages are: a Redis, or RabbitMQ, of which Celery reads the URL itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.redis = parse_broker_url(url)

    @property
    def is_amqp(self) -> bool:
        """Whether RabbitMQ is there, and no Redis."""
        return self.redis is None

    @property
    def celery_url(self) -> str:
        """The same, as Celery reads it."""
        return self.redis.celery_url if self.redis else self._url

    @property
    def use_ssl(self) -> dict[str, Any] | Literal[False]:
        """Celery's ``broker_use_ssl``, which Flower reads too."""
        return dict(self.redis.tls) if self.redis and self.redis.tls is not None else False

    def transport_options(self, timeout_seconds: float) -> dict[str, Any]:
        """Celery's transport options for it; of a process that connects within ``timeout_seconds``."""
        return self.redis.transport_options(timeout_seconds) if self.redis else {}


def read_redis_url(variable: str, text: str) -> RedisUrl:
    """Read a URL that a variable holds.

    Raises:
        ConfigurationError: it cannot be used; names the variable and the part, and shows nothing of the URL.
    """
    try:
        return parse_redis_url(text)
    except ValueError as error:
        raise ConfigurationError(f"{variable}: {error}") from None


def with_password(url: str, password: str) -> str:
    """The URL of a Redis with a password that stood elsewhere. One in the URL too must be the same."""
    last = NEXT.split(url)[-1]  # of several sentinels one may have it for all
    return f"{url}{'&' if '?' in last else '?'}password={quote(password, safe='')}"


def parse_redis_url(text: str) -> RedisUrl:
    """Read the URL of a Redis; for sentinels one URL with all hosts, or Celery's list with semicolons.

    Raises:
        ValueError: it cannot be used; names the part, and shows nothing of the URL, which may hold a password.
    """
    pieces = [_split(each) for each in NEXT.split(text.strip())]
    kind = KINDS.get(pieces[0].scheme)
    if kind is None:
        raise ValueError(WANTED)
    if len(pieces) > 1 and (kind != "sentinel" or {piece.scheme for piece in pieces} != {"sentinel"}):
        raise ValueError("several addresses: only sentinel:// may have them")
    query = _merged([read_query(piece.query) for piece in pieces])
    login = _agreed("user name or password", [(p.username, p.password) for p in pieces if p.has_login], (None, None))
    databases = [query[name] for name in of_group(query, Group.DATABASE)]
    if kind != "socket":
        databases += [int(piece.database) for piece in pieces if piece.database]
    return RedisUrl(
        kind=kind,
        hosts=tuple(host for piece in pieces for host in piece.hosts(kind)),
        path=_socket_path(pieces[0]) if kind == "socket" else "",
        database=_agreed("database", databases, 0),
        username=_agreed("user name", [each for each in (login[0], query.get("username")) if each], None),
        password=_agreed("password", [each for each in (login[1], query.get("password")) if each], None),
        tls=_tls(pieces[0].scheme, query),
        options=of_group(query, Group.CONNECTION),
        sentinels=_sentinels(kind, query),
    )


def parse_broker_url(text: str) -> RedisUrl | None:
    """Read the URL of a broker; None if it is RabbitMQ's.

    Raises:
        ValueError: as ``parse_redis_url``.
    """
    schemes = {_split(each).scheme for each in NEXT.split(text.strip())}
    if schemes <= set(AMQP):
        return None
    if not schemes <= KINDS.keys():
        raise ValueError(WANTED_BROKER)
    return parse_redis_url(text)


@dataclass(frozen=True, slots=True)
class _Pieces:
    """One URL, taken apart; the path and the query as they stand."""

    scheme: str
    has_login: bool
    username: str | None = field(repr=False)
    password: str | None = field(repr=False)
    place: str
    path: str
    query: str = field(repr=False)

    @property
    def database(self) -> str:
        """The number in the path, if any. Raises ValueError: there is something else."""
        number = self.path.strip("/")
        if number and not (number.isascii() and number.isdigit()):
            raise ValueError("the path: expected the number of a database, as /0 (a raw '/' is written %2F)")
        return number

    def hosts(self, kind: Kind) -> list[tuple[str, int]]:
        """Hosts and ports. Raises ValueError: a host or a port is missing or wrong."""
        if kind == "socket":
            return []
        if kind == "tcp":
            return [_host(self.place, "localhost", PORTS[kind])]
        return [_host(place, "", PORTS[kind]) for place in self.place.split(",")]


def _split(text: str) -> _Pieces:
    _refuse_raw_characters(text)
    match = URL.fullmatch(text)
    if match is None:
        raise ValueError(WANTED)
    username, _, password = (match["login"] or "").partition(":")
    return _Pieces(
        scheme=match["scheme"].lower(),
        has_login=bool(match["login"]),
        username=_decoded(username) or None,
        password=_decoded(password) or None,
        place=match["place"],
        path=match["path"] or "",
        query=match["query"] or "",
    )


def _refuse_raw_characters(text: str) -> None:
    """Raise ValueError if a character that separates the parts of a URL is inside one of them."""
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError("a space or a control character: percent-encode it (a space is %20)")
    if "#" in text:
        raise ValueError("a raw '#' in the user name, the password or the path: percent-encode it (%23)")
    if text.count("@") > 1:
        raise ValueError("more than one '@': percent-encode those in the user name or the password (%40)")
    before, _, after = text.partition("://")[2].partition("@")
    if after and re.search(r"[/?]", before):
        raise ValueError(
            "a raw '/' or '?' before the '@': percent-encode it in the password (%2F, %3F), or the '@' (%40)"
        )


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("the user name, the password or the path: percent-encoded, but not as UTF-8") from None


def _host(place: str, default_host: str, default_port: int) -> tuple[str, int]:
    match = HOST.fullmatch(place)
    if match is None:
        raise ValueError("the host or the port: expected host:port (an IPv6 address in brackets; the port a number)")
    host = match["v6"] or _decoded(match["name"]) or default_host
    port = int(match["port"] or default_port)
    if not host:
        raise ValueError("the host is missing")
    if not 1 <= port <= 65_535:
        raise ValueError("the port: expected a number from 1 to 65535")
    return host, port


def _socket_path(piece: _Pieces) -> str:
    if piece.place or not piece.path.strip("/"):
        raise ValueError("the path of the socket: expected three slashes, as unix:///run/redis.sock?db=0")
    return _decoded(piece.path)


def _tls(scheme: str, query: Mapping[str, Any]) -> dict[str, Any] | None:
    given = of_group(query, Group.TLS)
    speaks = scheme == "rediss" or query.get("ssl", False)
    if given and not speaks and not query.get("sentinel_ssl"):
        raise ValueError(f"{next(iter(given))}: only with TLS, which is rediss:// or sentinel://…?ssl=true")
    return {"ssl_cert_reqs": "required", **given} if speaks else None


def _sentinels(kind: Kind, query: Mapping[str, Any]) -> Sentinels | None:
    given = of_group(query, Group.SENTINEL)
    if kind != "sentinel":
        if given:
            raise ValueError(f"{next(iter(given))}: only with sentinel://")
        return None
    names = {"sentinel_username": "username", "sentinel_password": "password"}
    options = {ours: query[name] for name, ours in names.items() if name in query}
    if query.get("sentinel_ssl", query.get("ssl")):
        options |= {"ssl": True, "ssl_cert_reqs": "required", **of_group(query, Group.TLS)}
    return Sentinels(query.get("master_name", MASTER_NAME), options)


def _merged(queries: list[dict[str, Any]]) -> dict[str, Any]:
    names = {name for query in queries for name in query}
    return {name: _agreed(name, [query[name] for query in queries if name in query], None) for name in names}


def _agreed(what: str, values: list[T], default: T) -> T:
    """The one value that all name; ``default`` if none does. Raises ValueError: they differ."""
    if any(value != values[0] for value in values):
        raise ValueError(f"the {what} is given twice, and differently")
    return values[0] if values else default
