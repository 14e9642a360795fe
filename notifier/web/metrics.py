"""``GET /metrics``, for Prometheus: with a login, with a token of its own, or open by choice."""

from typing import TYPE_CHECKING

from notifier.operations.metrics import CONTENT_TYPE, exposition
from notifier.web.answering import Answering, Shared
from notifier.web.reading import Kept

if TYPE_CHECKING:
    from notifier.pipeline import Pipeline

METRICS_SECONDS = 1
"""Ours: for so long an answer serves all who ask."""


def kept_metrics(pipeline: "Pipeline") -> Kept:
    """The text, for all who ask this server."""
    return Kept(METRICS_SECONDS, lambda: exposition(pipeline.metrics()))


class Metrics(Answering):
    """``GET /metrics``."""

    def initialize(self, shared: Shared, text: Kept | None = None) -> None:
        """Before anything of the request is looked at."""
        super().initialize(shared)
        assert text is not None  # noqa: S101 - Tornado calls it by name
        self._text = text

    def _is_open_to_all(self) -> bool:
        if self.shared.metrics_open or self.shared.login.takes_token(self.request.headers.get("Authorization", "")):
            self.names_are_checked = False  # a scraper calls it by any name, and no page of another site gets in so
            return True
        return False

    async def get(self) -> None:
        """The text."""
        text = await self._text.get(self.shared)
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(text)
