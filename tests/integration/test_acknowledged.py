"""Somebody takes care of an incident: its message says who, for as long as it lasts."""

from typing import Any

import pytest

from notifier.errors import NotificationNotFound
from notifier.models import AlertType, NotificationMessage
from notifier.operations import incidents as incidents_module
from notifier.operations.acknowledge import acknowledge
from notifier.operations.explain import explain
from notifier.operations.incidents import incidents
from notifier.outbox.admission import Admitted
from notifier.outbox.batch_item import Request
from notifier.outbox.incident import SPACING_SECONDS
from notifier.outbox.preparation import prepare
from tests.integration.conftest import CLOCK, WEBHOOK, Bench, MakeBench
from tests.integration.incidents import KEY, admit, count, field, is_idle, opened, show
from tests.names import names

GENERAL = AlertType.GENERAL


@pytest.fixture
def bench(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose gate is open."""
    monkeypatch.setattr(incidents_module, "clock", lambda client: int(client.get(CLOCK)))
    bench = make_bench(webhooks={GENERAL: WEBHOOK})
    bench.admit("before")
    bench.open_gate()
    return bench


def acked(bench: Bench, notification_id: str = "ack", by: str = "ops", **fields: Any) -> Admitted:
    return admit(bench, notification_id, title=None, dedup_seconds=None, acknowledged_by=by, **fields)


def test_the_message_says_who_takes_care_of_it_and_changes_nothing_else(bench: Bench) -> None:
    opened(bench, message="/var", fields={"Used": "97 %"})
    assert acked(bench, acknowledged_why="*new* disk") is Admitted.NOW
    request, embed = show(bench)
    assert (request, embed["title"], embed["description"], count(embed)) == (Request.EDIT, "Disk full", "/var", 1)
    assert field(embed, "Used") == "97 %"
    assert field(embed, "Acknowledged") == r"by ops, <t:1800000026:T> · \*new\* disk"
    assert bench.record("ack")["status"] == "delivered"


def test_it_stays_while_the_incident_lasts_and_a_new_one_has_none(bench: Bench) -> None:
    opened(bench, dedup_seconds=60)
    acked(bench)
    show(bench)
    bench.tick(SPACING_SECONDS)
    admit(bench, "again", dedup_seconds=60)
    assert field(show(bench)[1], "Acknowledged") is not None
    bench.tick(61)
    admit(bench, "new", dedup_seconds=60)
    request, embed = show(bench, message_id="902")
    assert (request, field(embed, "Acknowledged")) == (Request.POST, None)


def test_it_does_not_make_the_incident_last_longer(bench: Bench) -> None:
    opened(bench, dedup_seconds=60)
    bench.tick(30)
    acked(bench)
    show(bench)
    bench.tick(30)
    admit(bench, "new", dedup_seconds=60)
    assert show(bench)[0] is Request.POST


def test_one_that_meets_a_waiting_repeat_is_shown_with_it(bench: Bench) -> None:
    opened(bench)
    admit(bench, "repeat", message="twice", files=[("a.txt", b"a")])
    assert acked(bench) is Admitted.COUNTED
    batch = bench.batch()
    assert not batch.items[0].keeps_files
    bench.commit(batch)
    assert bench.record("ack")["status"] == "repeated"
    assert field({"fields": [each.model_dump() for each in batch.messages[0].fields]}, "Acknowledged") is not None
    assert is_idle(bench)


def test_there_is_nothing_to_acknowledge(bench: Bench) -> None:
    assert acked(bench) is Admitted.COUNTED
    assert is_idle(bench)
    assert bench.record("ack")["status"] == "not_open"
    opened(bench)
    admit(bench, "over", resolved=True)
    show(bench)
    assert acked(bench, "late") is Admitted.COUNTED
    assert bench.record("late")["status"] == "not_open"


def test_a_silence_keeps_none_away(bench: Bench) -> None:
    opened(bench)
    silence = '{"alert_type": "general", "match": {}, "until": 9e15, "forced": false, "id": "s"}'
    bench.redis.hset(names.silences, "s", silence)
    bench.redis.expire(names.silences, 60)
    assert acked(bench) is Admitted.NOW
    assert show(bench)[0] is Request.EDIT


class Submitting:
    """Takes alerts as a client does."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def submit(self, message: NotificationMessage) -> None:
        """Take it."""
        self._bench.outbox.admit(prepare(message, self._bench.settings))


class Late(Submitting):
    """Somebody resolves the incident meanwhile."""

    def submit(self, message: NotificationMessage) -> None:
        """Take both."""
        admit(self._bench, "over", resolved=True)
        show(self._bench)
        super().submit(message)


def test_one_that_is_resolved_while_it_is_acknowledged_was_not_open(bench: Bench) -> None:
    opened(bench)
    late: Any = Late(bench)
    with pytest.raises(NotificationNotFound, match="no incident with the key 'disk'"):
        acknowledge(bench.redis, names, bench.records, late, KEY, [GENERAL], by="ops")


def ack(bench: Bench, key: str, *kinds: AlertType, **said: str) -> list[dict[str, Any]]:
    parts: Any = (bench.redis, names, bench.records, Submitting(bench))
    return acknowledge(*parts, key, kinds or tuple(AlertType), **{"by": "ops", **said})


def test_by_its_key_it_is_found_in_each_type(bench: Bench) -> None:
    for kind in ("general", "error", "critical"):
        admit(bench, kind, alert_type=kind)
    found = ack(bench, KEY, GENERAL, AlertType.ERROR, why="new disk")
    assert sorted(each["alert_type"] for each in found) == ["error", "general"]
    told = {each.alert_type: (each.acknowledged_by, each.acknowledged_why) for each in incidents(bench.redis, names)}
    assert told == {"general": ("ops", "new disk"), "error": ("ops", "new disk"), "critical": (None, None)}


def test_a_key_that_is_not_open_is_refused_and_those_near_it_are_named(bench: Bench) -> None:
    with pytest.raises(NotificationNotFound, match="'disk' is open; none is open"):
        ack(bench, KEY)
    for key in ("disk/db1", "disk/db2", "cpu"):
        admit(bench, key, dedup_key=key)
    with pytest.raises(NotificationNotFound, match="'disc/db1' is open; open are disk/db1, disk/db2"):
        ack(bench, "disc/db1")
    with pytest.raises(NotificationNotFound, match="none is open"):
        ack(bench, "disk/db1", AlertType.ERROR)


def test_its_alerts_tell_of_it(bench: Bench) -> None:
    opened(bench)
    acked(bench, acknowledged_why="new disk")
    steps = explain(bench.redis, names, bench.records, "first")
    assert steps[-1].what == "its incident was acknowledged by ops (new disk)"
