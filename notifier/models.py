"""The values that an application passes and gets back: alert type, notification, result."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import from_json

from notifier.errors import InvalidMessage

SNOWFLAKE_MAX = 2**63 - 1  # ids are signed 64-bit (Discord docs, reference.mdx, Snowflakes)
URL_MAX_CHARACTERS = 2048  # any URL of an embed, and avatar_url (Discord's OpenAPI description)
USERNAME_MAX_CHARACTERS = 80  # Discord docs, webhook.mdx
COLOUR_MAX = 0xFFFFFF
ID_MAX_CHARACTERS = 255  # ours: it is part of names in Redis, and of what commands print
VALUE_CHARACTERS_MAX = 100_000  # ours: of one field
MENTIONS_MAX = 50  # ours: they share the 2,000 characters of `content`
# ours: what Redis holds of one alert; the file made of its texts is smaller still, and Discord takes files up to 10 MiB
MESSAGE_BYTES_MAX = 8 * 2**20


class AlertType(StrEnum):
    """The six kinds of alert; each has its own queue, task and webhook."""

    GENERAL = "general"
    ERROR = "error"
    CRITICAL = "critical"
    TRACKLIST = "tracklist"
    MONITORING = "monitoring"
    SECURITY = "security"


class Severity(StrEnum):
    """How bad it is. It decides the colour if none is given."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


SEVERITY_OF = {
    AlertType.GENERAL: Severity.INFO,
    AlertType.ERROR: Severity.ERROR,
    AlertType.CRITICAL: Severity.CRITICAL,
    AlertType.TRACKLIST: Severity.INFO,
    AlertType.MONITORING: Severity.WARNING,
    AlertType.SECURITY: Severity.CRITICAL,
}
COLOURS = {
    "green": 0x2ECC71,
    "yellow": 0xF1C40F,
    "red": 0xE74C3C,
    "dark red": 0x992D22,
    "blue": 0x3498DB,
    "grey": 0x95A5A6,
}
COLOUR_OF = {
    Severity.INFO: COLOURS["green"],
    Severity.WARNING: COLOURS["yellow"],
    Severity.ERROR: COLOURS["red"],
    Severity.CRITICAL: COLOURS["dark red"],
}


def _colour(value: object) -> object:
    if isinstance(value, str):
        if value.lower() in COLOURS:
            return COLOURS[value.lower()]
        if re.fullmatch(r"(#|0x)[0-9a-fA-F]{6}", value):
            return int(value[-6:], 16)
        raise ValueError(f"a colour is 0 to {COLOUR_MAX}, '#rrggbb', or one of {', '.join(COLOURS)}")
    return value


def is_snowflake(text: str) -> bool:
    """Whether this can be an id from Discord: a decimal number below 2^63."""
    return re.fullmatch(r"[0-9]{1,19}", text) is not None and int(text) <= SNOWFLAKE_MAX


def _snowflake(value: str) -> str:
    if not is_snowflake(value):
        raise ValueError("a Discord id is a decimal number below 2^63")
    return value


def _http_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", value):
        raise ValueError("not an http or https URL")
    return value


def _username(value: str) -> str:
    lowered = value.lower()
    if "discord" in lowered or "clyde" in lowered or lowered in ("everyone", "here"):
        raise ValueError("Discord refuses names with 'discord' or 'clyde' in them, and 'everyone' and 'here'")
    return value


def _mention(value: str) -> str:
    found = re.fullmatch(r"<@[&!]?([0-9]{1,19})>|@everyone|@here", value)
    if found is None:
        raise ValueError("a mention is '<@user id>', '<@&role id>', '@everyone' or '@here'")
    if found[1]:
        _snowflake(found[1])
    return value.replace("<@!", "<@")


def _id(value: str) -> str:
    if not value.isprintable():
        raise ValueError("an id has no control characters")
    return value


def _utc(value: datetime) -> datetime:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of the range of years 1 to 9999 in UTC") from None


