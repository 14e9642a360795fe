"""Which alerts an embed shows: one, or all that were folded, or collected, into it."""

import re
from typing import Any

from notifier.render.batch import Payload

RESOLVED_MARK = "✅ "
COUNTS = re.compile(r"^(\d+) × ([\w-]+)", re.MULTILINE)
DIGEST_NAME = "the digest of "
DIGEST = re.compile(r"\d+ more")
SINCE_IN_FILE = re.compile(r"^First:\n(.*)$", re.MULTILINE)
IN_FILE = re.compile(r"^---- \d+ of \d+ ----\n\n(.*)$", re.MULTILINE)
OF_ALL = re.compile(r"\d+ alerts in ")


def name_of(embed: dict[str, Any], file: str = "") -> str:
    """Which alert, incident or digest an embed shows; one that was shortened has its fields in its file alone."""
    title: str = embed["title"]
    if DIGEST.fullmatch(title):
        since = [each["value"] for each in embed.get("fields", [])] or SINCE_IN_FILE.findall(file)
        return digest_name(embed.get("description", ""), since[0])
    return title.removeprefix(RESOLVED_MARK).split()[0]


def digest_name(text: str, since: str) -> str:
    """What stands for a digest: the first that it counts, and since when."""
    first, _, _ = text.partition("\n")
    return f"{DIGEST_NAME}{first} since {since}"


def counts_of(text: str) -> dict[str, int]:
    """How many alerts of each first word of a title a text counts."""
    return {name: int(count) for count, name in COUNTS.findall(text)}


def file_of(payload: Payload) -> str:
    """The text of its file; '' if it has none."""
    return "".join(each.content.decode() for each in payload.files)


def titles_of(embed: dict[str, Any], file: str) -> list[str]:
    """What it shows; of alerts that were collected, and are too many for embeds of their own, what the file does."""
    return IN_FILE.findall(file) if OF_ALL.match(embed["title"]) else [embed["title"]]


def names_of(embed: dict[str, Any], file: str) -> list[str]:
    """As ``name_of``, of one that may show several."""
    return [name_of({**embed, "title": title}, file) for title in titles_of(embed, file)]
