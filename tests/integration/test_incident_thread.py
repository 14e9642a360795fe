"""What is new of an incident is told in the thread of its message, if it is in one, and the message shows it too."""

from typing import Any

import pytest

from notifier.outbox.admission import Admitted
from notifier.outbox.batch_item import Request
from notifier.outbox.claim import Batch
from notifier.outbox.incident import SPACING_SECONDS
from notifier.outcome import Delivered, Failed, Outcome, Reason, Rejected, Unknown
from notifier.render.batch import compose
from tests.integration.conftest import Bench
from tests.integration.incidents import KEY, admit, bench, count, field, is_idle, opened, show

__all__ = ["bench"]

THREAD = "2000000000000000007"
IN_THREAD = {"thread_id": THREAD, "incident_thread": True}
POSTED = Delivered("902", THREAD)


def told(bench: Bench, outcome: Outcome = POSTED) -> dict[str, Any]:
    """Carry what the thread is told; returns the embed."""
    batch = bench.batch()
    payload = compose(batch.messages)
    assert (batch.items[0].request, payload.thread_id) == (Request.REPLY, THREAD)
    bench.commit(batch, outcome)
    bench.tick(1)
    (embed,) = payload.body["embeds"]
    return dict(embed)


def later(bench: Bench) -> None:
    bench.tick(3 * SPACING_SECONDS)


def test_an_update_is_told_in_its_thread_and_its_message_shows_it(bench: Bench) -> None:
    opened(bench, message="Copying", fields={"Host": "db1"}, progress=0.1, **IN_THREAD)
    admit(bench, "half", title=KEY, update=True, progress=0.5, message="Writing")
    news = told(bench)
    assert (news["title"], news["description"], field(news, "Host")) == ("Disk full", "Writing", None)
    assert str(field(news, "Progress")).endswith("50%")
    request, embed = show(bench)
    assert (request, embed["description"], field(embed, "Host")) == (Request.EDIT, "Writing", "db1")
    assert str(field(embed, "Progress")).endswith("50%")
    record = bench.record("half")
    assert (record["status"], record["message_ids"], record["channel_id"]) == ("delivered", ["902", "901"], THREAD)
    assert is_idle(bench)


def test_so_is_the_resolution_and_the_message_turns_green_with_its_text(bench: Bench) -> None:
    opened(bench, message="/var", **IN_THREAD)
    admit(bench, "over", title="Disk is fine", message="cleaned", resolved=True)
    news = told(bench)
    assert (news["title"], news["description"], news["color"]) == ("✅ Disk is fine", "cleaned", 0x2ECC71)
    assert str(field(news, "Resolved")).endswith("came once")
    request, embed = show(bench)
    assert (request, embed["title"], embed["description"]) == (Request.EDIT, "✅ Disk is fine", "cleaned")
    assert is_idle(bench)


def test_a_resolution_that_is_late_undoes_no_repeat_that_came_after_it(bench: Bench) -> None:
    opened(bench, message="/var", **IN_THREAD)
    admit(bench, "over", title="Disk is fine", resolved=True)
    told(bench)
    admit(bench, "again", message="it is back", **IN_THREAD)
    request, embed = show(bench)
    assert (request, embed["title"], embed["description"]) == (Request.EDIT, "Disk full", "/var")


def test_a_repeat_moves_the_count_and_is_told_only_where_it_was_over(bench: Bench) -> None:
    opened(bench, **IN_THREAD)
    admit(bench, "second", message="still", **IN_THREAD)
    request, embed = show(bench)
    assert (request, count(embed), embed["description"]) == (Request.EDIT, 2, "still")
    admit(bench, "over", title=KEY, resolved=True)
    told(bench)
    show(bench)
    later(bench)
    admit(bench, "again", message="it is back", **IN_THREAD)
    news = told(bench)
    assert (news["title"], news["description"]) == ("Disk full", "it is back")
    assert str(field(news, "Flapping")).startswith("1 × again")
    show(bench)
    later(bench)
    admit(bench, "fourth", **IN_THREAD)
    assert show(bench)[0] is Request.EDIT


def test_one_that_replaces_a_message_is_heard_in_its_thread(bench: Bench) -> None:
    opened(bench, **IN_THREAD)
    admit(bench, "failed", title="Import failed", repeat="replace", **IN_THREAD)
    assert told(bench)["title"] == "Import failed"
    assert show(bench)[0] is Request.EDIT


@pytest.mark.parametrize("fields", [{"thread_id": THREAD}, {"incident_thread": True}], ids=repr)
def test_without_the_choice_or_the_thread_it_is_edited_alone(bench: Bench, fields: dict[str, Any]) -> None:
    opened(bench, **fields)
    admit(bench, "half", title=KEY, update=True, progress=0.5, **fields)
    assert show(bench)[0] is Request.EDIT
    assert is_idle(bench)