def _named_fields(value: object) -> object:
    if isinstance(value, Mapping):
        return [{"name": name, "value": text} for name, text in value.items()]
    return value


def _stripped(maximum: int, minimum: int = 1) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=minimum, max_length=maximum)


NotificationId = Annotated[str, StringConstraints(min_length=1, max_length=ID_MAX_CHARACTERS), AfterValidator(_id)]
Colour = Annotated[int, BeforeValidator(_colour), Field(ge=0, le=COLOUR_MAX)]
Snowflake = Annotated[str, AfterValidator(_snowflake)]
HttpUrl = Annotated[str, _stripped(URL_MAX_CHARACTERS), AfterValidator(_http_url)]


class MessageField(BaseModel):
    """One named value of the details, drawn as an embed field."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)

    name: Annotated[str, _stripped(1_000)]
    value: Annotated[str, _stripped(VALUE_CHARACTERS_MAX)]
    inline: bool = False


class NotificationMessage(BaseModel):
    """One alert, as an application raises it.

    Text may be longer than Discord's limits: what does not fit into the message travels as an attached file.
    ``timestamp`` is when the event occurred; naive times are UTC. ``source`` is the service that raised it.
    ``mentions`` are the only pings: text never pings. ``metadata`` is kept in the history and not posted.

    Raises:
        InvalidMessage: a value breaks a rule; the text names each field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)

    id: NotificationId = Field(default_factory=lambda: str(uuid.uuid4()))
    alert_type: AlertType = AlertType.GENERAL
    title: Annotated[str, _stripped(10_000)]
    message: Annotated[str, _stripped(1_000_000, minimum=0)] = ""
    severity: Severity | None = None
    color: Colour | None = None
    url: HttpUrl | None = None
    fields: Annotated[tuple[MessageField, ...], BeforeValidator(_named_fields), Field(max_length=200)] = ()
    timestamp: Annotated[datetime, AfterValidator(_utc)] = Field(default_factory=lambda: datetime.now(UTC))
    source: Annotated[str, _stripped(10_000)] | None = None
    username: Annotated[str, _stripped(USERNAME_MAX_CHARACTERS), AfterValidator(_username)] | None = None
    avatar_url: HttpUrl | None = None
    thread_id: Snowflake | None = None
    mentions: Annotated[tuple[Annotated[str, AfterValidator(_mention)], ...], Field(max_length=MENTIONS_MAX)] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise InvalidMessage(_named(error)) from None

    @model_validator(mode="after")
    def _storable(self) -> Self:
        try:
            text = self.model_dump_json()
            from_json(text)  # nested too deep for the parser, it could not be read in the worker
            size = len(text.encode())
        except (ValueError, TypeError) as error:
            # surrogates and values that JSON cannot hold would fail later in the worker, unseen by the caller
            raise ValueError(f"not expressible as JSON in UTF-8 ({type(error).__name__})") from None
        if size > MESSAGE_BYTES_MAX:
            raise ValueError(f"all its parts together take {size} bytes as JSON, more than {MESSAGE_BYTES_MAX}")
        return self

    def __json__(self) -> dict[str, Any]:
        """Its fields as JSON: kombu asks for it, so that a message can be an argument of any task or signature."""
        return {**self.model_dump(mode="json", exclude_defaults=True), "alert_type": self.alert_type.value}

    @property
    def colour(self) -> int:
        """The colour drawn: the given one, else that of the severity, else that of the alert type."""
        if self.color is not None:
            return self.color
        return COLOUR_OF[self.severity or SEVERITY_OF[self.alert_type]]


def _named(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'message'}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    )


class NotificationResult(BaseModel):
    """The result of ``DiscordNotificationService.send``.

    ``success``: delivered, or (if the caller did not wait) safely queued. ``error`` is the reason word and detail.
    ``retry_count``: requests that carried it beyond the first. ``metadata``: the rest of the history record.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    success: bool
    status: str
    message_id: str | None = None
    error: str | None = None
    timestamp: datetime
    retry_count: int = 0
    metadata: dict[str, Any] = Field(default_factory=dict)
