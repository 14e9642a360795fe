"""Alerts with the same key are one incident with one message, whatever fails in between."""

from typing import Any

import pytest

from notifier.gate.gate import lease_seconds
from notifier.models import AlertType, NotificationMessage
from notifier.operations.incidents import incidents
from notifier.outbox import incident as incident_module
from notifier.outbox.admission import Admitted
from notifier.outbox.batch_item import Request
from notifier.outbox.claim import Batch, Throttled
from notifier.outbox.incident import SPACING_SECONDS, digest_of
from notifier.outcome import Delivered, Failed, Outcome, Reason, Rejected, Unknown
from notifier.render.batch import compose
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, Bench, MakeBench
from tests.integration.incidents import CHANNEL, KEY, admit, bench, count, field, is_idle, opened, show
from tests.names import names

__all__ = ["bench"]

GENERAL = AlertType.GENERAL
GONE = Rejected(Reason.UNKNOWN_CHANNEL, "Unknown Message")


def test_repeats_change_the_one_message_and_say_how_often_since_when(bench: Bench) -> None:
    opened(bench)
    assert admit(bench, "second", message="newest") is Admitted.NOW
    request, embed = show(bench)
    assert (request, embed["description"], count(embed)) == (Request.EDIT, "newest", 2)
    assert field(embed, "Repeated") == "× 2 · first <t:1800000020:T> · last <t:1800000026:T>"
    record = bench.record("second")
    assert (record["status"], record["message_id"]) == ("delivered", "901")


def test_of_those_that_come_while_one_waits_all_are_counted_and_none_waits(bench: Bench) -> None:
    opened(bench)
    assert [admit(bench, f"n{number}", message=f"{number}") for number in range(2, 40)] == [
        Admitted.NOW,
        *[Admitted.COUNTED] * 37,
    ]
    assert bench.outbox.depth(GENERAL) == 1
    request, embed = show(bench)
    assert (request, count(embed), embed["description"]) == (Request.EDIT, 39, "39")
    assert is_idle(bench)
    record = bench.record("n39")
    assert (record["status"], record["message_id"], record["channel_id"]) == ("repeated", "901", CHANNEL)
    assert bench.redis.zcard(names.history(GENERAL, "repeated")) == 37


def test_they_are_counted_before_the_first_is_posted_too(bench: Bench) -> None:
    assert [admit(bench, each) for each in ("a", "b", "c")] == [Admitted.NOW, Admitted.COUNTED, Admitted.COUNTED]
    request, embed = show(bench)
    assert (request, count(embed)) == (Request.POST, 3)
    assert is_idle(bench)
    assert bench.record("a")["status"] == "delivered"
    assert bench.record("b")["message_id"] is None


def test_a_repeat_while_the_message_is_changed_waits_for_the_next_change(bench: Bench) -> None:
    opened(bench)
    admit(bench, "second")
    batch = bench.batch()
    assert [admit(bench, each) for each in ("third", "fourth")] == [Admitted.NOW, Admitted.COUNTED]
    bench.commit(batch, Delivered("901", CHANNEL))
    assert isinstance(bench.claim(), Throttled)
    bench.tick(SPACING_SECONDS)
    request, embed = show(bench)
    assert (request, count(embed)) == (Request.EDIT, 4)
    assert is_idle(bench)


def test_changes_go_behind_new_alerts(bench: Bench) -> None:
    opened(bench)
    admit(bench, "repeat")
    bench.admit("new", "newer")
    assert [item.message.id for item in bench.batch().items] == ["new", "newer"]


def test_other_keys_and_types_and_no_key_are_incidents_of_their_own(bench: Bench) -> None:
    opened(bench)
    for notification_id, fields in (
        ("key", {"dedup_key": "other"}),
        ("type", {"alert_type": "error"}),
        ("none", {"dedup_key": None}),
    ):
        assert admit(bench, notification_id, **fields) is Admitted.NOW
    assert show(bench)[0] is Request.POST
    assert bench.redis.zcard(names.incidents(GENERAL)) == 2


def test_it_is_over_when_none_came_for_its_seconds(bench: Bench) -> None:
    opened(bench, dedup_seconds=60)
    bench.tick(50)
    admit(bench, "in time", dedup_seconds=60)
    assert show(bench)[0] is Request.EDIT
    bench.tick(61)
    admit(bench, "too late", dedup_seconds=60)
    request, embed = show(bench, message_id="902")
    assert (request, count(embed)) == (Request.POST, 1)
    assert field(embed, "Before") == f"https://discord.com/channels/3000000000000000001/{CHANNEL}/901"


