"""Embeds: what is accepted, what is ignored, and how long it may be."""

from typing import Any

from notifier.sandbox.form import Form

# Code points unless said otherwise (Discord docs, message.mdx, "Embed Limits").
EMBEDS = 10  # per message
TITLE = 256
DESCRIPTION = 4096
FIELDS = 25  # per embed; more is an error since 2023-12-19 (Discord docs, change-log.mdx)
FIELD_NAME = 256
FIELD_VALUE = 1024
FOOTER_TEXT = 2048
AUTHOR_NAME = 256
ALL_EMBEDS = 6000  # title, description, field names and values, footer text, author name of all embeds together
IMAGE_DESCRIPTION = 4096  # Discord's OpenAPI, specs/openapi.json
LARGEST_COLOR = 16_777_215  # Discord's OpenAPI, specs/openapi.json

UPLOAD = "attachment"
"""URL scheme of a file in the same message; for images and icons only (Discord docs, message.mdx)."""

Embed = dict[str, Any]


def read_embeds(form: Form) -> list[Embed]:
    """The embeds of a message as they will be shown; errors go to the form."""
    embeds = [_embed(one) for one in form.objects("embeds", EMBEDS)]
    if sum(counted(embed) for embed in embeds) > ALL_EMBEDS:
        message = f"Embed size exceeds maximum size of {ALL_EMBEDS}"
        form.wrong("embeds", "MAX_EMBED_SIZE_EXCEEDED", message)
    return embeds


def counted(embed: Embed) -> int:
    """Code points of ``embed`` that count towards the 6,000 of a message."""
    texts = [embed.get("title"), embed.get("description")]
    texts += [embed.get("footer", {}).get("text"), embed.get("author", {}).get("name")]
    texts += [field[part] for field in embed.get("fields", []) for part in ("name", "value")]
    return sum(len(text) for text in texts if text)


def _embed(form: Form) -> Embed:
    # "type", "provider", "video" and unknown keys are ignored; the type is always rich (Discord docs, message.mdx)
    embed: Embed = {
        "type": "rich",
        "title": form.text("title", TITLE),
        "description": form.text("description", DESCRIPTION),
        "url": form.url("url"),
        "color": form.whole("color", 0, LARGEST_COLOR),
        "timestamp": form.moment("timestamp"),
        "author": _author(form.child("author")),
        "footer": _footer(form.child("footer")),
        "image": _picture(form.child("image")),
        "thumbnail": _picture(form.child("thumbnail")),
        "fields": [_field(one) for one in form.objects("fields", FIELDS)],
    }
    return _without_nothing(embed)


def _field(form: Form) -> dict[str, Any]:
    return {
        "name": form.text("name", FIELD_NAME, required=True) or "",
        "value": form.text("value", FIELD_VALUE, required=True) or "",
        "inline": form.flag("inline") or False,
    }


def _author(form: Form | None) -> dict[str, Any]:
    if form is None:
        return {}
    name, url = form.text("name", AUTHOR_NAME), form.url("url")
    return _without_nothing({"name": name, "url": url, "icon_url": form.url("icon_url", UPLOAD)})


def _footer(form: Form | None) -> dict[str, Any]:
    if form is None:
        return {}
    text = form.text("text", FOOTER_TEXT)
    return _without_nothing({"text": text, "icon_url": form.url("icon_url", UPLOAD)})


def _picture(form: Form | None) -> dict[str, Any]:
    if form is None:
        return {}
    url = form.url("url", UPLOAD)
    description = form.text("description", IMAGE_DESCRIPTION)
    return _without_nothing({"url": url, "proxy_url": url, "description": description})


def _without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    # an empty description is treated as null (stoatchat#455)
    return {key: value for key, value in values.items() if value not in (None, "", {}, [])}
