"""What the value of a setting may be: bounds, and how its text is read."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import CoreSchema, core_schema
from pydantic_settings import NoDecode

from notifier.given_incident import REPOST_AFTER_MAX
from notifier.message_parts import MENTIONS_MAX, EscalateTo, Mention
from notifier.models import AlertType
from notifier.quiet_hours import QuietHours, parse
from notifier.storage.url import parse_broker_url, parse_redis_url
from notifier.webhook import Webhook


def _api_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ValueError("expected a URL such as https://discord.com/api/v10")
    if not parts.path.rstrip("/").endswith("/api/v10"):
        raise ValueError("must end in /api/v10, the version this client speaks")
    return value.rstrip("/")


def _redis_url(value: SecretStr) -> SecretStr:
    parse_redis_url(value.get_secret_value())
    return value


def _broker_url(value: SecretStr) -> SecretStr:
    parse_broker_url(value.get_secret_value())
    return value


def _called_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or re.search(r"[\s\x00-\x1f]", value.get_secret_value())
    ):
        raise ValueError("expected a URL such as https://hc-ping.com/<uuid>")
    return value


Count = Annotated[int, Field(ge=1, le=1_000_000)]
PartCount = Annotated[int, Field(ge=1, le=10)]
Bytes = Annotated[int, Field(ge=0, le=2**40)]
Retries = Annotated[int, Field(ge=0, le=100)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Days = Annotated[float, Field(gt=0, le=3_650, allow_inf_nan=False)]
LongSeconds = Annotated[float, Field(gt=0, le=30 * 86_400, allow_inf_nan=False)]
SecondsOrOff = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


QueueName = Annotated[str, Field(min_length=1, max_length=255)]
CalledUrl = Annotated[SecretStr, AfterValidator(_called_url)]
"""A monitoring service knows its callers by their URL alone, so it is a secret."""
UserName = Annotated[str, Field(pattern=r"^[^:\x00-\x1f]{1,100}$")]
"""As HTTP Basic takes it (RFC 7617, 2: no colon)."""
KeyPrefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]


def _words(value: object) -> object:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _not_critical(value: AlertType) -> AlertType:
    if value is AlertType.CRITICAL:
        raise ValueError("critical alerts are never grouped: leave it out")
    return value


def _patterns(value: object) -> object:
    if not isinstance(value, str):
        return value
    from notifier.secrets import check_patterns  # only where some are set

    check_patterns(value.split())
    return value.split()


def _quiet_hours(value: object) -> object:
    return parse(value) if isinstance(value, str) else value


class MadeByUs:
    """Of a value that our own code has made: its class is looked at. pydantic would look through its fields too."""

    def __get_pydantic_core_schema__(self, source: type[Any], _: object) -> CoreSchema:
        return core_schema.is_instance_schema(source, serialization=core_schema.to_string_ser_schema())


OurWebhook = Annotated[Webhook, MadeByUs()]
LongText = Literal["attach", "split"]
Repeat = Literal["edit", "replace"]
RepostAfter = Annotated[int, Field(ge=0, le=REPOST_AFTER_MAX)]
DedupText = Literal["newest", "first"]
GroupedType = Annotated[AlertType, AfterValidator(_not_critical)]
AlertTypes = Annotated[frozenset[AlertType], NoDecode, BeforeValidator(_words)]
"""A comma-separated list, as ``critical,security``."""
Mentions = Annotated[tuple[Mention, ...], BeforeValidator(_words), Field(max_length=MENTIONS_MAX)]
"""The same of whom an alert pings, as ``@here,role:123,user:456``."""
Targets = Annotated[tuple[EscalateTo, ...], NoDecode, BeforeValidator(_words), Field(max_length=MENTIONS_MAX)]
"""The same of one alert type, and mentions, to which an incident is escalated."""
Names = Annotated[frozenset[str], NoDecode, BeforeValidator(_words)]
"""The same of any words."""
Quiet = Annotated[QuietHours, MadeByUs(), NoDecode, BeforeValidator(_quiet_hours)]
"""Quiet hours, as ``22:00-07:00 Europe/Berlin hold``."""
Patterns = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_patterns)]
"""Regular expressions with space between them."""
ApiUrl = Annotated[str, AfterValidator(_api_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
BrokerUrl = Annotated[SecretStr, AfterValidator(_broker_url)]