def test_updates_that_come_together_are_told_together_and_the_last_one_is_shown(bench: Bench) -> None:
    opened(bench, **IN_THREAD)
    for number in range(1, 40):
        admit(bench, f"n{number}", title=KEY, update=True, progress=number / 40, message=f"step {number}")
    assert told(bench)["description"] == "step 39"
    assert show(bench)[1]["description"] == "step 39"
    assert is_idle(bench)


def test_what_comes_between_both_requests_is_told_too_and_nothing_newer_is_undone(bench: Bench) -> None:
    opened(bench, message="Copying", **IN_THREAD)
    admit(bench, "a", title=KEY, update=True, message="half")
    told(bench)
    assert admit(bench, "b", title=KEY, update=True, message="whole") is Admitted.NOW
    batch = bench.batch()
    assert batch.items[0].message.id == "a"
    bench.commit(batch, Failed(Reason.BAD_GATEWAY))
    later(bench)
    while not is_idle(bench):
        batch = bench.batch()
        (embed,) = compose(batch.messages).body["embeds"]
        last = (batch.items[0].request, embed["description"])
        bench.commit(batch, POSTED if batch.items[0].request is Request.REPLY else Delivered("901", THREAD))
        bench.tick(60)
    assert last == (Request.EDIT, "whole")


def test_a_lost_answer_doubles_at_most_what_its_thread_is_told_and_says_so(bench: Bench) -> None:
    opened(bench, message="/var", **IN_THREAD)
    admit(bench, "half", title=KEY, update=True, progress=0.5)
    told(bench, Unknown(Reason.READ_TIMEOUT))
    bench.tick(60)
    batch = bench.batch()
    assert (batch.items[0].request, batch.items[0].maybe_posted) == (Request.REPLY, True)
    bench.commit(batch, POSTED)
    bench.tick(1)
    batch = bench.batch()
    assert (batch.items[0].request, batch.items[0].maybe_posted) == (Request.EDIT, False)
    bench.commit(batch, Unknown(Reason.WORKER_LOST))
    bench.tick(60)
    assert show(bench)[0] is Request.EDIT
    assert is_idle(bench)


def test_a_thread_that_is_gone_costs_a_message_of_its_own(bench: Bench) -> None:
    opened(bench, message="/var", **IN_THREAD)
    admit(bench, "over", title=KEY, resolved=True)
    told(bench, Rejected(Reason.UNKNOWN_CHANNEL, "Unknown Channel"))
    request, embed = show(bench, message_id="903")
    assert (request, embed["title"], embed["description"]) == (Request.POST, "✅ Disk full", "/var")
    assert is_idle(bench)


def test_a_message_that_is_gone_from_its_thread_is_posted_anew(bench: Bench) -> None:
    opened(bench, message="/var", **IN_THREAD)
    admit(bench, "over", title=KEY, resolved=True)
    told(bench)
    assert show(bench, Rejected(Reason.UNKNOWN_CHANNEL, "Unknown Message"))[0] is Request.EDIT
    request, embed = show(bench, message_id="903")
    assert (request, embed["title"], embed["description"]) == (Request.POST, "✅ Disk full", "/var")
    assert is_idle(bench)


def test_a_thread_that_takes_nothing_leaves_it_to_the_message(bench: Bench) -> None:
    opened(bench, message="/var", **IN_THREAD)
    admit(bench, "over", title="Disk is fine", resolved=True)
    told(bench, Rejected(Reason.FORBIDDEN, "Thread is locked"))
    request, embed = show(bench)
    assert (request, embed["title"], bench.record("over")["status"]) == (Request.EDIT, "✅ Disk is fine", "delivered")
    assert is_idle(bench)


def test_who_takes_care_is_shown_by_the_message_alone(bench: Bench) -> None:
    opened(bench, **IN_THREAD)
    admit(bench, "ack", title=None, dedup_seconds=None, acknowledged_by="ops")
    request, embed = show(bench)
    assert (request, bool(field(embed, "Acknowledged"))) == (Request.EDIT, True)


def test_a_storm_of_updates_costs_what_its_seconds_allow(bench: Bench) -> None:
    opened(bench, **IN_THREAD)
    seconds, requests = 60, 0
    for number in range(seconds * 2):
        admit(bench, f"u{number}", title=KEY, update=True, progress=number / 200)
        batch = bench.claim()
        if isinstance(batch, Batch):
            requests += 1
            bench.commit(batch, POSTED)
        bench.tick(0.5)
    assert seconds // SPACING_SECONDS / 2 < requests <= seconds // SPACING_SECONDS + 2
