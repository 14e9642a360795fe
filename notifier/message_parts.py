"""The parts of a notification: its fields, files, author, poll and buttons, and what their values have in common."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

SNOWFLAKE_MAX = 2**63 - 1  # ids are signed 64-bit (Discord docs, reference.mdx, Snowflakes)
URL_MAX_CHARACTERS = 2048  # any URL of an embed, and avatar_url (Discord's OpenAPI description)
USERNAME_MAX_CHARACTERS = 80  # Discord docs, webhook.mdx
COLOUR_MAX = 0xFFFFFF
VALUE_CHARACTERS_MAX = 100_000  # ours: of one field
COLOURS = {
    "green": 0x2ECC71,
    "yellow": 0xF1C40F,
    "red": 0xE74C3C,
    "dark red": 0x992D22,
    "blue": 0x3498DB,
    "grey": 0x95A5A6,
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


def checked_username(value: str) -> str:
    """The name that a message is posted under. Raises ValueError if Discord refuses it (webhook.mdx)."""
    lowered = value.lower()
    if "discord" in lowered or "clyde" in lowered or lowered in ("everyone", "here"):
        raise ValueError("Discord refuses names with 'discord' or 'clyde' in them, and 'everyone' and 'here'")
    return value


def _mention(value: str) -> str:
    """As Discord writes it in a text (Discord docs, reference.mdx, Message Formatting)."""
    found = re.fullmatch(r"(role:|user:|<?@&|<?@!?)([0-9]{1,19})>?|@?(everyone|here)", value.strip())
    if found is None:
        raise ValueError("a mention is 'role:<id>', 'user:<id>', '@everyone' or '@here' (or '<@id>', '<@&id>')")
    if found[3]:
        return f"@{found[3]}"
    return f"<@{'&' if found[1] in ('role:', '<@&', '@&') else ''}{_snowflake(found[2])}>"


def utc(value: datetime) -> datetime:
    """The same moment in UTC; a naive time is in UTC. Raises ValueError."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of the range of years 1 to 9999 in UTC") from None


def named_fields(value: object) -> object:
    """A mapping of names and values as a list of fields."""
    if isinstance(value, Mapping):
        return [{"name": name, "value": text} for name, text in value.items()]
    return value


def stripped(maximum: int, minimum: int = 1) -> StringConstraints:
    """A text of so many characters, without space around it."""
    return StringConstraints(strip_whitespace=True, min_length=minimum, max_length=maximum)


def _file_bytes(value: object) -> object:
    """Bytes as they are, text as UTF-8; JSON holds them as ``{"base64": "…"}``."""
    match value:
        case {"base64": str(text)}:
            try:
                return base64.b64decode(text, validate=True)
            except binascii.Error:
                raise ValueError("not base64") from None
        case str():
            return value.encode(errors="replace")
        case bytearray() | memoryview():
            return bytes(value)
    return value


def _as_base64(value: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(value).decode()}


Colour = Annotated[int, BeforeValidator(_colour), Field(ge=0, le=COLOUR_MAX)]
Snowflake = Annotated[str, AfterValidator(_snowflake)]
Mention = Annotated[str, AfterValidator(_mention)]
HttpUrl = Annotated[str, stripped(URL_MAX_CHARACTERS), AfterValidator(_http_url)]
Picture = Annotated[str, stripped(URL_MAX_CHARACTERS)]
"""A link, or the name of one of the files."""
Text = Annotated[str, stripped(10_000)]
_PART = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)


class MessageField(BaseModel):
    """One named value of the details, drawn as an embed field.

    ``markdown``: whether its value is Discord's Markdown; None: as the message says. False for what was no string.
    """

    model_config = _PART

    name: Annotated[str, stripped(1_000)]
    value: Annotated[str, stripped(VALUE_CHARACTERS_MAX)]
    inline: bool = False
    markdown: bool | None = None


class Author(BaseModel):
    """Who is shown above the title."""

    model_config = _PART

    name: Text
    url: HttpUrl | None = None
    icon_url: HttpUrl | None = None


class MessageFile(BaseModel):
    """A file that is attached. ``content``: bytes, or a text (as UTF-8). ``description``: for who cannot see it."""

    model_config = _PART

    name: Text
    content: Annotated[bytes, BeforeValidator(_file_bytes), PlainSerializer(_as_base64, when_used="json")] = Field(
        repr=False
    )
    content_type: Text | None = None
    description: Text | None = None


class PollAnswer(BaseModel):
    """One answer of a poll. ``emoji``: one character, or the id of a server's own."""

    model_config = _PART

    text: Text
    emoji: Text | None = None


class Poll(BaseModel):
    """A poll. ``hours``: how long it is open."""

    model_config = _PART

    question: Text
    answers: tuple[PollAnswer, ...]
    hours: int = 24
    multiple: bool = False


class LinkButton(BaseModel):
    """A button below the message that opens a link."""

    model_config = _PART

    label: Text
    url: HttpUrl
    emoji: Text | None = None
