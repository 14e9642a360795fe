"""One request to the API: its parts, and which endpoint its path names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl

UNVERSIONED = 6
"""A path without a version is v6 (Discord docs, reference.mdx)."""

SECONDS_SINCE = 8
"""From v8 on, retry times are seconds and form errors are a tree (Discord docs, change-log.mdx)."""

SERVED = range(6, 11)
"""Versions that answer (Discord docs, reference.mdx)."""

PATH = re.compile(r"/api(?:/v(?P<version>\d{1,4}))?(?P<rest>/.*)?", re.DOTALL)


class Endpoint(StrEnum):
    """What a path names, and the bucket group is chosen by."""

    WEBHOOK = "webhook"
    TOKENLESS = "tokenless"
    EXECUTE = "execute"
    MESSAGE = "message"
    SLACK = "slack"
    GITHUB = "github"


ROUTES: tuple[tuple[re.Pattern[str], Endpoint, tuple[str, ...]], ...] = (
    (re.compile(r"/webhooks/(?P<id>[^/]+)"), Endpoint.TOKENLESS, ("GET", "PATCH", "DELETE")),
    (re.compile(r"/webhooks/(?P<id>[^/]+)/(?P<token>[^/]+)"), Endpoint.WEBHOOK, ("POST", "GET", "PATCH", "DELETE")),
    (re.compile(r"/webhooks/(?P<id>[^/]+)/(?P<token>[^/]+)/slack"), Endpoint.SLACK, ("POST", "GET")),
    (re.compile(r"/webhooks/(?P<id>[^/]+)/(?P<token>[^/]+)/github"), Endpoint.GITHUB, ("POST", "GET")),
    (
        re.compile(r"/webhooks/(?P<id>[^/]+)/(?P<token>[^/]+)/messages/(?P<message>[^/]+)"),
        Endpoint.MESSAGE,
        ("GET", "PATCH", "DELETE"),
    ),
)
"""Path after the version, endpoint, methods (Discord docs, webhook.mdx)."""


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint with what its path carries."""

    endpoint: Endpoint
    methods: tuple[str, ...]
    webhook_id: str
    token: str = field(default="", repr=False)
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request. ``size`` is the body's true length: of a huge one only the beginning is in ``body``."""

    method: str
    path: str = field(repr=False)
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    size: int
    address: str
    base: str

    @property
    def user_agent(self) -> str:
        """The User-Agent header."""
        return self.headers.get("User-Agent", "")

    @property
    def version(self) -> int | None:
        """The API version of the path; None if it is no path of the API."""
        match = PATH.fullmatch(self.path)
        if match is None:
            return None
        return UNVERSIONED if match["version"] is None else int(match["version"])

    @property
    def in_milliseconds(self) -> bool:
        """Whether this version uses milliseconds and flat errors."""
        return (self.version or UNVERSIONED) < SECONDS_SINCE

    @property
    def parameters(self) -> dict[str, str]:
        """The query."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def route(self) -> Route | None:
        """The endpoint, or None: there is no such path."""
        match = PATH.fullmatch(self.path)
        for pattern, endpoint, methods in ROUTES:
            if match and (found := pattern.fullmatch(match["rest"] or "")):
                parts = found.groupdict()
                return Route(endpoint, methods, parts["id"], parts.get("token", ""), parts.get("message", ""))
        return None

    @property
    def webhook_id(self) -> str | None:
        """The id of the webhook in the path, whether or not it exists."""
        route = self.route()
        return route.webhook_id if route else None