def test_a_resolution_turns_it_green_and_says_how_long_it_lasted_and_how_often_it_came(bench: Bench) -> None:
    opened(bench, message="/var", fields={"Used": "97 %"})
    admit(bench, "again", message="/var", fields={"Used": "98 %"})
    show(bench)
    bench.tick(600)
    admit(bench, "over", title=KEY, resolved=True)
    request, embed = show(bench)
    assert (request, embed["title"], embed["color"]) == (Request.EDIT, "✅ Disk full", 0x2ECC71)
    assert (embed["description"], field(embed, "Used")) == ("/var", "98 %")
    assert field(embed, "Resolved") == "<t:1800000627:T>, after 10 min; came 2 times"
    assert bench.record("over")["status"] == "delivered"


def test_a_resolution_is_shown_at_once_and_before_new_alerts(bench: Bench) -> None:
    admit(bench, "first")
    show(bench)
    admit(bench, "over", title=KEY, resolved=True)
    bench.admit("new")
    assert [item.message.id for item in bench.batch().items] == ["over"]


def test_a_resolution_that_meets_a_waiting_repeat_makes_that_due(bench: Bench) -> None:
    admit(bench, "first")
    show(bench)
    admit(bench, "repeat", message="twice")
    assert admit(bench, "over", title="Disk is fine", resolved=True) is Admitted.HASTENED
    claim = bench.claim("over")
    assert isinstance(claim, Batch), "its own task comes for it: no other does before it was due"
    (embed,) = compose(claim.messages).body["embeds"]
    bench.commit(claim, Delivered("901", CHANNEL))
    assert (embed["title"], embed["description"], count(embed)) == ("✅ Disk is fine", "twice", 2)
    assert is_idle(bench)


def test_there_is_nothing_to_resolve(bench: Bench) -> None:
    assert admit(bench, "over", resolved=True) is Admitted.COUNTED
    assert is_idle(bench)
    assert bench.record("over")["status"] == "not_open"
    opened(bench)
    admit(bench, "over 2", resolved=True)
    show(bench)
    assert admit(bench, "over 3", resolved=True) is Admitted.COUNTED
    assert bench.record("over 3")["status"] == "not_open"


def test_what_comes_again_soon_keeps_its_message_and_later_opens_another_one(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, reopen_seconds=300)
    bench.admit("before")
    bench.open_gate()
    opened(bench)
    for number in range(3):
        admit(bench, f"over {number}", title=KEY, resolved=True)
        show(bench)
        bench.tick(100)
        admit(bench, f"again {number}")
        request, embed = show(bench)
        assert (request, embed["title"]) == (Request.EDIT, "Disk full")
    assert field(embed, "Flapping") == "3 × again since <t:1800000127:T>"
    admit(bench, "over", title=KEY, resolved=True)
    show(bench)
    bench.tick(301)
    admit(bench, "new")
    request, embed = show(bench, message_id="902")
    assert (request, count(embed), field(embed, "Flapping")) == (Request.POST, 1, None)


def test_an_update_changes_what_it_names_and_is_no_repeat(bench: Bench) -> None:
    opened(bench, message="Copying", fields={"Host": "db1"}, progress=0.1)
    admit(bench, "half", title=KEY, update=True, progress=0.5)
    request, embed = show(bench)
    assert (request, embed["title"], embed["description"], count(embed)) == (Request.EDIT, "Disk full", "Copying", 1)
    assert field(embed, "Host") == "db1"
    assert field(embed, "Progress") == "`██████████░░░░░░░░░░` 50%"


def test_of_updates_faster_than_the_budget_the_last_one_is_shown(bench: Bench) -> None:
    opened(bench, progress=0)
    for number in range(1, 100):
        admit(bench, f"n{number}", title=KEY, update=True, progress=number / 100, message=f"step {number}")
    _, embed = show(bench)
    assert (embed["description"], field(embed, "Progress")) == ("step 99", "`████████████████████` 99%")
    assert is_idle(bench)


def test_what_updates_and_a_resolution_say_one_after_the_other_is_shown_together(bench: Bench) -> None:
    opened(bench, message="Copying")
    admit(bench, "a", title=KEY, update=True, progress=0.5, metadata={"big": 2**60, "none": []})
    admit(bench, "b", title=KEY, update=True, message='Writing \x00 ü 😀 "', fields={"Rows": "8 / 10"})
    admit(bench, "c", title=KEY, update=True, progress=0.9)
    admit(bench, "over", title=KEY, resolved=True)
    batch = bench.batch()
    (embed,) = compose(batch.messages).body["embeds"]
    assert (embed["title"], embed["description"]) == ("✅ Disk full", 'Writing \x00 ü 😀 "')
    assert (field(embed, "Rows"), field(embed, "Progress")) == ("8 / 10", "`██████████████████░░` 90%")
    assert batch.items[0].message.metadata == {"big": 2**60, "none": []}


