"""From a draft to the message object that Discord answers with."""

from datetime import UTC, datetime
from typing import Any

from notifier.sandbox.body import Upload
from notifier.sandbox.content_type import content_type
from notifier.sandbox.poll import opened
from notifier.sandbox.rules import IS_COMPONENTS_V2, Draft
from notifier.sandbox.store import File, Message, Store, Webhook


def new_message(
    store: Store, webhook: Webhook, draft: Draft, files: tuple[Upload, ...], channel_id: str, now: float, base: str
) -> Message:
    """A message as the webhook posts it (Discord's OpenAPI, MessageResponse)."""
    message_id = store.snowflakes.new(now)
    kept = _uploaded(store, draft, files, now)
    shown: dict[str, Any] = {
        "type": 0,
        "content": draft.content,
        **draft.allowed_mentions.pings(draft.content).as_fields(),
        "attachments": _attachments(kept, message_id, base),
        "embeds": draft.embeds,
        "timestamp": timestamp(now),
        "edited_timestamp": None,
        "flags": draft.flags,
        "components": draft.components,
        "id": message_id,
        "channel_id": channel_id,
        "author": _author(webhook, draft),
        "pinned": False,
        "tts": draft.tts,
        "webhook_id": webhook.id,
    }
    if draft.poll:
        shown["poll"] = opened(draft.poll, now)
    return Message(shown, webhook.id, webhook.channel_id, kept, draft.avatar_url)


def edited(
    store: Store, message: Message, draft: Draft, files: tuple[Upload, ...], now: float, base: str
) -> tuple[dict[str, Any], list[File]]:
    """The message's object and files after an edit; only what was given changes (Discord docs, webhook.mdx)."""
    keep = {each["id"]: each for each in draft.attachments}
    kept = [file for file in message.files if "attachments" not in draft.given or file.id in keep]
    everything = [*kept, *_uploaded(store, draft, files, now)]
    # the components-v2 flag cannot be removed (Discord docs, webhook.mdx)
    locked_flag = message.shown["flags"] & IS_COMPONENTS_V2
    changes: dict[str, Any] = {
        "content": draft.content,
        "embeds": draft.embeds,
        "components": draft.components,
        "flags": draft.flags | locked_flag,
    }
    shown = {**message.shown, **{key: value for key, value in changes.items() if key in draft.given}}
    shown["attachments"] = _attachments(everything, message.id, base)
    shown["edited_timestamp"] = timestamp(now)
    # mentions are parsed anew, with the defaults unless allowed_mentions came again (Discord docs, webhook.mdx)
    shown.update(draft.allowed_mentions.pings(shown["content"]).as_fields())
    return shown, everything


def timestamp(now: float) -> str:
    """Discord's spelling of a time: microseconds of whole milliseconds (discord-api-docs #5744)."""
    return datetime.fromtimestamp(int(now * 1000) / 1000, UTC).isoformat()


def _uploaded(store: Store, draft: Draft, files: tuple[Upload, ...], now: float) -> list[File]:
    about = {each["id"]: each for each in draft.attachments}
    return [_file(store.snowflakes.new(now), file, about.get(str(file.number), {})) for file in files]


def _file(file_id: str, file: Upload, about: dict[str, Any]) -> File:
    name = about.get("filename") or file.filename
    kind = content_type(name, file.content_type, file.data)
    return File(file_id, name, kind, len(file.data), file.data, about.get("description"))


def _attachments(files: list[File], message_id: str, base: str) -> list[dict[str, Any]]:
    shown = []
    for number, file in enumerate(files):
        url = f"{base}/sandbox/attachments/{message_id}/{number}"
        attachment: dict[str, Any] = {
            "id": file.id,
            "filename": file.filename,
            "size": file.size,
            "url": url,
            "proxy_url": url,
        }
        if file.content_type:
            attachment["content_type"] = file.content_type
        if file.description:
            attachment["description"] = file.description
        shown.append(attachment)
    return shown


def _author(webhook: Webhook, draft: Draft) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "username": draft.username or webhook.name,
        "avatar": webhook.avatar,
        "discriminator": "0000",
        "bot": True,
        "global_name": None,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }
