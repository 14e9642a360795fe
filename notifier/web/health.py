"""Whether the server lives, and can do its work: for containers. No login, no details."""

from notifier.errors import NotifierError
from notifier.storage.connection import broker_errors
from notifier.web.answering import Answering, Shared
from notifier.web.reading import Kept

READY_SECONDS = 1
"""Ours: for so long an answer of Redis counts."""


class Live(Answering):
    """``GET /live``: it answers."""

    needs_login = names_are_checked = False

    def get(self) -> None:
        """200."""
        self.answer({"status": "ok"})

    head = get


class Ready(Answering):
    """``GET /ready``: Redis answers too."""

    needs_login = names_are_checked = False

    def initialize(self, shared: Shared, pong: Kept | None = None) -> None:
        """Before anything of the request is looked at."""
        super().initialize(shared)
        self._pong = pong

    async def get(self) -> None:
        """200 or 503."""
        try:
            if self._pong is not None:
                await self._pong.get(self.shared)
        except NotifierError:
            return self.answer({"status": "unavailable"}, 503)
        return self.answer({"status": "ok"})

    head = get


def ping_of(shared: Shared) -> Kept:
    """What asks Redis, for all who ask this server."""

    def ping() -> bool:
        with broker_errors():
            return bool(shared.pipeline.redis.ping())

    return Kept(READY_SECONDS, ping)