def test_an_update_of_nothing_is_posted(bench: Bench) -> None:
    admit(bench, "first", update=True, progress="50 %")
    assert show(bench)[0] is Request.POST


@pytest.mark.parametrize("gone", [GONE], ids=["deleted"])
def test_a_message_that_is_not_there_any_more_is_posted_anew(bench: Bench, gone: Outcome) -> None:
    opened(bench)
    admit(bench, "second")
    assert show(bench, gone)[0] is Request.EDIT
    request, embed = show(bench, message_id="902")
    assert (request, count(embed)) == (Request.POST, 2)
    assert bench.record("second")["message_id"] == "902"
    bench.tick(2 * SPACING_SECONDS)
    admit(bench, "third")
    assert show(bench, message_id="902")[0] is Request.EDIT


def test_a_message_of_another_webhook_is_posted_anew(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={GENERAL: WEBHOOK})
    bench.admit("before")
    bench.open_gate()
    opened(bench)
    admit(bench, "second")
    bench.tick(30)
    batch = bench.batch(OTHER_WEBHOOK)
    assert batch.items[0].request is Request.POST


@pytest.mark.parametrize("outcome", [Failed(Reason.BAD_GATEWAY), Unknown(Reason.READ_TIMEOUT)])
def test_a_change_that_failed_is_made_again_and_is_no_duplicate(bench: Bench, outcome: Outcome) -> None:
    opened(bench)
    admit(bench, "second")
    show(bench, outcome)
    assert admit(bench, "third") is Admitted.COUNTED
    bench.tick(60)
    batch = bench.batch()
    assert (batch.items[0].request, batch.items[0].maybe_posted) == (Request.EDIT, False)
    assert count(compose(batch.messages).body["embeds"][0]) == 3
    bench.commit(batch, Delivered("901", CHANNEL))
    assert is_idle(bench)


def test_a_worker_that_is_lost_while_it_changes_the_message_costs_nothing(bench: Bench) -> None:
    opened(bench)
    admit(bench, "second")
    bench.batch()
    bench.tick(120)
    abandoned = bench.batch()
    assert abandoned.abandoned
    bench.commit(abandoned, Unknown(Reason.WORKER_LOST))
    bench.tick(60)
    request, embed = show(bench)
    assert (request, count(embed)) == (Request.EDIT, 2)
    assert is_idle(bench)


@pytest.mark.parametrize("change", [{"resolved": True}, {"message": "newest"}])
def test_what_joined_an_alert_whose_answer_came_late_is_shown_by_an_edit(bench: Bench, change: dict[str, Any]) -> None:
    """Its worker stood still: it was given up, waited again, and others joined it; then the answer was stored."""
    admit(bench, "a")
    late = bench.batch()
    bench.tick(lease_seconds(bench.settings) + 1)
    bench.commit(bench.batch(), Unknown(Reason.WORKER_LOST), retry_wait_seconds=30)
    admit(bench, "b", **change)
    bench.commit(late, Delivered("901", CHANNEL))
    bench.tick(30)
    asked, embed = show(bench)
    assert asked is Request.EDIT
    assert embed.get("description") == change.get("message")
    assert (field(embed, "Resolved") is not None) == ("resolved" in change)
    assert is_idle(bench)
    assert bench.record("a")["status"] == "delivered"


def test_one_that_could_not_be_posted_is_opened_by_the_next_alert(bench: Bench) -> None:
    admit(bench, "first")
    show(bench, Rejected(Reason.FORBIDDEN))
    assert bench.record("first")["status"] == "rejected"
    admit(bench, "second")
    request, embed = show(bench)
    assert (request, count(embed)) == (Request.POST, 1)


def test_one_whose_first_alert_was_withdrawn_is_shown_by_the_next(bench: Bench) -> None:
    admit(bench, "first")
    assert bench.withdrawals.withdraw("first") == "withdrawn"
    assert admit(bench, "second") is Admitted.NOW
    bench.tick(SPACING_SECONDS)
    assert show(bench)[0] is Request.POST


