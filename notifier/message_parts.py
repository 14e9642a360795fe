"""The parts of a notification: its fields, files, author, poll and buttons, and what their values have in common."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from notifier.colours import COLOUR_MAX, OURS
from notifier.errors import InvalidMessage
from notifier.file_content import FileContent

SNOWFLAKE_MAX = 2**63 - 1  # ids are signed 64-bit (Discord docs, reference.mdx, Snowflakes)
URL_MAX_CHARACTERS = 2048  # any URL of an embed, and avatar_url (Discord's OpenAPI description)
USERNAME_MAX_CHARACTERS = 80  # Discord docs, webhook.mdx
VALUE_CHARACTERS_MAX = 100_000  # ours: of what a callback shows of a result
MENTIONS_MAX = 50  # ours: they share the 2,000 characters of `content`
UNKNOWN_MAX = 10
UNKNOWN_CHARACTERS = 100  # ours: of the names that are no part of a thing, what is told
BUTTONS_MAX = 100  # ours: of 25 are buttons, the others links in the text


class AlertType(StrEnum):
    """The six kinds of alert; each has its own queue, task and webhook."""

    GENERAL = "general"
    ERROR = "error"
    CRITICAL = "critical"
    TRACKLIST = "tracklist"
    MONITORING = "monitoring"
    SECURITY = "security"

    @classmethod
    def checked(cls, value: str) -> Self:
        """The type of this name.

        Raises:
            InvalidMessage: there is none.
        """
        if value not in set(cls):
            raise InvalidMessage(f"type: {value!r} is none of {', '.join(cls)}")
        return cls(value)


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
    Severity.INFO: OURS["green"],
    Severity.WARNING: OURS["yellow"],
    Severity.ERROR: OURS["red"],
    Severity.CRITICAL: OURS["dark red"],
}


def is_snowflake(text: str) -> bool:
    """Whether this can be an id from Discord: a decimal number below 2^63."""
    return re.fullmatch(r"[0-9]{1,19}", text) is not None and int(text) <= SNOWFLAKE_MAX


def _snowflake(value: str) -> str:
    if not is_snowflake(value):
        raise ValueError("a Discord id is a decimal number below 2^63")
    return value


def is_http_url(text: str) -> bool:
    """Whether it has the form of an http or https URL, and a length that Discord takes."""
    return re.fullmatch(r"https?://[^\s/]+\S*", text) is not None and len(text) <= URL_MAX_CHARACTERS


def _http_url(value: str) -> str:
    if not is_http_url(value):
        raise ValueError("not an http or https URL")
    return value


def usable_name(text: str) -> str:
    """The nearest name that Discord lets a message be posted under (webhook.mdx); '' if there is none."""
    name = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    name = re.sub("(?i)(disc)o(rd)", r"\g<1>0\2", name)
    name = re.sub("(?i)(clyd)e", r"\g<1>3", name)
    return f"{name}_" if name.lower() in ("everyone", "here") else name


def _username(value: str) -> str:
    if value != usable_name(value):
        raise ValueError("Discord refuses it")
    return value


def as_mention(text: str) -> str | None:
    """A mention as Discord writes it (Discord docs, reference.mdx, Message Formatting); None if it is none."""
    found = re.fullmatch(r"(role:|user:|<?@&|<?@!?)([0-9]{1,19})>?|@?(everyone|here)", text.strip())
    if found is None:
        return None
    if found[3]:
        return f"@{found[3]}"
    sign = "&" if found[1] in ("role:", "<@&", "@&") else ""
    return f"<@{sign}{int(found[2])}>" if is_snowflake(found[2]) else None


def _mention(value: str) -> str:
    if (mention := as_mention(value)) is None:
        raise ValueError("a mention is 'role:<id>', 'user:<id>', '@everyone' or '@here' (or '<@id>', '<@&id>')")
    return mention


def as_escalate_to(text: str) -> str | None:
    """An alert type, or a mention as Discord writes it; None if it is neither."""
    name = text.strip().lower()
    return name if name in set(AlertType) else as_mention(text)


def _escalate_to(value: str) -> str:
    if (found := as_escalate_to(value)) is None:
        raise ValueError(f"expected one of {', '.join(AlertType)}, 'role:<id>', 'user:<id>', '@everyone' or '@here'")
    return found


def utc(value: datetime) -> datetime:
    """The same moment in UTC; a naive time is in UTC. Raises ValueError."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of the range of years 1 to 9999 in UTC") from None


