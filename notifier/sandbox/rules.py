"""What Discord accepts as a webhook's message: a payload becomes a draft, or a tree of everything wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notifier.sandbox.answer import EMPTY_MESSAGE, INTERNAL, RefusalError
from notifier.sandbox.components import breaks_discord, read_components
from notifier.sandbox.embeds import Embed, read_embeds
from notifier.sandbox.form import Form, FormErrors
from notifier.sandbox.mentions import AllowedMentions, read_allowed_mentions
from notifier.sandbox.poll import read_poll

CONTENT = 2000  # code points (Discord docs, webhook.mdx)
USERNAME = 80  # code points (Discord's OpenAPI, specs/openapi.json)
THREAD_NAME = 100  # code points (Discord's OpenAPI, specs/openapi.json)
TAGS = 5  # per forum post (Discord's OpenAPI, specs/openapi.json)
ATTACHMENTS = 10  # per message (Discord docs, reference.mdx)
FILENAME = 1024  # code points (Discord's OpenAPI, specs/openapi.json)
FILE_DESCRIPTION = 1024  # code points (Discord docs, message.mdx)
LARGEST_FLAGS = 2**31 - 1

SUPPRESS_EMBEDS = 1 << 2
SUPPRESS_NOTIFICATIONS = 1 << 12
IS_COMPONENTS_V2 = 1 << 15
SETTABLE = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | IS_COMPONENTS_V2  # on execute (Discord docs, webhook.mdx)
EDITABLE = SUPPRESS_EMBEDS | IS_COMPONENTS_V2  # on edit (Discord docs, webhook.mdx)

FORBIDDEN_IN_NAMES = ("clyde", "discord")  # any case, anywhere (Discord docs, webhook.mdx)
FORBIDDEN_NAMES = ("everyone", "here")  # as the whole name (MinnDevelopment/discord-webhooks#100)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as it was asked for, checked. ``given``: the keys that were in the payload, null or not."""

    given: frozenset[str]
    content: str
    username: str | None
    avatar_url: str | None
    tts: bool
    embeds: list[Embed]
    allowed_mentions: AllowedMentions
    components: list[dict[str, Any]]
    flags: int
    poll: dict[str, Any] | None
    thread_name: str | None
    applied_tags: list[str]
    attachments: list[dict[str, Any]]


def read_message(payload: Any, *, files: int = 0, with_components: bool = False, edit: bool = False) -> Draft:
    """Check a payload.

    Raises:
        FormError: it breaks rules; all of them are in its tree.
        RefusalError: Discord answers 500 to it.
    """
    errors = FormErrors()
    if not isinstance(payload, dict):
        message = "Only dictionaries may be used in a ModelType"
        errors.add((), "MODEL_TYPE_CONVERT", message, "Expected an object/dictionary.")
        errors.check()
    draft = _draft(Form(payload, errors), with_components, edit)
    if draft.flags & IS_COMPONENTS_V2:
        _check_v2(draft, files, errors)
    errors.check()
    if draft.flags & IS_COMPONENTS_V2 and breaks_discord(draft.components):
        raise RefusalError(INTERNAL)
    return draft


def check_not_empty(draft: Draft, files: int) -> None:
    """Refuse a message in which there is nothing (Discord docs, webhook.mdx)."""
    if not (draft.content or draft.embeds or draft.components or draft.poll or files):
        raise RefusalError(EMPTY_MESSAGE)


def read_webhook(payload: Any) -> tuple[str | None, Any]:
    """Name and avatar out of a change of a webhook."""
    errors = FormErrors()
    form = Form(payload if isinstance(payload, dict) else {}, errors)
    name = _name(form, "name")
    avatar = payload.get("avatar") if isinstance(payload, dict) else None
    if avatar is not None and not str(avatar).startswith("data:image/"):
        form.wrong("avatar", "IMAGE_INVALID", "Invalid image data")
    errors.check()
    return name, avatar


def _draft(form: Form, with_components: bool, edit: bool) -> Draft:
    flags = form.whole("flags", 0, LARGEST_FLAGS) or 0
    return Draft(
        given=frozenset(form.values),
        content=form.text("content", CONTENT) or "",
        username=None if edit else _name(form, "username"),
        avatar_url=None if edit else form.url("avatar_url"),
        tts=False if edit else form.flag("tts") or False,
        embeds=read_embeds(form),
        allowed_mentions=read_allowed_mentions(form),
        # without the query parameter they are ignored silently (discord-api-docs #7368)
        components=read_components(form, v2=bool(flags & IS_COMPONENTS_V2)) if with_components else [],
        flags=flags & (EDITABLE if edit else SETTABLE),
        poll=None if edit else read_poll(form),
        thread_name=None if edit else form.text("thread_name", THREAD_NAME, 1),
        applied_tags=[] if edit else _tags(form),
        attachments=[_attachment(one) for one in form.objects("attachments", ATTACHMENTS)],
    )


def _name(form: Form, key: str) -> str | None:
    # inner whitespace is collapsed before it is measured (Discord docs, user.mdx)
    raw = form.values.get(key)
    collapsed: Mapping[str, Any] = {key: " ".join(raw.split())} if isinstance(raw, str) else form.values
    name = Form(collapsed, form.errors, form.path).text(key, USERNAME, 1)
    if name is None:
        return None
    for word in FORBIDDEN_IN_NAMES:
        if word in name.lower():
            form.wrong(key, "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{word}"')
    if name.lower() in FORBIDDEN_NAMES:
        form.wrong(key, "USERNAME_INVALID", f'Username cannot be "{name.lower()}"')
    return name


def _tags(form: Form) -> list[str]:
    items = form.items("applied_tags", TAGS)
    tags = [items.snowflake(index, required=True) for index in items.values] if items else []
    return [tag for tag in tags if tag is not None]


def _attachment(form: Form) -> dict[str, Any]:
    return {
        "id": form.snowflake("id", required=True),
        "filename": form.text("filename", FILENAME, 1),
        "description": form.text("description", FILE_DESCRIPTION),
    }


def _check_v2(draft: Draft, files: int, errors: FormErrors) -> None:
    legacy = {"content": draft.content, "embeds": draft.embeds, "poll": draft.poll, "files": files}
    for key, value in legacy.items():
        if value:
            message = f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            errors.add((key,), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message)
