"""Version 0.2 as it was (commit 60293c9), under another name: its workers and callers run beside today's.

``tests/data/version_0_2.zip`` has the files of its core as ``git archive`` gives them: what of it was imported lazily,
or talks to Celery, is left out.
"""

import dataclasses
import importlib
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import redis

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from notifier.outbox.claim import ClaimRequest
from notifier.outcome import Deferred, Rejected, Scope
from notifier.settings import Settings
from tests.simulation.broker import Broker, Message
from tests.simulation.discord import SimulatedDiscord
from tests.simulation.webhooks import WEBHOOKS

ARCHIVE = Path(__file__).parents[1] / "data" / "version_0_2.zip"
NAME = "notifier_0_2"
ITSELF = re.compile(rb'^( *(?:from|import) |.*files\(")notifier\b', re.MULTILINE)
"""Where a file of it names the package."""
_folder = TemporaryDirectory(prefix="notifier-0.2-")


with ZipFile(ARCHIVE) as _archive:
    for _each in _archive.infolist():
        if not _each.is_dir():
            _target = Path(_folder.name) / _each.filename.replace("notifier", NAME, 1)
            _target.parent.mkdir(parents=True, exist_ok=True)
            _target.write_bytes(ITSELF.sub(rb"\g<1>" + NAME.encode(), _archive.read(_each)))
sys.path.append(_folder.name)


def _load(*names: str) -> list[Any]:
    return [importlib.import_module(f"{NAME}.{each}") for each in names]


errors, models, outcome, settings_module, claim_module, heartbeat_module, outbox_module = _load(
    *("errors", "models", "outcome", "settings", "outbox.claim", "outbox.heartbeat", "outbox.outbox")
)
gate_module, batch_module, disposition_module, delivery_module, keys_module = _load(
    *("gate.admin", "outbox.batch_result", "outbox.disposition", "worker.delivery", "storage.keys")
)
SET = ("timeout_seconds", "breaker_open_seconds", "breaker_open_max_seconds", "retry_backoff_max_seconds")
"""What a simulation sets."""
AWAY = (BrokerUnavailable, errors.BrokerUnavailable)
"""Redis does not answer a process of either version."""


def settings_of(today: Settings) -> Any:
    """The same settings, of 0.2."""
    hooks = {models.AlertType(kind): settings_module.Webhook(each.id, each.token) for kind, each in WEBHOOKS.items()}
    own = {name: getattr(today, name) for name in SET} | {"webhooks": hooks}
    return settings_module.Settings.load().model_copy(update=own)


def message_of_0_2(notification_id: str, title: str, kind: AlertType) -> Any:
    """A message of 0.2."""
    return models.NotificationMessage(id=notification_id, title=title, alert_type=models.AlertType(kind))


class Worker:
    """What a worker of 0.2 does with a delivery task, and each few seconds. It stands for today's parts of one.

    Args:
        announce: is called once a batch is committed.
    """

    def __init__(
        self,
        client: "redis.Redis",
        today: Settings,
        discord: SimulatedDiscord,
        broker: Broker,
        pauses: Any,
        announce: Callable[[], None],
    ) -> None:
        settings = settings_of(today)
        self._broker = broker
        self.outbox = outbox_module.Outbox(client, settings)
        self.heartbeat = heartbeat_module.Heartbeat(client, keys_module.Keys("notifier:"))
        self._delivery = delivery_module.DeliveryWorker(
            self.outbox,
            self.heartbeat,
            gate_module.Gate(client, settings),
            Discord(discord),
            settings,
            lambda _: announce(),
        )
        self._delivery._redis_away = pauses

    def deliver(self, request: ClaimRequest) -> Any:
        """As its task of ``send_notification``."""
        kind = models.AlertType(request.alert_type)
        done = self._delivery.deliver(claim_module.ClaimRequest(kind, request.notification_id, request.wake_up))
        for name in ("wake_up", "fallback_wake_up"):
            self._wake_up(getattr(done, name, None))
        return done

    def __call__(self, kinds: Iterable[AlertType]) -> None:
        """As its sweep."""
        for kind in kinds:
            with suppress(errors.BrokerUnavailable):
                self._wake_up(self.outbox.sweep(models.AlertType(kind)))

    def look(self, kinds: Iterable[AlertType]) -> None:
        """It did nothing between two sweeps."""

    def _wake_up(self, wake_up: Any) -> None:
        if wake_up is not None:
            request = ClaimRequest.of_wake_up(AlertType(wake_up.alert_type), wake_up.token)
            self._broker.put(Message(request), wake_up.wait_seconds)


class Discord:
    """Today's, whose answers are told in the words of 0.2."""

    def __init__(self, discord: SimulatedDiscord) -> None:
        self._discord = discord

    def execute(self, webhook: Any, payload: Any) -> Any:
        """As its ``DiscordClient``."""
        return _translated(self._discord.execute(webhook, payload))

    def get_webhook(self, webhook: Any) -> Any:
        """As its ``DiscordClient``."""
        return _translated(self._discord.get_webhook(webhook))


def _translated(value: Any) -> Any:
    """The value of 0.2 that says the same as one of today's."""
    if not dataclasses.is_dataclass(value):
        return value
    if isinstance(value, Deferred) and value.scope is Scope.MACHINE:
        return outcome.Failed(outcome.Reason.CONNECTION_FAILED)
    given = {each.name: _translated(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Rejected):
        given["rejected_indexes"] = frozenset(place for place, _ in value.parts)
    kind = getattr(outcome, type(value).__name__)
    return kind(**{each.name: given[each.name] for each in dataclasses.fields(kind) if each.name in given})
