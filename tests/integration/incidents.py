"""Incidents on a bench: what is raised, and what their message shows."""

from typing import Any

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.admission import Admitted
from notifier.outbox.batch_item import Request
from notifier.outbox.incident import SPACING_SECONDS
from notifier.outbox.preparation import prepare
from notifier.outcome import Delivered, Outcome
from notifier.render.batch import compose
from tests.integration.conftest import WEBHOOK, Bench, MakeBench

CHANNEL = "2000000000000000001"
KEY = "disk"


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """A bench whose gate is open."""
    bench = make_bench(webhooks={AlertType.GENERAL: WEBHOOK})
    bench.admit("before")
    bench.open_gate()
    return bench


def admit(bench: Bench, notification_id: str, **fields: Any) -> Admitted:
    given = {"title": "Disk full", "dedup_key": KEY, "dedup_seconds": 3_600, **fields}
    admitted = bench.outbox.admit(prepare(NotificationMessage(id=notification_id, **given), bench.settings))
    return Admitted.NOW if admitted is Admitted.CARRIED else admitted  # whether a task is wanted: test_trigger.py


def show(bench: Bench, outcome: Outcome | None = None, message_id: str = "901") -> tuple[Request, dict[str, Any]]:
    """Carry what comes next; returns what was asked of Discord, and the embed."""
    batch = bench.batch()
    (item,) = batch.items
    (embed,) = compose(batch.messages).body["embeds"]
    bench.commit(batch, outcome or Delivered(message_id, CHANNEL))
    bench.tick(1)
    return item.request, embed


def field(embed: dict[str, Any], name: str) -> str | None:
    return next((each["value"] for each in embed.get("fields", ()) if each["name"] == name), None)


def count(embed: dict[str, Any]) -> int:
    text = field(embed, "Repeated")
    return int(text.split()[1]) if text else 1


def is_idle(bench: Bench) -> bool:
    return bench.outbox.depth(AlertType.GENERAL) == 0


def opened(bench: Bench, **fields: Any) -> None:
    """An incident whose message is posted, and which may be shown again at once."""
    admit(bench, "first", **fields)
    assert show(bench)[0] is Request.POST
    bench.tick(SPACING_SECONDS)
