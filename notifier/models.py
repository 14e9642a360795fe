"""The values that an application passes and gets back: alert type, notification, result."""

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

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
from notifier.message_parts import (
    COLOURS,
    USERNAME_MAX_CHARACTERS,
    Author,
    Colour,
    HttpUrl,
    LinkButton,
    Mention,
    MessageField,
    MessageFile,
    Picture,
    Poll,
    Snowflake,
    checked_username,
    named_fields,
    stripped,
    utc,
)

ID_MAX_CHARACTERS = 255  # ours: it is part of names in Redis, and of what commands print
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
COLOUR_OF = {
    Severity.INFO: COLOURS["green"],
    Severity.WARNING: COLOURS["yellow"],
    Severity.ERROR: COLOURS["red"],
    Severity.CRITICAL: COLOURS["dark red"],
}


def _id(value: str) -> str:
    if not value.isprintable():
        raise ValueError("an id has no control characters")
    return value


NotificationId = Annotated[str, StringConstraints(min_length=1, max_length=ID_MAX_CHARACTERS), AfterValidator(_id)]


class NotificationMessage(BaseModel):
    """One alert, as an application raises it.

    Text may be longer than Discord's limits: what does not fit into the message travels as an attached file.
    ``timestamp`` is when the event occurred; naive times are UTC. ``source`` is the service that raised it.
    ``mentions`` are the only pings: text never pings. ``metadata`` is kept in the history and not posted.
    ``content`` is a text above the embed. ``thread_name`` and ``applied_tags`` open a post in a forum.
    ``traceback`` is drawn as code. ``markdown``: whether texts are Discord's Markdown; ``plain`` names those that
    never are. ``long_text``: what becomes of a text that one message does not hold. ``adjusted``: what was changed of
    what the caller gave, in words.

    Raises:
        InvalidMessage: a value breaks a rule; the text names each field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)

    id: NotificationId = Field(default_factory=lambda: str(uuid.uuid4()))
    alert_type: AlertType = AlertType.GENERAL
    title: Annotated[str, stripped(10_000)]
    message: Annotated[str, stripped(1_000_000, minimum=0)] = ""
    severity: Severity | None = None
    color: Colour | None = None
    url: HttpUrl | None = None
    fields: Annotated[tuple[MessageField, ...], BeforeValidator(named_fields), Field(max_length=200)] = ()
    timestamp: Annotated[datetime, AfterValidator(utc)] = Field(default_factory=lambda: datetime.now(UTC))
    source: Annotated[str, stripped(10_000)] | None = None
    username: Annotated[str, stripped(USERNAME_MAX_CHARACTERS), AfterValidator(checked_username)] | None = None
    avatar_url: HttpUrl | None = None
    thread_id: Snowflake | None = None
    mentions: Annotated[tuple[Mention, ...], Field(max_length=MENTIONS_MAX)] = ()
    author: Author | None = None
    thumbnail: Picture | None = None
    image: Picture | None = None
    footer_icon: HttpUrl | None = None
    content: Annotated[str, stripped(100_000)] | None = None
    tts: bool = False
    silent: bool = False
    suppress_embeds: bool = False
    thread_name: Annotated[str, stripped(10_000)] | None = None
    applied_tags: tuple[Snowflake, ...] = ()
    files: tuple[MessageFile, ...] = ()
    poll: Poll | None = None
    buttons: tuple[LinkButton, ...] = ()
    traceback: str | None = None
    markdown: bool | None = None
    plain: tuple[str, ...] = ()
    long_text: Literal["attach", "split"] | None = None
    adjusted: tuple[str, ...] = ()
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
