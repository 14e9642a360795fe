"""What an alert can do without: links, names, pictures and the like. Discord's names of them, and what it refuses.

No ornament is worth an alert: what Discord refuses is left out, a link stays as text, and the alert goes again.
"""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from notifier.models import NotificationMessage
from notifier.render.uploads import SCHEME

OF_MESSAGE = frozenset(
    ("username", "avatar_url", "allowed_mentions", "attachments", "thread_name", "applied_tags", "components", "poll")
) | {"tts", "flags", "content"}
"""Of the whole request: all that share it share these."""
TEXTS = frozenset(("fields", "footer"))
"""Texts that go into the attached file, if they are left out of an embed."""
OF_EMBED = TEXTS | frozenset(
    ("url", "image", "thumbnail", "author", "author.url", "author.icon_url", "footer.icon_url", "color", "timestamp")
)
"""Of one embed."""

GIVEN_BY_US = frozenset(("color", "timestamp"))
"""Every embed has these, in a form that Discord takes: only what it names of them is left out."""


def ornament_of(part: str) -> str | None:
    """The ornament that a path of Discord's error tree lies in, as ``image.url`` in ``image``; None if in none."""
    steps = part.split(".")
    paths = (".".join(steps[:end]) for end in range(len(steps), 0, -1))
    return next((path for path in paths if path in OF_MESSAGE | OF_EMBED), None)


def ornaments(message: NotificationMessage) -> frozenset[str]:
    """All that a message has."""
    author = message.author
    has = {
        "username": message.username,
        "avatar_url": message.avatar_url,
        "allowed_mentions": message.mentions,
        "attachments": message.files,
        "thread_name": message.thread_name,
        "applied_tags": message.applied_tags,
        "components": message.buttons,
        "poll": message.poll,
        "tts": message.tts,
        "flags": message.silent or message.suppress_embeds,
        "url": message.url,
        "image": message.image,
        "thumbnail": message.thumbnail,
        "author": author,
        "author.url": author and author.url,
        "author.icon_url": author and author.icon_url,
        "footer.icon_url": message.footer_icon,
        "content": message.content or message.suppress_embeds,
        "fields": message.fields,
        "footer": message.source,
        "color": True,
        "timestamp": True,
    }
    return frozenset(name for name, value in has.items() if value)


def refused_by_form(message: NotificationMessage) -> frozenset[str]:
    """Those that Discord is known to refuse for their form, although they look right."""
    author = message.author
    links = {
        "avatar_url": message.avatar_url,
        "url": message.url,
        "author.url": author and author.url,
        "author.icon_url": author and author.icon_url,
        "image": _link_of(message.image, message),
        "thumbnail": _link_of(message.thumbnail, message),
        "footer.icon_url": message.footer_icon,
    }
    return frozenset(name for name, link in links.items() if link and not is_well_formed(link))


def is_well_formed(url: str) -> bool:
    """Whether Discord takes it: it refuses a host without a dot (rogerrum/alertmanager-discord#19)."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and ("." in host.strip(".") or ":" in host)


def pictures_of_files(message: NotificationMessage) -> frozenset[str]:
    """The pictures of an embed that are files of the message."""
    pictures = {"image": message.image, "thumbnail": message.thumbnail}
    return frozenset(name for name, link in pictures.items() if link and _link_of(link, message) is None)


def without(embed: dict[str, Any], left_out: Collection[str]) -> dict[str, Any]:
    """An embed without what is left out. What becomes of its ``url`` is decided where its text is made."""
    kept = {name: dict(part) if isinstance(part, dict) else part for name, part in embed.items()}
    for path in OF_EMBED.intersection(left_out) - {"url"}:
        name, _, inner = path.partition(".")
        if inner:
            kept.get(name, {}).pop(inner, None)
        else:
            kept.pop(name, None)
    return kept


def _link_of(picture: str | None, message: NotificationMessage) -> str | None:
    """None if it is one of the files."""
    names = {each.name for each in message.files}
    return None if picture is None or picture.removeprefix(SCHEME) in names else picture
