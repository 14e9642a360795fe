"""The values that an application passes: alert type and notification."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic_core import from_json

from notifier.coercion import coerce
from notifier.errors import ExtraMissing, InvalidMessage, TemplateError
from notifier.ids import new_id
from notifier.message_parts import (
    COLOUR_OF,
    MENTIONS_MAX,
    SEVERITY_OF,
    Author,
    Colour,
    EscalateTo,
    HttpUrl,
    LinkButton,
    Mention,
    MessageField,
    MessageFile,
    Part,
    Picture,
    Poll,
    Snowflake,
    Text,
    Username,
    nearest,
    stripped,
    utc,
)
from notifier.message_parts import AlertType as AlertType
from notifier.message_parts import Severity as Severity
from notifier.refusals import named, unknown_name
from notifier.shortening import shortened

ID_MAX_CHARACTERS = 255  # ours: it is part of names in Redis, and of what commands print
EXCEPTION_NAMES = frozenset(("exception", "exc_info"))
"""What a caller may give beside the fields: an exception, as in logging."""
TEMPLATE_NAMES = frozenset(("template", "context"))
"""The same: the name of a template, and the values of its variables."""
PLAIN = frozenset(("id", "alert_type", "title", "message", "severity", "timestamp", "source"))
"""The fields of most alerts."""
REPLAY = "replay_of"
"""What the metadata of a replay names: the dead letter that it sends again."""
# ours: what Redis holds of one alert; the file made of its texts is smaller still, and Discord takes files up to 10 MiB
MESSAGE_BYTES_MAX = 8 * 2**20


TYPES = frozenset(AlertType)


def _id(value: str) -> str:
    if not value.isprintable():
        raise ValueError("an id has no control characters")
    return value


NotificationId = Annotated[str, StringConstraints(min_length=1, max_length=ID_MAX_CHARACTERS), AfterValidator(_id)]


def _alert_type(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, AlertType):
        value = value.strip().lower() or AlertType.GENERAL
        if value not in TYPES:
            near = nearest(value, AlertType)
            raise ValueError(f"none of {', '.join(AlertType)}" + (f"; {near}?" if near else ""))
    return AlertType.GENERAL if value is None else value


class NotificationMessage(BaseModel):
    """One alert, as an application raises it.

    Text may be longer than Discord's limits: what does not fit into the message travels as an attached file.
    A value that has a text is that text; what a field cannot take is left out or replaced, and ``adjusted`` says so.
    ``exception`` or ``exc_info`` (an exception, or as in logging) bring a traceback. ``template`` and ``context`` bring
    the fields of a template; those that are given beside them win.
    ``timestamp`` is when the event occurred; naive times are UTC. ``source`` is the service that raised it.
    ``mentions`` are the only pings: text never pings. ``metadata`` is kept in the history and not posted.
    ``count``: for how many alerts of its incident it stands.
    ``content`` is a text above the embed. ``thread_name`` and ``applied_tags`` open a post in a forum.
    ``traceback`` is drawn as code. ``markdown``: whether texts are Discord's Markdown; ``plain`` names those that
    never are. ``long_text``: what becomes of a text that one message does not hold. ``adjusted``: what was changed of
    what the caller gave, in words.
    ``dedup_key``: alerts of a type that have the same one within ``dedup_seconds`` are one incident, and share one
    message; ``{title}``, ``{source}`` and the like stand for fields. ``resolved`` ends it; ``update`` changes its
    message and is no repeat. ``progress``: 0 to 1, drawn as a bar. ``repeat``: what becomes of the message.
    ``dedup_text``: whose text that shows. ``dedup_repost_after``: another one is posted once as many of ours came
    behind it (0: never). ``incident_thread``: updates and the resolution are told in its thread too.
    ``if_not_open``: what becomes of a resolution that ends nothing.
    ``remind_seconds``: after so long, and each time after twice as long, an open incident is told again (0: never);
    ``escalate_after``: after so many seconds, once, to ``escalate_to``: an alert type, and mentions.
    ``acknowledged_by``: who takes care of it, and ``acknowledged_why``; an update that says nothing else.

    Raises:
        InvalidMessage: an unknown alert type, an unknown field, or an id that cannot be one; the text names it.
        TemplateError: an InvalidMessage too: the template is unknown or wrong, or its variables are.
    """

    model_config = Part.model_config  # as its parts

    id: NotificationId = Field(default_factory=new_id)
    alert_type: Annotated[AlertType, BeforeValidator(_alert_type)] = AlertType.GENERAL
    title: Text
    message: Annotated[str, stripped(minimum=0)] = ""
    severity: Severity | None = None
    color: Colour | None = None
    url: HttpUrl | None = None
    fields: tuple[MessageField, ...] = ()
    timestamp: Annotated[datetime, AfterValidator(utc)] = Field(default_factory=lambda: datetime.now(UTC))
    source: Text | None = None
    username: Username | None = None
    avatar_url: HttpUrl | None = None
    thread_id: Snowflake | None = None
    mentions: Annotated[tuple[Mention, ...], Field(max_length=MENTIONS_MAX)] = ()
    author: Author | None = None
    thumbnail: Picture | None = None
    image: Picture | None = None
    footer_icon: HttpUrl | None = None
    content: Text | None = None
    tts: bool = False
    silent: bool = False
    suppress_embeds: bool = False
    thread_name: Text | None = None
    applied_tags: tuple[Snowflake, ...] = ()
    files: tuple[MessageFile, ...] = ()
    poll: Poll | None = None
    buttons: tuple[LinkButton, ...] = ()
    traceback: str | None = None
    markdown: bool | None = None
    plain: tuple[str, ...] = ()
    long_text: Literal["attach", "split"] | None = None
    dedup_key: Text | None = None
    dedup_seconds: float | None = None
    resolved: bool = False
    update: bool = False
    progress: float | None = None
    count: int | None = None
    repeat: Literal["edit", "replace"] | None = None
    dedup_text: Literal["newest", "first"] | None = None
    dedup_repost_after: int | None = None
    incident_thread: bool | None = None
    if_not_open: Literal["ignore", "post"] | None = None
    remind_seconds: float | None = None
    escalate_after: float | None = None
    escalate_to: tuple[EscalateTo, ...] = ()
    acknowledged_by: Text | None = None
    acknowledged_why: Text | None = None
    adjusted: tuple[str, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)

    def __init__(self, /, **data: Any) -> None:
        if not TEMPLATE_NAMES.isdisjoint(data):
            data = _of_template(data)
        if unknown := data.keys() - _names(type(self)):
            raise InvalidMessage("; ".join(unknown_name(name, _names(type(self))) for name in sorted(unknown)))
        given = shortened(coerce(data), MESSAGE_BYTES_MAX)
        try:
            if type(self) is NotificationMessage and given.keys() <= PLAIN:
                self._be_plain(given)
            else:
                super().__init__(**given)
        except ValidationError as error:
            raise InvalidMessage(named(error)) from None

    def _be_plain(self, given: dict[str, Any]) -> None:
        """Become what pydantic would make of it, which looks at fifty fields: a quarter of a call's Python.

        What is given is text of a bounded size, so JSON can hold it.
        """
        self._become(_form(PLAIN).__pydantic_validator__.validate_python(given))

    def _become(self, made: BaseModel) -> None:
        object.__setattr__(self, "__dict__", {**_defaults(), "metadata": {}, **vars(made)})
        object.__setattr__(self, "__pydantic_fields_set__", made.__pydantic_fields_set__)
        object.__setattr__(self, "__pydantic_extra__", None)
        object.__setattr__(self, "__pydantic_private__", None)

    @classmethod
    def from_template(cls, template: str, /, *, overrides: Mapping[str, Any] | None = None, **context: Any) -> Self:
        """Make a message from a template. ``overrides``: fields of the message that win over the template's.

        Raises:
            TemplateError: the template is unknown or wrong, or a variable is missing, unknown or of another type.
            InvalidMessage: an override is wrong.
        """
        return cls(**{**(overrides or {}), "template": template, "context": context})

    @model_validator(mode="after")
    def _storable(self) -> Self:
        try:
            text = self.model_dump_json(exclude_unset=True)
            if self.metadata:
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


def is_plain(message: NotificationMessage) -> bool:
    """Whether it has the plain fields alone. Its metadata may have been filled in since it was made."""
    return type(message) is NotificationMessage and message.__pydantic_fields_set__ <= PLAIN and not message.metadata


def stored_message(text: str) -> NotificationMessage:
    """The message that was stored as this JSON: checked, but not mended, which takes ten times as long.

    Raises:
        ValidationError: it has to be mended, if it can be.
    """
    message = object.__new__(NotificationMessage)
    message._become(_form(GIVEN_NAMES).__pydantic_validator__.validate_json(text))
    return message


@cache
def _form(names: frozenset[str]) -> type[BaseModel]:
    """A model of these fields alone, by the same rules."""
    fields = NotificationMessage.model_fields
    found: Any = {name: (field.annotation, field) for name, field in fields.items() if name in names}
    return create_model("Form", __config__=NotificationMessage.model_config, **found)


@cache
def _defaults() -> dict[str, Any]:
    return {name: field.default for name, field in NotificationMessage.model_fields.items()}


@cache
def _names(kind: type[NotificationMessage]) -> frozenset[str]:
    return EXCEPTION_NAMES | TEMPLATE_NAMES | frozenset(kind.model_fields)


GIVEN_NAMES = _names(NotificationMessage)
"""All that a caller may give."""


def _of_template(data: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in data.items() if name not in TEMPLATE_NAMES}
    if "template" not in data:
        raise TemplateError("context: it holds the variables of a template, and no template is given")
    try:
        from notifier.templates import fields_of_template  # few callers need Jinja
    except ExtraMissing as error:
        raise TemplateError(str(error)) from None
    return fields_of_template(data["template"], data.get("context"), given)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """What stood here: results that an earlier version has pickled, into a cache for one, name it so."""
        if name != "NotificationResult":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from notifier.notification_result import NotificationResult

        return NotificationResult