def test_by_choice_the_old_message_goes_and_another_one_is_posted(bench: Bench) -> None:
    opened(bench, repeat="replace")
    admit(bench, "second", repeat="replace")
    batch = bench.batch()
    assert batch.items[0].request is Request.DELETE
    bench.commit(batch, Delivered(None, None))
    bench.tick(1)
    request, embed = show(bench, message_id="902")
    assert (request, count(embed)) == (Request.POST, 2)
    bench.tick(SPACING_SECONDS)
    admit(bench, "over", title=KEY, resolved=True, repeat="replace")
    assert show(bench, message_id="902")[0] is Request.EDIT


def test_what_replaces_a_message_keeps_its_place_and_goes_though_the_outbox_is_full(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, queue_size=3)
    bench.admit("before")
    bench.open_gate()
    opened(bench)
    bench.admit("a", "b", "c")
    assert admit(bench, "second", repeat="replace") is Admitted.NOW
    bench.commit(bench.batch())
    bench.tick(1)
    bench.admit("new")
    (item,) = bench.batch().items
    assert (item.message.id, item.request) == ("second", Request.DELETE)


def test_an_update_that_opens_an_incident_is_no_trouble_that_came_once(bench: Bench) -> None:
    admit(bench, "started", title="Import", update=True, silent=True, progress=0)
    assert show(bench)[0] is Request.POST
    bench.tick(SPACING_SECONDS)
    admit(bench, "half", title=KEY, update=True, progress=0.5)
    show(bench)
    admit(bench, "over", title="✅ Import is done", resolved=True)
    _, embed = show(bench)
    assert embed["title"] == "✅ Import is done"
    assert field(embed, "Done") == "<t:1800000027:T>, after 7 s"
    assert field(embed, "Resolved") is None


@pytest.mark.parametrize("is_posted", [True, False])
def test_a_job_that_fails_is_heard_in_the_place_of_its_message(bench: Bench, is_posted: bool) -> None:
    admit(bench, "started", title="Import", update=True, silent=True, progress=0.5)
    if is_posted:
        show(bench)
        admit(bench, "half", title=KEY, update=True, progress=0.6)  # it waits
    admit(bench, "failed", title="❌ Import failed", severity="error", repeat="replace", dedup_seconds=1)
    if is_posted:
        bench.tick(SPACING_SECONDS)
        assert show(bench, Delivered(None, None))[0] is Request.DELETE
    batch = bench.batch()
    (item,) = batch.items
    body = compose(batch.messages).body
    assert item.request is Request.POST
    assert "flags" not in body
    (embed,) = body["embeds"]
    assert (embed["title"], field(embed, "Repeated")) == ("❌ Import failed", None)
    bench.commit(batch)
    assert is_idle(bench)
    bench.tick(1)
    admit(bench, "again")
    assert field(show(bench)[1], "Before"), "it was over"


def test_one_that_stands_for_many_is_counted_as_many(bench: Bench) -> None:
    opened(bench, count=3)
    admit(bench, "more", count=36)
    admit(bench, "one")
    admit(bench, "change", title=KEY, update=True, count=5)
    assert count(show(bench)[1]) == 40


def test_what_is_counted_in_a_full_outbox_is_not_lost_and_a_resolution_goes_all_the_same(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, queue_size=3)
    bench.admit("before")
    bench.open_gate()
    opened(bench)
    bench.admit("a", "b", "c")
    assert admit(bench, "second") is Admitted.COUNTED
    assert admit(bench, "over", title=KEY, resolved=True) is Admitted.NOW
    bench.commit(bench.batch())
    bench.tick(1)
    assert count(show(bench)[1]) == 2


def test_the_replay_of_one_that_was_counted_is_not_counted_again(bench: Bench) -> None:
    opened(bench)
    admit(bench, "refused")
    assert count(show(bench, Rejected(Reason.INVALID_PAYLOAD))[1]) == 2
    bench.tick(SPACING_SECONDS)
    admit(bench, "replay", metadata={"replay_of": "refused"})
    assert count(show(bench)[1]) == 2
    bench.tick(SPACING_SECONDS)
    admit(bench, "withdrawn", metadata={"replay_of": "refused"})
    bench.withdrawals.withdraw("withdrawn")
    admit(bench, "third")
    assert count(show(bench)[1]) == 3
    admit(bench, "over", resolved=True)
    show(bench)
    bench.tick(bench.settings.reopen_seconds + 1)
    admit(bench, "alone", metadata={"replay_of": "refused"})
    assert count(show(bench)[1]) == 1


