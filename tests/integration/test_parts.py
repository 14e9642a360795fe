"""A split alert: each part is one request, what is posted is posted once, and it goes on where it was."""

from collections.abc import Callable
from typing import Any

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.operations.dead_letters import DeadLetters
from notifier.operations.explain import explain
from notifier.outbox.claim import Batch
from notifier.outbox.disposition import Action, decide, failed_over
from notifier.outbox.progress import NO_PROGRESS, Progress
from notifier.outcome import Answer, Deferred, Delivered, Failed, Outcome, Reason, Rejected, Unknown
from notifier.render.batch import compose
from notifier.worker.batch_payload import note_of
from tests.integration.conftest import OTHER_WEBHOOK, ROOMY, WEBHOOK, Bench, MakeBench
from tests.names import names

GENERAL = AlertType.GENERAL
LINES = "\n".join(f"{number:>4} " + "x" * 60 for number in range(160))
CHANNEL = "2000000000000000001"
REFUSED = Rejected(Reason.INVALID_PAYLOAD)
MakeSplit = Callable[..., Bench]


@pytest.fixture
def split(make_bench: MakeBench) -> MakeSplit:
    """A bench with an alert of three parts, and one behind it."""

    def build(**more: Any) -> Bench:
        bench = make_bench(webhooks={GENERAL: WEBHOOK}, retry_attempts=1)
        bench.admit("before")
        bench.commit(bench.batch())
        bench.tick(10)
        bench.admit("long", message=LINES, long_text="split", **more)
        bench.admit("behind")
        return bench

    return build


def post(bench: Bench, message_id: str, **where: str) -> str:
    """Post what comes next; returns its title and its footer."""
    batch = bench.batch()
    shown = title_of(batch)
    bench.commit(batch, Delivered(message_id, where.get("channel", CHANNEL)))
    bench.tick(1)
    return shown


