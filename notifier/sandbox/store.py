"""The stored webhooks, threads, messages and files. Bounded: the oldest are dropped first."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from notifier.sandbox.snowflake import Snowflakes

MESSAGES_KEPT = 10_000
THREADS_KEPT = 10_000
FILE_BYTES_KEPT = 256 * 1024 * 1024

CHANNELS = ("general", "errors", "critical", "tracklist", "monitoring", "security")
FIRST_WEBHOOK_ID = 1_000_000_000_000_000_001
FIRST_CHANNEL_ID = 2_000_000_000_000_000_001
GUILD_ID = "3000000000000000001"
TOKEN_CHARACTERS = 68
"""Length of a webhook's token in practice (discord.js, parseWebhookURL)."""

ChannelType = Literal["text", "forum"]


@dataclass(slots=True)
class Webhook:
    """A URL that posts into a channel."""

    id: str
    token: str = field(repr=False)
    channel_id: str
    name: str = "Captain Hook"
    channel_type: ChannelType = "text"
    requires_tag: bool = False
    avatar: str | None = None

    def as_object(self, *, secret: bool) -> dict[str, Any]:
        """Discord's webhook object; ``secret``: with its token (Discord docs, webhook.mdx)."""
        shown = {
            "application_id": None,
            "avatar": self.avatar,
            "channel_id": self.channel_id,
            "guild_id": GUILD_ID,
            "id": self.id,
            "name": self.name,
            "type": 1,
        }
        return {**shown, "token": self.token} if secret else shown


@dataclass(slots=True)
class Thread:
    """A thread or forum post under a webhook's channel."""

    id: str
    channel_id: str
    name: str = ""
    locked: bool = False

    def as_object(self) -> dict[str, Any]:
        """For the control API."""
        return {"id": self.id, "channel_id": self.channel_id, "name": self.name, "locked": self.locked}


@dataclass(slots=True)
class File:
    """An uploaded file; ``data`` is None once it was dropped to save memory."""

    id: str
    filename: str
    content_type: str | None
    size: int
    data: bytes | None = field(repr=False)
    description: str | None = None


@dataclass(slots=True)
class Message:
    """A message that arrived: Discord's object, and what the object does not say."""

    shown: dict[str, Any]
    webhook_id: str
    parent_id: str
    files: list[File]
    avatar_url: str | None = None

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.shown["id"])

    @property
    def thread_id(self) -> str | None:
        """The thread it is in, if it is in one."""
        channel = str(self.shown["channel_id"])
        return None if channel == self.parent_id else channel

    def as_object(self) -> dict[str, Any]:
        """For the control API: Discord's object, and ours beside it under ``sandbox``."""
        return {**self.shown, "sandbox": {"parent_channel_id": self.parent_id, "avatar_url": self.avatar_url}}


Listener = Callable[[str, Any], None]


class Store:
    """Webhooks, threads and messages; notifies a listener of every change."""

    def __init__(self, tell: Listener) -> None:
        self._tell = tell
        self.snowflakes = Snowflakes()
        self.webhooks: dict[str, Webhook] = {}
        self.threads: dict[str, Thread] = {}
        self.messages: OrderedDict[str, Message] = OrderedDict()
        self._file_bytes = 0
        self.reset()

    def reset(self) -> None:
        """Return to the six webhooks of the start, with empty channels."""
        self.webhooks = {webhook.id: webhook for webhook in ready_made()}
        self.threads.clear()
        self.clear()
        self._tell("webhooks", None)

    def put_webhook(self, webhook: Webhook) -> None:
        """Create or replace a webhook."""
        self.webhooks[webhook.id] = webhook
        self._tell("webhooks", None)

    def delete_webhook(self, webhook_id: str) -> bool:
        """Delete a webhook as a user would; its messages stay. Returns whether there was one."""
        known = self.webhooks.pop(webhook_id, None) is not None
        self._tell("webhooks", None)
        return known

    def put_thread(self, thread: Thread) -> None:
        """Create or replace a thread or a forum's post."""
        self.threads[thread.id] = thread
        while len(self.threads) > THREADS_KEPT:
            del self.threads[next(iter(self.threads))]
        self._tell("threads", None)

    def add(self, message: Message) -> None:
        """Add a message."""
        self.messages[message.id] = message
        self._file_bytes += sum(file.size for file in message.files)
        while len(self.messages) > MESSAGES_KEPT:
            self._forget(next(iter(self.messages.values())))
        self._make_room()
        self._tell("message", message.as_object())

    def changed(self, message: Message, more_bytes: int = 0) -> None:
        """Replace a message after an edit; ``more_bytes``: what its files grew by."""
        self._file_bytes += more_bytes
        self._make_room()
        self._tell("edit", message.as_object())

    def delete(self, message: Message) -> None:
        """Remove a message."""
        self._forget(message)
        self._tell("delete", {"id": message.id})

    def clear(self) -> None:
        """Remove all messages."""
        self.messages.clear()
        self._file_bytes = 0
        self._tell("clear", None)

    def _forget(self, message: Message) -> None:
        del self.messages[message.id]
        self._file_bytes -= sum(file.size for file in message.files if file.data is not None)

    def _make_room(self) -> None:
        if self._file_bytes <= FILE_BYTES_KEPT:
            return
        for message in self.messages.values():
            for file in message.files:
                if file.data is not None:
                    file.data = None
                    self._file_bytes -= file.size
                if self._file_bytes <= FILE_BYTES_KEPT:
                    return


def ready_made() -> list[Webhook]:
    """The six webhooks that exist at the start; their tokens say that they are fake."""
    return [
        Webhook(
            id=str(FIRST_WEBHOOK_ID + number),
            token=f"fake-token-{name}-".ljust(TOKEN_CHARACTERS, "x"),
            channel_id=str(FIRST_CHANNEL_ID + number),
            name=f"tracktion-{channel_word(name)}",
        )
        for number, name in enumerate(CHANNELS)
    ]


def channel_word(name: str) -> str:
    """The word for an alert type in the name of its channel."""
    return "tracklists" if name == "tracklist" else name
