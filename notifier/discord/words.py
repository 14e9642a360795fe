"""Which answers are in Discord's own words, and what they say: error codes, and trees of what is wrong with a form."""

import re
from collections.abc import Iterator
from typing import Any

from notifier.discord.redaction import redact
from notifier.outcome import Reason

Body = dict[str, Any]

DETAIL_CHARACTERS_MAX = 500
ERROR_DEPTH_MAX = 16

CODE_GENERAL = 0
"""Says no more than the status does (opcodes.mdx), and others send it too."""
CODE_MIN = 10_001
"""Discord's other codes begin here (opcodes.mdx); the ``code`` of others is often the status."""
CODE_CLOUDFLARE_BLOCK = 40333
"""Sent by Discord's edge, not by its API (opcodes.mdx)."""
CODES_CHANNEL_WRITE_LIMIT = frozenset({20028, 20029})
"""The write limits of a channel and of its server (opcodes.mdx; discord-api-docs #8290)."""

BY_CODE = {
    10015: Reason.WEBHOOK_UNKNOWN,
    50027: Reason.WEBHOOK_TOKEN_INVALID,
    # blocked for what it says: by AutoMod, by its title, by a harmful link
    200000: Reason.INVALID_PAYLOAD,
    200001: Reason.INVALID_PAYLOAD,
    240000: Reason.INVALID_PAYLOAD,
}
"""What a code says whatever the status (opcodes.mdx)."""
BY_STATUS = {400: Reason.INVALID_PAYLOAD, 403: Reason.FORBIDDEN, 413: Reason.PAYLOAD_TOO_LARGE}
"""What the others say. No code but 50027 says that a 401 is the webhook's."""
OF_THE_FORM = frozenset({400, 413})
"""Statuses that say enough beside the general code."""
CODES_OF_A_PLACE = frozenset({10003, 10008})
"""Unknown Channel and Unknown Message: the webhook exists, the thread or message does not (opcodes.mdx)."""

BY_CODE_NAMED = {220001: "thread_name", 220003: "thread_name", 40066: "applied_tags"}
"""A forum wants a name for the post; the channel is no forum; only moderators may set this tag (opcodes.mdx)."""
POSITION = re.compile(r"[0-9]{1,3}")
FORM_FIELDS = frozenset(
    {
        *("_misc", "allowed_mentions", "applied_tags", "attachments", "avatar_url", "components", "content", "embeds"),
        *("files", "flags", "payload_json", "poll", "thread_id", "thread_name", "tts", "username", "webhook_id"),
    }
)
"""The keys of an error in the form of API v6 and v7, without a code: ``{"username": ["Must be …"]}`` (#2360)."""
BLOCKED = "You are being blocked from accessing our API"
"""The beginning of what Discord's edge sends as JSON (discord-api-docs #5385)."""
CLOUDFLARE = re.compile(r"error code: 1[0-9]{3}\b|\bCloudflare\b", re.IGNORECASE)
"""What its pages and texts hold (discord-api-docs #5385, rotki #12752)."""


def code_of(body: Body) -> int | None:
    """Discord's error code, None if the body has none."""
    code = body.get("code")
    if not isinstance(code, int) or isinstance(code, bool):
        return None
    if code == CODE_GENERAL:
        return code if isinstance(body.get("message"), str) else None
    return code if code >= CODE_MIN else None


def refusal_of(status: int, body: Body) -> Reason | None:
    """Why Discord refuses with this 4xx; None if it does not say so itself: then others may have answered."""
    code = code_of(body)
    if code in BY_CODE:
        return BY_CODE[code]
    if code is None or code == CODE_GENERAL:
        own = (code == CODE_GENERAL and status in OF_THE_FORM) or (status == 400 and _is_form(body))
        return BY_STATUS[status] if own else None
    if status == 404 and code in CODES_OF_A_PLACE:
        return Reason.UNKNOWN_CHANNEL
    return None if status in (401, 408, 425) else BY_STATUS.get(status, Reason.CLIENT_ERROR)


def is_edge(status: int, body: Body | None, text: str) -> bool:
    """Whether Discord's edge, Cloudflare, refused this address. ``text``: how a body begins that is no JSON object."""
    found = body or {}
    if found.get("code") == CODE_CLOUDFLARE_BLOCK or str(found.get("message")).startswith(BLOCKED):
        return True
    if status == 429:  # the API's own has it, whatever became of its headers on the way
        return "retry_after" not in found
    return body is None and CLOUDFLARE.search(text) is not None


def rejected_parts(body: Body) -> frozenset[tuple[int | None, str]]:
    """What an error names: embeds by position with the path within them, and all else by its path (``Rejected``)."""
    if named := BY_CODE_NAMED.get(code_of(body) or CODE_GENERAL):
        return frozenset({(None, named)})
    paths: list[tuple[str, ...]]
    if _is_form(body):
        paths = [(key, text) if POSITION.fullmatch(text) else (key,) for key, texts in body.items() for text in texts]
    else:
        paths = [path for path, _ in _leaves(body.get("errors"), ())]
    return frozenset(_part(path) for path in paths if path)


def _part(path: tuple[str, ...]) -> tuple[int | None, str]:
    match path:
        case ("embeds", position, *rest) if POSITION.fullmatch(position):
            return int(position), ".".join(rest)
    return None, ".".join(path)


def digest(body: Body, secret: str) -> str:
    """An error in one line, as ``embeds.3.description: Must be 4096 or fewer in length``; '' if it says nothing."""
    if _is_form(body):
        leaves = [f"{key}: {', '.join(texts)}" for key, texts in body.items()]
    else:
        leaves = [f"{'.'.join(path)}: {text}" for path, text in _leaves(body.get("errors"), ())]
    text = redact(" ".join(("; ".join(leaves) or str(body.get("message", ""))).split()))
    text = text.replace(secret, "***") if secret else text  # a server may repeat the request in its answer
    return text if len(text) <= DETAIL_CHARACTERS_MAX else text[: DETAIL_CHARACTERS_MAX - 1] + "…"


def _is_form(body: Body) -> bool:
    return bool(body) and all(
        key in FORM_FIELDS and isinstance(texts, list) and bool(texts) and all(isinstance(text, str) for text in texts)
        for key, texts in body.items()
    )


def _leaves(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if not isinstance(tree, dict) or len(path) > ERROR_DEPTH_MAX:
        return
    for key, value in tree.items():
        if key == "_errors" and isinstance(value, list):
            yield from ((path, str(leaf.get("message", ""))) for leaf in value if isinstance(leaf, dict))
        else:
            yield from _leaves(value, (*path, str(key)))
