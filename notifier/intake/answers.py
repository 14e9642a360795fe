"""What the intake answers: in our own form, or in that of the program whose address it stands in for."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

INVALID_TOKEN = 50027
"""Discord's code of a wrong token (Discord docs, opcodes-and-status-codes.mdx)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of a response: an object as JSON, or a text."""

    status: int
    body: dict[str, Any] | str = ""
    headers: dict[str, str] = field(default_factory=dict)


class Own:
    """Our own form."""

    def taken(self, ids: list[str], adjusted: list[str], _: bool) -> Answer:
        """All of it is safe."""
        return Answer(202, {"ids": ids} | ({"adjusted": adjusted} if adjusted else {}))

    def refused(self, status: int, why: str, retry_seconds: int) -> Answer:
        """Nothing of it was taken, or not all."""
        return Answer(status, {"error": why}, _retry(retry_seconds))


class Slack(Own):
    """As an incoming webhook of Slack's: clients look for 200 and the text."""

    def taken(self, ids: list[str], adjusted: list[str], _: bool) -> Answer:
        """All of it is safe."""
        return Answer(200, "ok", {"Notifier-Ids": ",".join(ids)})


class Discord(Own):
    """As a webhook of Discord's: 204, or with ``?wait=true`` a message. Its id is ours: nothing can be done with it."""

    def __init__(self, webhook_id: str) -> None:
        self._webhook_id = webhook_id

    def taken(self, ids: list[str], adjusted: list[str], waits: bool) -> Answer:
        """All of it is safe."""
        headers = {"Notifier-Ids": ",".join(ids)}
        if not waits:
            return Answer(204, "", headers)
        name = uuid.uuid5(uuid.NAMESPACE_OID, ids[0])
        message: dict[str, Any] = {
            "id": str(name.int >> 65),
            "type": 0,
            "channel_id": self._webhook_id,
            "webhook_id": self._webhook_id,
            "content": "",
            "timestamp": datetime.now(UTC).isoformat(),
            "edited_timestamp": None,
            "author": {"id": self._webhook_id, "username": "notifier", "avatar": None, "bot": True},
            "flags": 0,
        }
        lists: dict[str, Any] = {
            each: [] for each in ("attachments", "components", "embeds", "mentions", "mention_roles")
        }
        flags = dict.fromkeys(("mention_everyone", "pinned", "tts"), False)
        return Answer(200, {**message, **lists, **flags}, headers)

    def webhook(self) -> Answer:
        """The webhook, as far as there is one."""
        own = {"id": self._webhook_id, "channel_id": self._webhook_id, "name": "notifier", "type": 1}
        return Answer(200, {**own, "avatar": None, "guild_id": None, "application_id": None})

    def refused(self, status: int, why: str, retry_seconds: int) -> Answer:
        """Nothing of it was taken, or not all."""
        body: dict[str, Any] = {"message": why, "code": INVALID_TOKEN if status == 401 else 0}
        if retry_seconds:
            body |= {"retry_after": float(retry_seconds), "global": False}
        return Answer(status, body, _retry(retry_seconds))


def _retry(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)} if seconds else {}
