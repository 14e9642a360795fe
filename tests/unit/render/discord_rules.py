"""Discord's rules for a webhook message, written down a second time: a mistake in the renderer is not repeated here."""

import re
from datetime import datetime
from typing import Any

from notifier.render.batch import Payload

EMBED_KEYS = {"title", "description", "url", "color", "fields", "timestamp", "footer", "author", "image", "thumbnail"}


def violations(payload: Payload) -> list[str]:
    """What Discord would object to; nothing where it would take the message."""
    body = payload.body
    found = [f"unknown key {key}" for key in body if key not in _BODY_KEYS]
    found += _content(body) + _mentions(body) + _attachments(payload) + _thread(body) + _components(body) + _poll(body)
    if body.get("flags", 4096) & ~(4 | 4096) or body.get("tts", True) is not True:
        found.append("flags")
    embeds = body.get("embeds", [])
    if not 1 <= len(embeds) <= 10:
        found.append(f"{len(embeds)} embeds")
    for number, embed in enumerate(embeds):
        found += [f"embeds.{number}.{problem}" for problem in _embed(embed)]
    if sum(map(total, embeds)) > 6000:
        found.append(f"{sum(map(total, embeds))} characters over all embeds")
    urls = [embed["url"] for embed in embeds if "url" in embed]
    if len(set(urls)) < len(urls):
        found.append("embeds of one url, which are merged")
    return found


_BODY_KEYS = {
    *("embeds", "content", "username", "avatar_url", "allowed_mentions", "attachments", "tts", "flags", "components"),
    *("poll", "thread_name", "applied_tags"),
}


def total(embed: dict[str, Any]) -> int:
    """What of an embed counts towards 6,000."""
    count = length(embed.get("title")) + length(embed.get("description"))
    count += length(embed.get("footer", {}).get("text")) + length(embed.get("author", {}).get("name"))
    return count + sum(length(field["name"]) + length(field["value"]) for field in embed.get("fields", []))


def length(text: str | None) -> int:
    """Code points after trimming."""
    return len(text.strip()) if text else 0


def _text(where: str, text: Any, maximum: int) -> list[str]:
    if not isinstance(text, str):
        return [f"{where} is no text"]
    text.encode("utf-8")
    return [] if 1 <= length(text) <= maximum else [f"{where} has {length(text)} characters"]


def _embed(embed: dict[str, Any]) -> list[str]:
    found = [f"{key} is unknown" for key in embed if key not in EMBED_KEYS]
    found += _text("title", embed["title"], 256) if "title" in embed else []
    found += _text("description", embed["description"], 4096) if "description" in embed else []
    if "footer" in embed:
        found += _text("footer.text", embed["footer"].get("text"), 2048)
    found += _links(embed)
    if not (type(embed.get("color", 0)) is int and 0 <= embed.get("color", 0) <= 16777215):
        found.append("color")
    if not 0 <= len(embed.get("fields", [])) <= 25:
        found.append(f"fields has {len(embed['fields'])}")
    for number, field in enumerate(embed.get("fields", [])):
        found += _text(f"fields.{number}.name", field["name"], 256)
        found += _text(f"fields.{number}.value", field["value"], 1024)
        if type(field["inline"]) is not bool or set(field) != {"name", "value", "inline"}:
            found.append(f"fields.{number}")
    timestamp = embed.get("timestamp", "2024-01-01T00:00:00Z")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", timestamp):
        found.append(f"timestamp {timestamp}")
    datetime.fromisoformat(timestamp)
    return found


def _links(embed: dict[str, Any]) -> list[str]:
    author = embed.get("author", {"name": "A"})
    found = _text("author.name", author.get("name"), 256)
    links = {"url": embed.get("url"), "footer": embed.get("footer", {}).get("icon_url")}
    links |= {f"author.{key}": author.get(key) for key in ("url", "icon_url")}
    pictures = {key: embed[key]["url"] for key in ("image", "thumbnail") if key in embed}
    links |= {key: link for key, link in pictures.items() if not re.fullmatch(r"attachment://[A-Za-z0-9_.\-]+", link)}
    return found + [each for key, link in links.items() if link is not None for each in _url(key, link)]


def _url(where: str, url: str) -> list[str]:
    host = re.match(r"https?://(?:[^/?#@]*@)?([^/?#:]*\.[^/?#:]+|\[[0-9a-f:]+\])", url)
    return [] if host and len(url) <= 2048 else [where]


def _content(body: dict[str, Any]) -> list[str]:
    found = _text("content", body["content"], 2000) if "content" in body else []
    if "username" in body:
        found += _text("username", body["username"], 80)
        lowered = body["username"].lower()
        if "discord" in lowered or "clyde" in lowered or lowered.strip() in ("everyone", "here"):
            found.append("username")
    return found + (_url("avatar_url", body["avatar_url"]) if "avatar_url" in body else [])


def _thread(body: dict[str, Any]) -> list[str]:
    found = _text("thread_name", body["thread_name"], 100) if "thread_name" in body else []
    return found + (["applied_tags"] if len(body.get("applied_tags", [])) > 5 else [])


def _components(body: dict[str, Any]) -> list[str]:
    rows = body.get("components", [{"type": 1, "components": [None]}])
    found = [] if 1 <= len(rows) <= 5 and all(1 <= len(row["components"]) <= 5 for row in rows) else ["rows"]
    for button in (each for row in body.get("components", []) for each in row["components"]):
        found += [] if (button["type"], button["style"]) == (2, 5) else ["a button that is no link"]
        found += _text("label", button["label"], 80) + _url("button", button["url"])
        found += [] if len(button["url"]) <= 512 else ["a button's url is too long"]
    return found


def _poll(body: dict[str, Any]) -> list[str]:
    if "poll" not in body:
        return []
    poll = body["poll"]
    found = _text("poll.question", poll["question"]["text"], 300)
    found += [each for answer in poll["answers"] for each in _text("poll.answer", answer["poll_media"]["text"], 55)]
    return found + ([] if 1 <= len(poll["answers"]) <= 10 and 1 <= poll["duration"] <= 768 else ["poll"])


def _mentions(body: dict[str, Any]) -> list[str]:
    allowed = body.get("allowed_mentions")
    if not isinstance(allowed, dict) or "parse" not in allowed:
        return ["allowed_mentions does not say what may ping"]
    found = [] if set(allowed) <= {"parse", "users", "roles"} else ["allowed_mentions"]
    found += [] if set(allowed["parse"]) <= {"everyone"} else [f"parse {allowed['parse']}"]
    for kind in ("users", "roles"):
        ids = allowed.get(kind, [])
        if (
            len(ids) > 100
            or len(set(ids)) < len(ids)
            or not all(each.isdecimal() and int(each) < 2**63 for each in ids)
        ):
            found.append(f"allowed_mentions.{kind}")
    return found


def _attachments(payload: Payload) -> list[str]:
    told = payload.body.get("attachments", [])
    found = []
    if [(each["id"], each["filename"]) for each in told] != [(n, file.name) for n, file in enumerate(payload.files)]:
        found.append("attachments are not the files")
    if len(told) > 10 or any(len(file.content) > 10 * 1024 * 1024 for file in payload.files):
        found.append("files too many or too large")
    if any(not re.fullmatch(r"[A-Za-z0-9_.\-]{1,1024}", file.name) for file in payload.files):
        found.append("filename")
    return found
