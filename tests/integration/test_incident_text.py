"""Whose text the message of an incident shows, and what is posted where there is none."""

import pytest

from notifier.outbox.admission import Admitted
from notifier.outbox.batch_item import Request
from notifier.outcome import Delivered, Reason, Rejected
from notifier.render.batch import as_edit, compose
from tests.integration.conftest import Bench
from tests.integration.incidents import CHANNEL, KEY, admit, bench, count, field, is_idle, opened, show

__all__ = ["bench"]

FIRST = {"dedup_text": "first"}


def test_by_choice_a_repeat_moves_the_count_alone(bench: Bench) -> None:
    opened(bench, message="/var", fields={"Used": "97 %"}, **FIRST)
    admit(bench, "second", title="Still full", message="/srv", fields={"Used": "99 %"}, **FIRST)
    request, embed = show(bench)
    assert (request, embed["title"], embed["description"]) == (Request.EDIT, "Disk full", "/var")
    assert (field(embed, "Used"), count(embed)) == ("97 %", 2)


def test_the_first_keeps_its_text_while_it_waits(bench: Bench) -> None:
    assert [admit(bench, each, message=each, **FIRST) for each in ("a", "b")] == [Admitted.NOW, Admitted.COUNTED]
    _, embed = show(bench)
    assert (embed["description"], count(embed)) == ("a", 2)


def test_its_files_stay_where_a_repeat_moves_the_count_alone(bench: Bench) -> None:
    opened(bench, **FIRST)
    admit(bench, "second", **FIRST)
    (item,) = bench.batch().items
    assert item.keeps_files
    assert "attachments" not in as_edit(compose([item.part]), keeps_files=item.keeps_files).body


def test_what_an_update_has_said_stays_and_a_repeat_that_meets_a_waiting_one_keeps_it(bench: Bench) -> None:
    opened(bench, message="/var", **FIRST)
    admit(bench, "update", title=KEY, update=True, message="cleaning up")
    assert admit(bench, "second", message="/srv", **FIRST) is Admitted.COUNTED
    assert show(bench)[1]["description"] == "cleaning up"
    bench.tick(5)
    admit(bench, "third", message="/srv", **FIRST)
    _, embed = show(bench)
    assert (embed["description"], count(embed)) == ("cleaning up", 3)


@pytest.mark.parametrize("is_shown", [True, False])
def test_what_a_resolution_says_is_gone_when_it_comes_again(bench: Bench, *, is_shown: bool) -> None:
    opened(bench, message="/var", **FIRST)
    admit(bench, "over", title="Disk is fine", message="cleaned", resolved=True)
    if is_shown:
        assert show(bench)[1]["title"] == "✅ Disk is fine"
    admit(bench, "again", message="/srv", **FIRST)
    bench.tick(5)
    _, embed = show(bench)
    assert (embed["title"], embed["description"], count(embed)) == ("Disk full", "/var", 2)


def test_a_resolution_that_ends_nothing_is_posted_green_by_choice(bench: Bench) -> None:
    assert admit(bench, "over", title="Disk is fine", resolved=True, if_not_open="post") is Admitted.NOW
    request, embed = show(bench)
    assert (request, embed["title"], embed["color"]) == (Request.POST, "✅ Disk is fine", 0x2ECC71)
    assert "fields" not in embed
    assert (bench.record("over")["status"], is_idle(bench)) == ("delivered", True)
    admit(bench, "first")
    assert show(bench, message_id="902")[0] is Request.POST


def test_the_same_ends_what_is_open_and_leaves_alone_what_is_over(bench: Bench) -> None:
    opened(bench)
    admit(bench, "over", title=KEY, resolved=True, if_not_open="post")
    request, embed = show(bench)
    assert (request, embed["title"]) == (Request.EDIT, "✅ Disk full")
    admit(bench, "over 2", title="Disk is fine", resolved=True, if_not_open="post")
    assert show(bench, message_id="902")[0] is Request.POST
    admit(bench, "again")
    bench.tick(5)
    request, embed = show(bench)
    assert (request, count(embed)) == (Request.EDIT, 2)


def test_a_message_in_a_channel_that_takes_no_named_thread_is_in_none(bench: Bench) -> None:
    admit(bench, "first", thread_name="a post")
    no_forum = Rejected(Reason.INVALID_PAYLOAD, "thread_name", parts=((None, "thread_name"),))
    show(bench, no_forum)
    show(bench)
    bench.tick(10)
    admit(bench, "second")
    batch = bench.batch()
    (item,) = batch.items
    assert (item.request, item.incident and item.incident.thread_id) == (Request.EDIT, None)
    bench.commit(batch, Delivered("901", CHANNEL))