def test_the_same_id_is_counted_once(bench: Bench) -> None:
    opened(bench)
    admit(bench, "second")
    assert [admit(bench, each) for each in ("third", "third", "first")] == [
        Admitted.COUNTED,
        Admitted.KNOWN,
        Admitted.KNOWN,
    ]
    assert count(show(bench)[1]) == 3


def test_what_hangs_on_a_counted_alert_is_called_and_its_key_has_a_life(bench: Bench) -> None:
    opened(bench)
    admit(bench, "second")
    admit(bench, "third")
    assert bench.redis.zscore(names.callbacks, "third") is None
    for key in (names.incident(GENERAL, digest_of(KEY)), names.incidents(GENERAL), names.repeated(GENERAL)):
        assert bench.redis.pttl(key) > 0, key


def test_a_key_may_be_made_of_fields() -> None:
    from notifier.outbox.dedup_key import filled_key

    message = NotificationMessage(
        title="{source}",
        source="db",
        fields={"Host": "h1"},
        dedup_key="{source}/{fields.Host}/{title}/{nope}/{fields.x}",
    )
    key = filled_key(message)
    assert key == "db/h1/(source)/{nope}/"
    assert filled_key(message.model_copy(update={"dedup_key": key})) == key


def test_keys_that_differ_behind_what_is_kept_of_them_stay_different() -> None:
    from notifier.outbox.dedup_key import filled_key

    def key(text: str, template: str) -> str:
        return filled_key(NotificationMessage(title="T", message=text, dedup_key=template))

    long = "m" * 2_000
    keys = {key(long, "{message}"), key(f"{long}!", "{message}"), key("", long), key("", f"{long}!")}
    assert {len(each) for each in keys} == {1_000}
    assert len(keys) == 2


def test_a_repeat_that_meets_a_waiting_change_shows_its_own_text(bench: Bench) -> None:
    opened(bench, message="before")
    admit(bench, "update", title=KEY, update=True, message="changed")
    admit(bench, "over", title=KEY, resolved=True, message="resolved")
    assert admit(bench, "repeat", message="again") is Admitted.COUNTED
    _, embed = show(bench)
    assert (embed["title"], embed["description"], count(embed)) == ("Disk full", "again", 2)


def test_of_those_that_are_too_many_the_oldest_are_forgotten_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_module, "INCIDENTS_MAX", 3)
    for number in range(5):
        admit(bench, f"n{number}", dedup_key=f"k{number}", title="t" * 5_000)
        bench.tick(1)
    kept = {names.incident(GENERAL, digest_of(f"k{number}")) for number in (2, 3, 4)}
    assert set(bench.redis.keys(names.incident(GENERAL, "*"))) == kept
    assert all(len(bench.redis.hget(key, "title") or "") <= 256 for key in kept)
    assert admit(bench, "again", dedup_key="k0") is Admitted.NOW


def test_the_list_has_the_title_that_the_message_shows_now(bench: Bench) -> None:
    def listed() -> list[str]:
        return [each.title for each in incidents(bench.redis, names)]

    opened(bench, title="⏳ Import")
    assert listed() == ["⏳ Import"]
    for title, more in (
        ("⏳ Import: half", {"update": True}),
        ("✅ Import: done", {"resolved": True}),
        ("⏳ Import", {}),
    ):
        before = listed()
        admit(bench, title, title=title, **more)
        assert listed() == before, "it is not shown yet"
        bench.tick(2 * SPACING_SECONDS)
        show(bench)
        assert listed() == [title]
    digest = digest_of(KEY)
    bench.redis.hdel(names.incident(GENERAL, digest), "shown_title")
    assert listed() == ["⏳ Import"], "of a worker of an earlier version"


@pytest.mark.parametrize("dies", [False, True], ids=["goes again", "dead letter"])
def test_an_alert_that_shows_an_incident_before_the_one_whose_answer_was_lost_says_so(bench: Bench, dies: bool) -> None:
    admit(bench, "first")
    batch = bench.batch()
    admit(bench, "second")
    bench.commit(batch, Unknown(Reason.READ_TIMEOUT), retry_wait_seconds=60)
    if dies:
        bench.withdrawals.withdraw("first")
    bench.tick(SPACING_SECONDS)
    batch = bench.batch()
    (item,) = batch.items
    assert (item.message.id, item.request, item.maybe_posted) == ("second", Request.POST, True)
    bench.commit(batch, Delivered("902", CHANNEL))
    bench.tick(SPACING_SECONDS)
    admit(bench, "third")
    assert not bench.batch().items[0].maybe_posted, "its message is known"