def stripped(maximum: int | None = None, minimum: int = 1) -> StringConstraints:
    """A text of so many characters, without space around it."""
    return StringConstraints(strip_whitespace=True, min_length=minimum, max_length=maximum)


def unknown_parts(given: Iterable[str], known: Sequence[str]) -> list[str]:
    """In words, the names that are no part of a thing, each with the one that may be meant."""
    unknown = [name[:UNKNOWN_CHARACTERS] for name in given if name not in known][:UNKNOWN_MAX]
    near = [nearest(name, known) for name in unknown]
    return [f"no part {name}" + (f"; {meant}?" if meant else "") for name, meant in zip(unknown, near, strict=True)]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known one that is most like a misspelt name; None if none is."""
    from difflib import get_close_matches  # few callers misspell one

    return next(iter(get_close_matches(name, known, n=1)), None)


Colour = Annotated[int, Field(ge=0, le=COLOUR_MAX)]
Username = Annotated[str, stripped(USERNAME_MAX_CHARACTERS), AfterValidator(_username)]
Snowflake = Annotated[str, AfterValidator(_snowflake)]
Mention = Annotated[str, AfterValidator(_mention)]
EscalateTo = Annotated[str, AfterValidator(_escalate_to)]
"""An alert type, or a mention."""
HttpUrl = Annotated[str, stripped(URL_MAX_CHARACTERS), AfterValidator(_http_url)]
Picture = Annotated[str, stripped(URL_MAX_CHARACTERS)]
"""A link, or the name of one of the files."""
Text = Annotated[str, stripped()]


class Part(BaseModel):
    """A part of a message, made by a caller: of its values by name, or in the order in which they stand here.

    What a value cannot be (a link that is none …) is for the message that takes the part to say and to mend, for parts
    are made in error handlers.

    Raises:
        InvalidMessage: it has no part of that name; the text names it, and the nearest right one.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        cache_strings="keys",  # else pydantic keeps the last 16,384 short texts that it read, and few come twice
    )

    def __init__(self, /, *values: Any, **parts: Any) -> None:
        given = self._by_name(values, parts)
        try:
            super().__init__(**given)
        except Exception:  # of a value's own methods too
            made = self.model_construct(**given)
            for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
                object.__setattr__(self, name, getattr(made, name))

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # parts of what is stored are validated strictly

    @classmethod
    def _by_name(cls, values: tuple[Any, ...], parts: dict[str, Any]) -> dict[str, Any]:
        names = tuple(cls.model_fields)
        if len(values) > len(names):
            raise InvalidMessage(f"{cls.__name__}: {len(values)} values; at most {', '.join(names)}")
        for name in parts:
            if name not in names:
                (problem,) = unknown_parts([name], names)
                raise InvalidMessage(f"{cls.__name__}: {problem}")
            if name in names[: len(values)]:
                raise InvalidMessage(f"{cls.__name__}: {name} is given twice")
        return dict(zip(names, values, strict=False)) | parts


class MessageField(Part):
    """One named value of the details, drawn as an embed field.

    ``markdown``: whether its value is Discord's Markdown; None: as the message says. False for what was no string.
    """

    name: Text
    value: Text
    inline: bool = False
    markdown: bool | None = None


class Author(Part):
    """Who is shown above the title."""

    name: Text
    url: HttpUrl | None = None
    icon_url: HttpUrl | None = None


class MessageFile(Part):
    """A file that is attached. ``content``: bytes, or a text (as UTF-8). ``description``: for who cannot see it."""

    name: Text
    content: FileContent = Field(repr=False)
    content_type: Text | None = None
    description: Text | None = None


class PollAnswer(Part):
    """One answer of a poll. ``emoji``: one character, or the id of a server's own."""

    text: Text
    emoji: Text | None = None


class Poll(Part):
    """A poll. ``hours``: how long it is open."""

    question: Text
    answers: tuple[PollAnswer, ...]
    hours: int = 24
    multiple: bool = False


class LinkButton(Part):
    """A button below the message that opens a link."""

    label: Text
    url: HttpUrl
    emoji: Text | None = None