class Admitting:
    """A publisher that admits, and leaves the delivery to the test."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def submit_again(self, message: NotificationMessage, progress: Progress, *, maybe_posted: bool) -> None:
        """Admit it."""
        self._bench.outbox.admit(message, progress=progress, maybe_posted=maybe_posted)


def letters_of(bench: Bench) -> DeadLetters:
    return DeadLetters(bench.redis, bench.settings, bench.records, Admitting(bench))  # type: ignore[arg-type]


def die(bench: Bench, outcome: Outcome) -> None:
    """Let the first that waits end in this way, and the others be delivered."""
    while bench.records.get("long") is None:
        batch = bench.batch()
        bench.commit(batch, outcome if batch.items[0].message.id == "long" else None)
        bench.tick(10)


def next_of(bench: Bench, notification_id: str) -> Batch:
    """Its next batch; others are delivered until it comes."""
    while (batch := bench.batch()).items[0].message.id != notification_id:
        bench.commit(batch)
        bench.tick(10)
    return batch


def title_of(batch: Batch) -> str:
    notes = [note_of(batch, each) for each in batch.items]
    (embed,) = compose(batch.messages, notes).body["embeds"]
    return " | ".join(filter(None, (embed["title"], embed.get("footer", {}).get("text", ""))))


def test_the_parts_go_in_order_before_what_is_behind_and_the_record_has_them_all(split: MakeSplit) -> None:
    bench = split()
    assert [post(bench, message_id) for message_id in ("901", "902")] == ["long (1/3)", "long (2/3)"]
    assert bench.records.get("long") is None
    assert [post(bench, message_id) for message_id in ("903", "904")] == ["long (3/3)", "behind"]
    record = bench.record("long")
    assert (record["status"], record["message_ids"]) == ("delivered", ["901", "902", "903"])
    assert record["message_id"] == "901"
    assert (record["link"] or "").endswith(f"/{CHANNEL}/901")
    assert bench.record("behind").get("message_ids") is None


def test_explain_shows_the_parts(split: MakeSplit) -> None:
    bench = split()
    for message_id in ("901", "902", "903"):
        post(bench, message_id)
    told = [step.what for step in explain(bench.redis, names, bench.records, "long")]
    assert [what for what in told if what.startswith("posted")] == [
        "posted: part 1 of 3 is message 901",
        "posted: part 2 of 3 is message 902",
    ]
    assert told[-1].startswith("delivered")


@pytest.mark.parametrize(
    ("outcome", "noted"),
    [
        (Failed(Reason.BAD_GATEWAY), False),
        (Deferred(1, Reason.RATE_LIMITED), False),
        (Unknown(Reason.READ_TIMEOUT), True),
    ],
)
def test_what_fails_at_the_third_part_goes_on_there_with_all_attempts(
    split: MakeSplit, outcome: Outcome, noted: bool
) -> None:
    bench = split()
    bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY))  # an attempt that the first part needs
    bench.tick(5)
    post(bench, "901")
    post(bench, "902")
    bench.commit(bench.batch(), outcome)
    bench.tick(5)
    again = bench.batch()
    if [each.message.id for each in again.items] == ["behind"]:  # it went ahead in the meantime
        bench.commit(again)
        bench.tick(1)
        again = bench.batch()
    assert title_of(again).partition(" | ")[0] == "long (3/3)"
    assert ("may be a duplicate" in title_of(again)) == noted
    bench.commit(again, Delivered("903", CHANNEL))
    assert bench.record("long")["message_ids"] == ["901", "902", "903"]


def test_a_part_whose_worker_died_is_posted_again_and_only_that_one_says_so(split: MakeSplit) -> None:
    bench = split()
    post(bench, "901")
    bench.batch()  # the worker dies with this request under way
    bench.redis.delete(names.worker("worker-1"))
    bench.tick(60)
    abandoned = bench.batch()
    assert abandoned.abandoned
    bench.commit(abandoned, Unknown(Reason.WORKER_LOST))
    shown: list[str] = []
    for message_id in ("902", "903", "904"):
        bench.tick(10)
        shown.append(post(bench, message_id))
    ours = [each for each in shown if each.startswith("long")]
    assert [("may be a duplicate" in each, each[:10]) for each in ours] == [(True, "long (2/3)"), (False, "long (3/3)")]


def test_the_thread_that_the_first_part_opens_has_the_others(split: MakeSplit) -> None:
    bench = split(thread_name="the post", applied_tags=["7"])
    first = bench.batch()
    assert (first.messages[0].thread_name, first.messages[0].thread_id) == ("the post", None)
    bench.commit(first, Delivered("901", "555"))
    bench.tick(1)
    for message_id in ("902", "903"):
        (part,) = (batch := bench.batch()).messages
        assert (part.thread_name, part.thread_id, part.applied_tags) == (None, "555", ())
        bench.commit(batch, Delivered(message_id, "555"))
        bench.tick(1)
    assert bench.record("long")["channel_id"] == "555"


def test_of_a_channel_that_turns_out_to_be_a_forum_the_parts_are_one_post(split: MakeSplit) -> None:
    bench = split()
    no_name = Rejected(Reason.INVALID_PAYLOAD, parts=frozenset({(None, "thread_name")}))
    bench.commit(bench.batch(), no_name)
    bench.tick(1)
    first = bench.batch()
    assert compose(first.messages, in_forum=True).body["thread_name"] == "long", "and not its numbered title"
    bench.commit(first, Delivered("901", "555"))
    bench.tick(1)
    assert post(bench, "902", channel="555") == "long (2/3)"
    assert bench.batch().messages[0].thread_id == "555"


def test_that_a_channel_is_a_forum_is_known_of_the_next_alert_too(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch(), Rejected(Reason.INVALID_PAYLOAD, parts=frozenset({(None, "thread_name")})))
    bench.tick(1)
    bench.commit(bench.batch())
    bench.tick(1)
    bench.admit("b")
    assert [item.progress.in_forum for item in bench.batch().items] == [True]


def test_in_a_thread_of_its_own_the_parts_stay_there(split: MakeSplit) -> None:
    bench = split(thread_id="77")
    threads = []
    for message_id in ("901", "902", "903"):
        batch = bench.batch()
        threads.append(batch.messages[0].thread_id)
        bench.commit(batch, Delivered(message_id, "77"))
        bench.tick(1)
    assert threads == ["77"] * 3


def test_in_a_channel_that_is_no_forum_there_is_no_thread(split: MakeSplit) -> None:
    bench = split(thread_name="the post")
    batch = bench.batch()
    refused = Rejected(Reason.INVALID_PAYLOAD, parts=frozenset({(None, "thread_name")}))
    bench.commit(batch, refused)
    bench.tick(1)
    post(bench, "901")
    assert bench.batch().messages[0].thread_id is None


def test_a_part_that_discord_refuses_ends_the_alert_and_the_record_names_what_is_posted(split: MakeSplit) -> None:
    bench = split()
    post(bench, "901")
    bench.commit(bench.batch(), Rejected(Reason.INVALID_PAYLOAD))
    record = bench.record("long")
    assert (record["status"], record["message_ids"], record["message_id"]) == ("rejected", ["901"], "901")


ENDS = [
    Rejected(Reason.INVALID_PAYLOAD),
    Rejected(Reason.EXPIRED),
    Rejected(Reason.WEBHOOK_NOT_CONFIGURED),
    Failed(Reason.BAD_GATEWAY),
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.reason)
@pytest.mark.parametrize("in_thread", [True, False])
def test_a_dead_letter_that_is_sent_again_goes_on_behind_what_is_posted(
    split: MakeSplit, end: Outcome, in_thread: bool
) -> None:
    bench = split(**{"thread_name": "the post"} if in_thread else {})
    for message_id in ("901", "902"):
        post(bench, message_id, channel="555")
    die(bench, end)
    again = letters_of(bench).replay("long")
    batch = next_of(bench, again)
    assert title_of(batch) == "long (3/3)"
    assert batch.messages[0].thread_id == ("555" if in_thread else None)
    bench.commit(batch, Rejected(Reason.EXPIRED))
    assert bench.record(again)["message_ids"] == ["901", "902"], "it can be sent again once more"
    last = letters_of(bench).replay(again)
    bench.commit(next_of(bench, last), Delivered("903", "555"))
    record = bench.record(last)
    assert (record["status"], record["message_ids"]) == ("delivered", ["901", "902", "903"])
    assert record["message_id"] == "901"
    steps = [step.what for step in explain(bench.redis, names, bench.records, last)]
    assert steps[:3] == [f"replay of {again}", 'admitted as general: "long"', "goes on after part 2, which is posted"]


def test_a_part_whose_answer_was_lost_says_that_it_may_be_there_and_no_other_does(split: MakeSplit) -> None:
    bench = split()
    post(bench, "901")
    die(bench, Unknown(Reason.READ_TIMEOUT))
    assert bench.record("long")["status"] == "unknown"
    second = next_of(bench, letters_of(bench).replay("long"))
    assert (title_of(second)[:10], "may be a duplicate" in title_of(second)) == ("long (2/3)", True)
    bench.commit(second, Delivered("902", CHANNEL))
    bench.tick(1)
    assert title_of(bench.batch()) == "long (3/3)"


def test_the_replay_of_one_that_was_refused_after_an_answer_was_lost_says_that_it_may_be_there(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch(), Unknown(Reason.READ_TIMEOUT), None)
    bench.tick(3)
    bench.commit(bench.batch(), Rejected(Reason.UNKNOWN_CHANNEL))
    letters_of(bench).replay("a")
    bench.tick(61)
    assert "may be a duplicate" in title_of(bench.batch())


@pytest.mark.parametrize("change", [{"title": "other"}, {"long_text": "attach"}, {"message": LINES + LINES}])
def test_one_that_is_changed_is_sent_again_as_a_whole(split: MakeSplit, change: dict[str, str]) -> None:
    bench = split()
    post(bench, "901")
    die(bench, REFUSED)
    again = next_of(bench, letters_of(bench).replay("long", change))
    assert "(2/" not in title_of(again)
    assert again.items[0].progress == NO_PROGRESS


def test_one_whose_thread_is_gone_is_sent_again_as_a_whole(split: MakeSplit) -> None:
    bench = split(thread_name="the post")
    post(bench, "901", channel="555")
    die(bench, Rejected(Reason.UNKNOWN_CHANNEL))
    (part,) = next_of(bench, letters_of(bench).replay("long")).messages
    assert (part.title, part.thread_name, part.thread_id) == ("long (1/3)", "the post", None)


def test_one_of_which_nothing_is_posted_gets_its_ornaments_back(split: MakeSplit) -> None:
    bench = split(thumbnail="https://example.com/a.png")
    refused = Rejected(Reason.INVALID_PAYLOAD, parts=frozenset({(0, "thumbnail")}))
    bench.commit(bench.batch(), refused)
    bench.tick(1)
    die(bench, REFUSED)
    assert next_of(bench, letters_of(bench).replay("long")).items[0].progress == NO_PROGRESS


def test_in_another_channel_it_begins_again(make_bench: MakeBench) -> None:
    webhooks = {GENERAL: WEBHOOK, AlertType.SECURITY: OTHER_WEBHOOK}
    bench = make_bench(webhooks=webhooks, fallback=AlertType.SECURITY)
    bench.admit("long", message=LINES, long_text="split", thread_name="the post")
    post(bench, "901", channel="555")
    bench.tick(10)
    batch, outcome = bench.batch(), Rejected(Reason.FORBIDDEN)
    dispositions = failed_over(decide(outcome, batch.items, 3))
    assert [each.action for each in dispositions] == [Action.FAILOVER]
    bench.outbox.commit(batch, dispositions, Answer(outcome, ROOMY, 403), 1)
    bench.tick(10)
    moved = bench.batch(OTHER_WEBHOOK, AlertType.SECURITY)
    assert moved.messages[0].title == "long (1/3)"
    assert moved.messages[0].thread_id is None
    bench.commit(moved, Delivered("801", "8"))
    bench.tick(10)
    second = bench.batch(OTHER_WEBHOOK, AlertType.SECURITY)
    assert second.messages[0].title == "long (2/3)"
    bench.commit(second, Rejected(Reason.EXPIRED))
    again = letters_of(bench).replay("long")
    assert title_of(next_of(bench, again)) == "long (1/3)", "its own channel has none of that"


def test_what_has_begun_is_withdrawn_no_more(split: MakeSplit) -> None:
    bench = split()
    post(bench, "901")
    assert bench.withdrawals.withdraw("long") != "withdrawn"
    post(bench, "902")
    post(bench, "903")
    record = bench.record("long")
    assert (record["status"], record["revoke"]) == ("delivered", "too_late")


def test_a_part_fits_into_no_others_request(split: MakeSplit) -> None:
    bench = split()
    assert [len(bench.batch().items)] == [1]


def test_a_message_that_has_fewer_parts_than_were_posted_ends_with_its_last(split: MakeSplit) -> None:
    """Another version may split it in another way."""
    bench = split()
    bench.redis.hset(names.notification("long"), "progress", '{"part": 7, "message_ids": ["1"], "left_out": []}')
    assert post(bench, "908") == "long (3/3)"
    assert bench.record("long")["message_ids"] == ["1", "908"]


def test_a_short_alert_is_one_message_whatever_it_says(split: MakeSplit) -> None:
    bench = split()
    bench.admit("short", message="m", long_text="split")
    message = NotificationMessage(title="short", message="m", long_text="split")
    assert decide(Delivered("1", "2"), [_item(message)], 3)[0].action is Action.COMPLETE


def _item(message: NotificationMessage) -> Any:
    from notifier.outbox.batch_item import BatchItem

    return BatchItem(message, 0, 0)
