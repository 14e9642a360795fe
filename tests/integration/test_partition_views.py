"""What people see of a type with several webhooks, and do to one of them."""

from unittest.mock import MagicMock

import pytest

from notifier.errors import ConfigurationError
from notifier.models import AlertType
from notifier.operations.audit import Audit, Author
from notifier.operations.checks import CheckReport, check
from notifier.operations.current import current
from notifier.operations.explain import explain
from notifier.operations.gate_switch import GateSwitch
from notifier.operations.gates import gates_as_json
from notifier.operations.health import Health, Seen
from notifier.operations.outboxes import outboxes
from notifier.operations.overview import overview
from notifier.operations.short_ids import of_waiting, whole_id
from notifier.operations.waiting import UNDER_WAY, waiting_alert, waiting_alerts
from notifier.outbox.fleet import disagreements, read_fleet
from notifier.outcome import Answer, Delivered, RateLimitInfo, WebhookInfo
from notifier.storage.retention import Findings
from notifier.worker.self_monitor import SelfMonitor
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, Bench
from tests.integration.partitions import GENERAL, TWO, batch, beat, claim, gone, same_clock, spread, two
from tests.names import names

__all__ = ["claim", "same_clock", "two"]


def test_all_that_waits_is_told_as_of_one_type_in_the_order_of_admission(two: Bench) -> None:
    ids = spread(two)
    carried = [each.message.id for each in batch(two, 1).items]
    (found,) = waiting_alerts(two.redis, names, [GENERAL])
    assert found.count == 40
    rest = [f"n{number}" for number in range(40) if f"n{number}" not in carried]
    assert [each.id for each in found.shown] == carried + rest
    assert [each.id for each in waiting_alerts(two.redis, names, [GENERAL], shown_max=12)[0].shown] == [
        *carried,
        *rest,
    ][:12]
    (state,) = outboxes(two.redis, names, [GENERAL])
    assert (state.waiting, state.bytes > 40 * 40) == (40, True)
    assert two.outbox.depth(GENERAL) == 40
    one = waiting_alert(two.redis, names, ids[1][0])
    assert one
    assert one.why == UNDER_WAY
    assert explain(two.redis, names, two.records, ids[1][0])[-1].what == UNDER_WAY
    assert "no worker has come" in explain(two.redis, names, two.records, ids[0][0])[-1].what
    assert whole_id(two.redis, of_waiting(two.redis, names), ids[1][-1]) == ids[1][-1]


def rows(bench: Bench) -> dict[str, dict[str, object]]:
    found = gates_as_json(bench.gate, bench.outbox, bench.settings, Audit(bench.redis, names))
    return {each["partition"]: each for each in found["gates"] if each["alert_type"] == GENERAL}


def test_each_webhook_has_a_row_with_its_own_gate_and_what_waits_for_it(two: Bench) -> None:
    ids = spread(two)
    gone(two, 1)
    found = rows(two)
    assert {name: (row["webhook_id"], row["waiting"], row["quarantined"]) for name, row in found.items()} == {
        "general": (WEBHOOK.id, len(ids[0]), None),
        "general.1": (OTHER_WEBHOOK.id, len(ids[1]), "webhook_unknown"),
    }
    parts = two.redis, names, two.gate, two.settings
    (general,) = [each for each in overview(*parts, None, Findings())["types"] if each["alert_type"] == GENERAL]
    assert (general["gate"]["quarantined"], general["waiting"]) == (None, 40)
    assert [each["quarantined"] for each in general["further_gates"]] == ["webhook_unknown"]
    assert len(general["workers"]) == 1, "it holds two webhooks, and is one worker"
    figures = {(name, labels): value for name, labels, value in current(*parts)}
    assert figures["webhook_quarantined", (GENERAL, OTHER_WEBHOOK.id)] == 1
    assert figures["webhook_quarantined", (GENERAL, WEBHOOK.id)] == 0
    assert figures["outbox_alerts", (GENERAL,)] == 40
    assert figures["outbox_capacity_alerts", (GENERAL,)] == 2 * two.settings.queue_size


