"""The line that says what an alert waits for: one that changes in a terminal, else one for each reason."""

import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from notifier.cli.echo import shown, warn
from notifier.errors import BrokerUnavailable
from notifier.models import NotificationMessage

if TYPE_CHECKING:
    from notifier.pipeline import Pipeline


class WaitingLine:
    """On standard error. ``last``: what it said last, '' if nothing."""

    def __init__(self, pipeline: "Pipeline", message: NotificationMessage) -> None:
        self.last = ""
        self._pipeline = pipeline
        self._message = message
        self._status: Any = None

    def __enter__(self) -> Self:
        """Nothing is shown before the first ``update``."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line away, if it is in a terminal."""
        if self._status is not None:
            self._status.stop()

    def update(self) -> None:
        """Look what it waits for, and show it."""
        try:
            why, until = self._look()
        except BrokerUnavailable as error:
            why, until = str(error), ""
        if not why:
            return
        changed, self.last = why != self.last, why
        if not self._in_terminal(f"{why}{until}") and changed:
            warn(f"{why}{until}")

    def _look(self) -> tuple[str, str]:
        from notifier.operations.waiting import waiting_alert
        from notifier.outbox.fleet import read_fleet

        redis, keys = self._pipeline.redis, self._pipeline.keys
        found = waiting_alert(redis, keys, self._message.id)
        if found is None:  # it ends this moment
            return "", ""
        if found.alert_type not in {each.alert_type for each in read_fleet(redis, keys)}:
            return (
                f"it waits: no worker delivers alerts of {found.alert_type}; start one: celery -A notifier worker",
                "",
            )
        until = datetime.fromisoformat(found.until) if found.until else None
        left = f", until {until.astimezone(UTC):%H:%M:%S} UTC" if until else ""
        return f"it waits: {found.why}", left

    def _in_terminal(self, text: str) -> bool:
        """Show it in place of what was shown before; False: there is no terminal, or nothing that draws there."""
        if not sys.stderr.isatty():
            return False
        with suppress(ModuleNotFoundError):
            from rich.console import Console
            from rich.text import Text

            if self._status is None:
                self._status = Console(stderr=True).status(Text(shown(text)))
                self._status.start()
            self._status.update(Text(shown(text)))
            return True
        return False
