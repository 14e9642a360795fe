"""Whom alerts ping is decided once for the fleet, by Redis' clock; no ping is lost or repeated without need."""

import json
from typing import Any

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.batch_item import Request
from notifier.outbox.claim import Batch
from notifier.outbox.disposition import decide
from notifier.outbox.progress import Progress
from notifier.outcome import Answer, Failed, Outcome, Reason, Rejected, Unknown
from notifier.render.batch import compose
from tests.integration.conftest import ROOMY, WEBHOOK, Bench, MakeBench

GENERAL, CRITICAL = AlertType.GENERAL, AlertType.CRITICAL
ROLE, USER = "<@&123>", "<@456>"


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    mentions = {GENERAL: (ROLE, "@here"), CRITICAL: (USER,)}
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, mentions_by_type={}, mention_quiet_seconds=300)
    bench.admit("first")
    bench.open_gate()
    bench.outbox._settings = bench.settings.model_copy(update={"mentions_by_type": mentions})
    return bench


def body(batch: Batch) -> dict[str, Any]:
    return compose(batch.messages, [""] * len(batch.items), [each.left_out for each in batch.items]).body


def pinged(batch: Batch) -> str | None:
    return body(batch).get("content")


def test_the_first_alert_pings_exactly_whom_the_setting_names(bench: Bench) -> None:
    bench.admit("a", "b")
    sent = body(bench.batch())
    assert sent["content"] == f"{ROLE} @here"
    assert sent["allowed_mentions"] == {"parse": ["everyone"], "roles": ["123"]}
    assert len(sent["embeds"]) == 2


def test_repeats_within_the_quiet_time_do_not_ping_whatever_worker_carries_them(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch())
    bench.tick(299)
    bench.admit("b")
    quiet = bench.batch()
    assert pinged(quiet) is None
    assert body(quiet)["allowed_mentions"] == {"parse": []}
    bench.commit(quiet)
    bench.tick(1)
    bench.admit("c")
    assert pinged(bench.batch()) == f"{ROLE} @here"  # 300 s after the ping, not after the last alert


@pytest.mark.parametrize("outcome", [Failed(Reason.CONNECTION_FAILED, ""), Unknown(Reason.WORKER_LOST)], ids=repr)
def test_what_may_not_have_been_posted_pings_when_it_goes_again(bench: Bench, outcome: Outcome) -> None:
    bench.admit("a")
    bench.commit(bench.batch(), outcome)
    bench.tick(120)
    again = bench.batch()
    assert [each.message.id for each in again.items] == ["a"]
    assert pinged(again) == f"{ROLE} @here"


def test_a_worker_that_is_killed_before_its_request_loses_no_ping(bench: Bench) -> None:
    bench.admit("a")
    bench.batch()  # and is killed
    bench.tick(60)
    lost = bench.batch()
    assert lost.abandoned
    assert pinged(lost) is None
    bench.commit(lost, Unknown(Reason.WORKER_LOST))
    bench.tick(120)
    assert pinged(bench.batch()) == f"{ROLE} @here"


def test_an_alert_of_another_type_pings_by_its_own_setting_and_its_own_quiet_time(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch())
    bench.tick(1)
    bench.admit("b")
    bench.admit("c", alert_type=CRITICAL)
    ids = names_of(bench, CRITICAL)
    bench.redis.zadd(names_of(bench, GENERAL), {"c": 10_000})  # as a failover moves it
    bench.redis.delete(ids)
    batch = bench.batch()
    assert {each.message.id for each in batch.items} == {"b", "c"}
    assert pinged(batch) == USER


def names_of(bench: Bench, kind: AlertType) -> str:
    from notifier.storage.keys import Keys

    return Keys(bench.settings.key_prefix).outbox(kind, "waiting")


def test_an_alert_that_names_its_own_pings_in_the_quiet_time_too(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch())
    bench.tick(1)
    bench.admit("b", mentions=("user:7", "role:123"), content="@everyone look, <@8>")
    sent = body(bench.batch())
    assert sent["content"].startswith("<@7> <@&123> ")
    assert "@everyone" not in sent["content"]
    assert sent["allowed_mentions"] == {"parse": [], "roles": ["123"], "users": ["7"]}


def test_only_the_first_part_of_a_split_alert_pings(bench: Bench) -> None:
    bench.admit("a", message="line\n" * 3_000, long_text="split")
    first = bench.batch()
    assert pinged(first) == f"{ROLE} @here"
    bench.redis.hset(f"{bench.settings.key_prefix}notification:a", "progress", Progress(part=1).as_json())
    bench.commit(first, Failed(Reason.CONNECTION_FAILED, ""))
    bench.tick(120)
    assert pinged(bench.batch()) is None


def test_a_mention_that_discord_refuses_costs_no_alert(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    refused = Rejected(Reason.INVALID_PAYLOAD, "", frozenset({(None, "allowed_mentions")}))
    (disposition,) = decide(refused, batch.items, 3)
    bench.outbox.commit(batch, [disposition], Answer(refused, ROOMY, 400), 1)
    bench.tick(1)
    again = bench.batch()
    assert pinged(again) is None
    assert json.dumps(list(again.items[0].progress.left_out)) == '["allowed_mentions"]'


def test_a_ping_before_the_clock_stepped_back_silences_none(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch())
    bench.tick(-600)
    bench.admit("b")
    bench.claim()  # sees the step
    bench.tick(60)
    assert pinged(bench.batch()) == f"{ROLE} @here"


def test_what_is_over_pings_nobody_though_it_is_posted(bench: Bench) -> None:
    over = {"title": "Fine", "dedup_key": "k", "resolved": True, "if_not_open": "post"}
    bench.outbox.admit(NotificationMessage(id="over", **over))
    assert pinged(bench.batch()) is None


def test_a_resolution_whose_message_was_deleted_pings_nobody_again(bench: Bench) -> None:
    bench.outbox.admit(NotificationMessage(id="a", title="Disk full", dedup_key="k", mentions=(USER,)))
    batch = bench.batch()
    assert USER in str(pinged(batch))
    bench.commit(batch)
    bench.tick(300)
    bench.outbox.admit(NotificationMessage(id="over", title="k", dedup_key="k", resolved=True))
    bench.commit(bench.batch(), Rejected(Reason.UNKNOWN_CHANNEL, "Unknown Message"))
    bench.tick(1)
    batch = bench.batch()
    assert (batch.items[0].request, pinged(batch)) == (Request.POST, None)
