"""The files of a request: what each is called there, and what Discord is told of it."""

import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from notifier.message_parts import MessageFile
from notifier.render.limits import FILE_DESCRIPTION_CHARACTERS_MAX, FILE_NAME_CHARACTERS_MAX

TEXT = "text/plain; charset=utf-8"
UNKNOWN = "application/octet-stream"
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:; *[\w-]+=[\w.+-]+)*", re.ASCII)
"""A media type. Anything else would end the header that it stands in, or make it unreadable."""
SCHEME = "attachment://"
"""URL scheme of a file in the same message, for pictures (Discord docs, message.mdx)."""


@dataclass(frozen=True, slots=True)
class File:
    """A file attached to a message. ``description``: for who cannot see it."""

    name: str
    content: bytes = field(repr=False)
    content_type: str = TEXT
    description: str | None = None


def uploads(files: Sequence[MessageFile]) -> list[File]:
    """The files of a message, each under a name of its own that Discord leaves as it is."""
    found: list[File] = []
    for each, name in zip(files, names(files), strict=True):
        said = (each.content_type or "").strip()
        kind = said if _TYPE.fullmatch(said) else mimetypes.guess_type(name)[0] or UNKNOWN
        description = each.description and each.description[:FILE_DESCRIPTION_CHARACTERS_MAX]
        found.append(File(name, each.content, kind, description))
    return found


def names(files: Sequence[MessageFile]) -> list[str]:
    """What they are called there: of other characters Discord makes an underscore (discord-api-docs #3100)."""
    found: list[str] = []
    for each in files:
        stem, dot, suffix = re.sub(r"[^A-Za-z0-9_.-]", "_", each.name).strip(".").rpartition(".")
        stem, ending = (stem, f".{suffix}") if dot else (suffix, "")
        stem, ending = stem[: FILE_NAME_CHARACTERS_MAX - 20] or "file", ending[:16]
        name, number = f"{stem}{ending}", 1
        while name in found:
            number += 1
            name = f"{stem}-{number}{ending}"
        found.append(name)
    return found


def picture(link: str, files: Sequence[MessageFile]) -> dict[str, Any]:
    """An image of an embed: a link, or one of the files by its name."""
    by_name = dict(zip((each.name for each in files), names(files), strict=True))
    name = link.removeprefix(SCHEME)
    return {"url": f"{SCHEME}{by_name[name]}" if name in by_name else link}


def told(files: Sequence[File]) -> list[dict[str, Any]]:
    """What a request says of its files (Discord docs, message.mdx, Attachment)."""
    return [
        {"id": number, "filename": file.name} | ({"description": file.description} if file.description else {})
        for number, file in enumerate(files)
    ]