def switch(bench: Bench) -> GateSwitch:
    audit = Audit(bench.redis, names)
    return GateSwitch(bench.gate, bench.outbox, MagicMock(), bench.settings, audit)


def test_one_webhook_is_closed_by_its_number_and_all_by_their_type(two: Bench) -> None:
    switch(two).turn("close", ["general.1"], Author("anna", "moved"))
    assert [bool(row["closed"]) for row in rows(two).values()] == [False, True]
    assert [bool(row["last_action"]) for row in rows(two).values()] == [False, True]
    switch(two).turn("open", ["general"], Author("anna"))
    assert not any(row["closed"] for row in rows(two).values())
    switch(two).turn("close", ["general.0"], Author("anna"))
    assert [bool(row["closed"]) for row in rows(two).values()] == [True, False]
    with pytest.raises(ConfigurationError, match=r"general\.2: DISCORD_WEBHOOK_GENERAL has 2 webhooks here"):
        switch(two).turn("reset", ["general.2"], Author("anna"))


def test_a_reset_wakes_every_partition(two: Bench) -> None:
    spread(two)
    publisher = MagicMock()
    audit = Audit(two.redis, names)
    GateSwitch(two.gate, two.outbox, publisher, two.settings, audit).turn("reset", ["general"], Author("anna"))
    sent = {call.args[0].token.partition(".")[2] for call in publisher.wake_up.call_args_list}
    assert sent == {"", "1"}


def looked_at(bench: Bench) -> CheckReport:
    discord = MagicMock()
    answer = Answer(Delivered(None, None), RateLimitInfo(5, 4, 2), 200)
    discord.get_webhook.side_effect = lambda webhook: WebhookInfo(answer, f"2{webhook.id[1:]}", "3", webhook.id)
    own = bench.settings
    fleet = lambda: read_fleet(bench.redis, names)  # noqa: E731 - as the pipeline gives it
    return check(bench.redis, bench.gate, discord, own.webhooks, fleet=fleet, further=own.further_webhooks)


def test_a_check_names_each_webhook_and_finds_the_one_that_is_gone(two: Bench) -> None:
    general = [each for each in looked_at(two).webhooks if each.alert_type is GENERAL]
    assert [(each.partition, each.webhook_id, each.problem) for each in general] == [
        ("general", WEBHOOK.id, None),
        ("general.1", OTHER_WEBHOOK.id, None),
    ]
    spread(two)
    gone(two, 1)
    report = looked_at(two)
    health = Health(report, Seen(), None, {}, (), 30)
    (problem,) = health.problems[-1:]
    assert problem.startswith(f"Webhook {OTHER_WEBHOOK.id} for general.1: webhook_quarantined: ")
    assert "DISCORD_WEBHOOK_GENERAL of every worker" in problem
    assert "gate reset general.1" in problem
    assert not report.valid


def test_workers_whose_lists_differ_disagree(two: Bench) -> None:
    assert disagreements(read_fleet(two.redis, names)) == []
    beat(two, *TWO, worker="same")
    assert disagreements(read_fleet(two.redis, names)) == []
    beat(two, WEBHOOK, worker="shorter", most=2)
    assert disagreements(read_fleet(two.redis, names)) == [GENERAL]
    assert {each.partition for each in read_fleet(two.redis, names)} == {"general", "general.1"}


def test_self_monitoring_knows_whose_webhook_and_whose_partition_it_is(two: Bench) -> None:
    monitor = SelfMonitor(two.redis, two.settings, MagicMock(), two.gate)
    assert monitor._kinds(OTHER_WEBHOOK.id) == monitor._kinds("general.1") == [GENERAL]
    assert monitor._kinds("1") == []


def test_a_standstill_of_one_partition_is_told_though_another_moves(two: Bench) -> None:
    ids = spread(two, 12)
    assert ids[0]
    assert ids[1]
    two.tick(301)
    found = batch(two, 0)
    two.commit(found)
    for number in (1, 0):
        two.outbox.sweep(AlertType.GENERAL, number)
    assert [each.split("|")[:2] for each in two.redis.hkeys(names.troubles)] == [["stuck", "general.1"]]
