"""The file of what an embed has no room for: what is in it, and its name, which tells the alert and the kind."""

import json
import re
import unicodedata
from datetime import UTC, datetime
from enum import StrEnum

from notifier.models import NotificationMessage
from notifier.render.constructs import code_blocks
from notifier.render.poll import poll_text

LOOKED_AT_CHARACTERS = 8_000
"""Ours: so much of its beginning tells what a text is."""
SLUG_CHARACTERS_MAX = 40
"""Ours: what a file's name has of the title."""

TRACEBACK = "Traceback (most recent call last):"
_TRACEBACK = re.compile(rf"^[ \t|+]*(?:Exception Group )?{re.escape(TRACEBACK)}\r?$", re.MULTILINE)
_SOURCE = re.compile(
    r"(?:async )?def \w+\(|class \w+[(:]|from [\w.]+ import [\w*(]|import \w+(?:\.\w+)*(?: as \w+)?$|if __name__ =="
)
_LOGGED = re.compile(
    r"""[\[(<]?(?:
      \d{4}-\d\d-\d\d[T ]\d\d:\d\d | \d\d:\d\d:\d\d | [A-Z][a-z]{2}[ ]+\d{1,2}[ ]\d\d:\d\d:\d\d | \d{10}(?:\.\d+)?\b
      | (?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\b
    ) | \S+[ ]\S+[ ]\S+[ ]\[\d\d/ | \{".*\}$ | (?:time|ts|level)=""",
    re.VERBOSE,
)


class Kind(StrEnum):
    """What a text is: the end of its file's name."""

    TEXT = "txt"
    LOG = "log"
    JSON = "json"
    PYTHON = "py"


def kind_of(text: str) -> Kind:
    """What a text is, by its content."""
    lines = [line for line in text[:LOOKED_AT_CHARACTERS].splitlines() if line.strip()]
    if _is_json(text):
        return Kind.JSON
    if sum(map(bool, map(_LOGGED.match, lines))) * 2 >= max(len(lines), 3):
        return Kind.LOG
    if is_traceback(text) or sum(map(bool, map(_SOURCE.match, lines))) > 1:
        return Kind.PYTHON
    return Kind.TEXT


def is_traceback(text: str) -> bool:
    """Whether it ends in what Python says of an exception. There the end tells most."""
    return TRACEBACK in text and _TRACEBACK.search(text) is not None  # the first is much faster in a long text


def bare(text: str) -> str:
    """What is in a code block, if it is all of the text; else the text."""
    block = next(code_blocks(text), None)
    is_all = block is not None and (block.start, block.end) == (0, len(text))
    return text[block.code_start : block.code_end] if block and is_all else text


def whole_text(message: NotificationMessage) -> str:
    """All texts of a notification, as plain text."""
    author = message.author.name if message.author else ""
    parts = [message.thread_name or "", message.content or "", author, message.title, message.message]
    parts += [message.traceback or "", poll_text(message.poll) if message.poll else ""]
    parts += [f"{field.name}:\n{field.value}" for field in message.fields]
    parts += [f"{name}: {value}" for name, value in (("Source", message.source), ("URL", message.url)) if value]
    parts += [f"{each.label}: {each.url}" for each in message.buttons]
    parts.append(f"Time: {iso(message.timestamp)}")
    return "\n\n".join(part for part in parts if part) + "\n"


def file_name(message: NotificationMessage, kind: Kind = Kind.TEXT) -> str:
    """The name of the file that holds the whole text: from the title, the id, and what it is."""
    plain = unicodedata.normalize("NFKD", message.title[: 4 * SLUG_CHARACTERS_MAX]).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:SLUG_CHARACTERS_MAX].strip("-")
    identity = re.sub(r"[^A-Za-z0-9_.-]+", "-", message.id)
    return f"{slug or 'alert'}-{identity}.{kind}"


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, as Discord's own examples write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _is_json(text: str) -> bool:
    text = text.strip()
    if text[:1] + text[-1:] not in ("{}", "[]"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
