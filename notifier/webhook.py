"""A Discord webhook: the parts of its URL that are used."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from notifier.environment import plain
from notifier.errors import ConfigurationError
from notifier.message_parts import is_snowflake

# not compiled before they are used: a program that only raises alerts has no webhook
DISCORD_HOSTS = r"(?:[a-z]+\.)?discord(?:app)?\.com"
WEBHOOK_PATH = r"/api(?:/v[0-9]{1,2})?/webhooks/(?P<id>[0-9]+)/(?P<token>[A-Za-z0-9._\-]+)(?:/(?:slack|github))?/?"
WEBHOOKS_MAX = 20
"""Ours, per alert type: each is an outbox of its own, and a sweep looks at all of them."""
REAL_TOKEN_CHARACTERS, REAL_TOKEN_VARIETY = 60, 24
"""Ours: the least length, and the least number of different characters (of 68 random ones, about 42 differ)."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One Discord webhook: the parts of its URL that are used. The token is a secret and in no repr."""

    id: str
    token: SecretStr = field(repr=False)
    thread_id: str | None = None

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change with the URL and do not reveal the token."""
        return hashlib.sha256(f"{self.id}/{self.token.get_secret_value()}".encode()).hexdigest()[:16]

    @property
    def looks_real(self) -> bool:
        """Whether Discord may have made the token: 68 random characters, unlike those of a sandbox."""
        token = self.token.get_secret_value()
        return len(token) >= REAL_TOKEN_CHARACTERS and len(set(token)) >= REAL_TOKEN_VARIETY


def parse_webhooks(variable: str, text: str, api_url: str) -> tuple[Webhook, ...]:
    """Read one webhook URL or several, with commas or line ends between them, or as a JSON list. Empty: none is given.

    Raises:
        ConfigurationError: one is no such URL, or is given twice; names the variable and shows nothing of the URLs.
    """
    urls = _urls(text)
    if len(urls) > WEBHOOKS_MAX:
        raise ConfigurationError(f"{variable}: {len(urls)} webhooks are given, at most {WEBHOOKS_MAX} are taken")
    found: list[Webhook] = []
    for number, url in enumerate(urls, 1):
        webhook = parse_webhook(variable if len(urls) == 1 else f"{variable} (number {number})", url, api_url)
        ids = [each.id for each in found]
        if webhook.id in ids:
            again = f"number {number} is the same webhook as number {ids.index(webhook.id) + 1}"
            raise ConfigurationError(f"{variable}: {again}; the limits are of each webhook, so it is listed once")
        found.append(webhook)
    return tuple(found)


def _urls(text: str) -> list[str]:
    if text.startswith("["):
        try:
            given = json.loads(text)
        except ValueError:
            given = []
        if given and all(isinstance(each, str) for each in given):
            return [plain(each) for each in given]
    parts = [plain(part).strip("'\"") for line in text.splitlines() for part in plain(line).split(",")]
    return [part for part in parts if part]


def parse_webhook(variable: str, url: str, api_url: str) -> Webhook:
    """Read a webhook URL as copied from Discord (any host and API version of Discord's, or of ``api_url``).

    Raises:
        ConfigurationError: not such a URL; names the variable and shows nothing of the URL.
    """
    wanted = f"{variable}: expected https://discord.com/api/webhooks/<id>/<token>"
    try:
        parts = urlsplit(plain(url))
        api = urlsplit(api_url)
        thread_ids = parse_qs(parts.query).get("thread_id", [])
        known_host = re.fullmatch(DISCORD_HOSTS, parts.hostname or "") or parts.netloc == api.netloc
    except ValueError:
        raise ConfigurationError(f"{wanted}, but this is not a URL") from None
    if parts.scheme not in ("http", "https") or not known_host:
        raise ConfigurationError(f"{wanted}, but this is not an address of Discord (nor of DISCORD_API_URL)")
    match = re.fullmatch(WEBHOOK_PATH, parts.path)
    if match is None or not is_snowflake(match["id"]):
        raise ConfigurationError(f"{wanted}, but its path is not that of a webhook")
    if not all(is_snowflake(thread_id) for thread_id in thread_ids):
        raise ConfigurationError(f"{variable}: its thread_id is not a Discord id")
    return Webhook(match["id"], SecretStr(match["token"]), thread_ids[0] if thread_ids else None)
