"""A message without the secrets in it."""

from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from notifier.message_parts import MessageFile
from notifier.models import NotificationMessage, is_plain

if TYPE_CHECKING:
    from notifier.secrets import Masking

TEXTS = (
    *("title", "message", "url", "source", "username", "content", "thread_name", "traceback", "dedup_key"),
    *("acknowledged_by", "acknowledged_why"),
)
PICTURES = ("avatar_url", "thumbnail", "image", "footer_icon")
"""Their links may be signed: without that, Discord could not load them."""
NOT_PLAIN = frozenset((*PICTURES, "metadata", "author", "poll", "buttons", "files"))
Part = TypeVar("Part", bound=BaseModel)


def masked_message(message: NotificationMessage, own: tuple[str, ...] = ()) -> NotificationMessage:
    """The same message; what was masked is said in ``adjusted``, by kind. Masking it again changes nothing."""
    secrets, among = _secrets(), None
    if (texts := _plain_texts(message)) is not None:
        among = secrets.kinds_in(texts)
        is_clean = not among or secrets.Masking(among=among).text(texts) == texts
        if is_clean and not own and not (message.fields and _has_secret_name(message)):
            return message  # as nearly always, and in a third of the time
    masking = secrets.Masking(own, among)
    changed = _changed(message, masking)
    said = []
    if masking.kinds:
        said.append(f"masked: {', '.join(masking.kinds)}")
    if masking.too_slow:
        said.append("NOTIFIER_SECRET_PATTERNS took too long: not all of it was looked for")
    new = [each for each in said if each not in message.adjusted]
    if new:
        changed["adjusted"] = (*message.adjusted, *new)
    return message.model_copy(update=changed) if changed else message


@cache
def _secrets() -> ModuleType:
    """Its patterns, and what it imports, only once it is called. An import takes a while, even of what is there."""
    import notifier.secrets

    return notifier.secrets


def _has_secret_name(message: NotificationMessage) -> bool:
    from notifier.secrets import SECRET_NAME

    return any(SECRET_NAME.fullmatch(each.name.strip()) for each in message.fields)


def _plain_texts(message: NotificationMessage) -> str | None:
    """All of a message that has texts and fields alone, as most; also names of fields, which may tell of a secret."""
    if is_plain(message):
        return f"{message.title}\n{message.message}\n{message.source or ''}"
    if message.metadata or not message.__pydantic_fields_set__.isdisjoint(NOT_PLAIN):
        return None
    texts = [value for name in TEXTS if (value := getattr(message, name))]
    return "\n".join(texts + [text for each in message.fields for text in (each.name, each.value)])


def masked_value(value: Any, own: tuple[str, ...] = ()) -> Any:
    """The same for what was given and is no message."""
    secrets = _secrets()
    if isinstance(value, str) and not own:
        among = secrets.kinds_in(value)
        return secrets.Masking(among=among).text(value) if among else value
    return secrets.Masking(own).value(value)


def _changed(message: NotificationMessage, masking: "Masking") -> dict[str, Any]:
    new: dict[str, Any] = {name: masking.text(value) for name in TEXTS if (value := getattr(message, name))}
    new |= {name: masking.text(value, links=False) for name in PICTURES if (value := getattr(message, name))}
    new["fields"] = tuple(
        _with(each, name=masking.text(each.name), value=masking.field(each.name, each.value)) for each in message.fields
    )
    if message.metadata:
        new["metadata"] = masking.value(message.metadata)
    if author := message.author:
        icon = author.icon_url and masking.text(author.icon_url, links=False)
        new["author"] = _with(
            author, name=masking.text(author.name), url=author.url and masking.text(author.url), icon_url=icon
        )
    if poll := message.poll:
        answers = tuple(_with(each, text=masking.text(each.text)) for each in poll.answers)
        new["poll"] = _with(poll, question=masking.text(poll.question), answers=answers)
    new["buttons"] = tuple(
        _with(each, label=masking.text(each.label), url=masking.text(each.url)) for each in message.buttons
    )
    new["files"] = tuple(_masked_file(each, masking) for each in message.files)
    return {name: value for name, value in new.items() if value != getattr(message, name)}


def _masked_file(file: MessageFile, masking: "Masking") -> MessageFile:
    description = file.description and masking.text(file.description)
    return _with(file, name=masking.text(file.name), description=description, content=_content(file.content, masking))


def _content(content: bytes, masking: "Masking") -> bytes:
    """Of a file that is text; another one as it is."""
    if b"\0" in content[:1024]:
        return content
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content
    return masking.text(text).encode()


def _with(part: Part, **values: Any) -> Part:
    changed = {name: value for name, value in values.items() if value != getattr(part, name)}
    return part.model_copy(update=changed) if changed else part
