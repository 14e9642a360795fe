"""Each outcome of a request means one thing for each notification in it."""

from dataclasses import replace

import pytest

from notifier.message_parts import Author, LinkButton, MessageFile, Poll, PollAnswer
from notifier.models import NotificationMessage
from notifier.outbox.batch_item import BatchItem, Request
from notifier.outbox.disposition import OF_THE_PAYLOAD, Action, decide
from notifier.outbox.progress import Progress
from notifier.outcome import FAULTS, Deferred, Delivered, Failed, Outcome, Reason, Rejected, Scope, Status, Unknown
from notifier.render.ornaments import GIVEN_BY_US, OF_EMBED, OF_MESSAGE, ornaments

THREE = [BatchItem(NotificationMessage(title=title), attempts=1, admitted_at=0) for title in "abc"]


LINK = "https://example.com/a.png"
FULL = BatchItem(
    NotificationMessage(
        title="T",
        author=Author(name="A", url=LINK, icon_url=LINK),
        **dict.fromkeys(("url", "image", "thumbnail", "footer_icon", "avatar_url"), LINK),
        **dict.fromkeys(("username", "content", "thread_name", "source"), "some text"),
        **dict.fromkeys(("tts", "silent"), True),
        mentions=["@here"],
        applied_tags=["1"],
        files=[MessageFile(name="a.txt", content="a")],
        buttons=[LinkButton(label="b", url=LINK)],
        poll=Poll(question="q", answers=[PollAnswer(text="a")]),
        fields={"a": "b"},
    ),
    attempts=1,
    admitted_at=0,
)
"""With every ornament that there is."""


def test_full_has_every_ornament() -> None:
    assert ornaments(FULL.message) == OF_MESSAGE | OF_EMBED


def told(outcome: Outcome, retry_attempts: int = 3, *, sent: bool = True) -> list[tuple[str, int, Status]]:
    return [(each.action, each.attempts, each.status) for each in decide(outcome, THREE, retry_attempts, sent=sent)]


def test_delivered_is_final_for_all_and_an_attempt() -> None:
    assert told(Delivered("1", "2")) == [("complete", 2, Status.DELIVERED)] * 3


def test_a_deferral_spends_no_attempt() -> None:
    assert told(Deferred(5, Reason.RATE_LIMITED)) == [("requeue", 1, Status.QUEUED)] * 3


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Failed(Reason.BAD_GATEWAY), Status.FAILED), (Unknown(Reason.READ_TIMEOUT), Status.UNKNOWN)],
)
def test_a_failure_is_retried_until_the_attempts_are_spent(outcome: Outcome, status: Status) -> None:
    assert told(outcome, retry_attempts=2) == [("retry_later", 2, status)] * 3
    assert told(outcome, retry_attempts=1) == [("attempts_exhausted", 2, status)] * 3


@pytest.mark.parametrize("request_", list(Request))
def test_what_may_be_done_twice_is_done_again_though_its_type_is_left_where_an_answer_is_lost(
    request_: Request,
) -> None:
    item = BatchItem(NotificationMessage(title="T"), 0, 0, request=request_)
    (left,) = decide(Unknown(Reason.READ_TIMEOUT), [item], 3, leave={item.message.alert_type})
    may_double = request_ in (Request.POST, Request.REPLY)
    assert left.action is (Action.COMPLETE if may_double else Action.RETRY_LATER)


def test_what_never_left_this_machine_ends_no_alert_however_often() -> None:
    assert told(Failed(Reason.CONNECTION_FAILED), retry_attempts=0) == [("retry_later", 2, Status.FAILED)] * 3


def test_a_fault_of_the_machine_spends_no_attempt_and_says_what_to_repair() -> None:
    outcome = Deferred(0, Reason.NO_NETWORK, Scope.MACHINE, "DNS")
    assert told(outcome, retry_attempts=0) == [("requeue", 1, Status.QUEUED)] * 3
    assert {each.detail for each in decide(outcome, THREE, 0)} == {"DNS"}


WAITS_AND_ENDS = {
    *("in_flight", "batching", "backing_off", "postponed", "fetching_webhook", "breaker_open", "probe_in_flight"),
    *("rate_limited", "channel_rate_limited", "configured_limit", "global_rate_limited", "edge_banned", "worker_lost"),
    *("queue_full", "expired", "revoked", "forgotten", "left_to_others", "reconciling", "newer_version", "gate_closed"),
}
"""Reasons of what is no failure, or of a worker that is gone."""


def test_every_reason_of_a_failure_is_somebodys_fault() -> None:
    assert {str(reason) for reason in Reason} - WAITS_AND_ENDS == {str(reason) for reason in FAULTS}


def bare(item: BatchItem) -> BatchItem:
    """One that has no ornament left."""
    return replace(item, progress=Progress(left_out=tuple(ornaments(item.message))))


@pytest.mark.parametrize("reason", sorted(OF_THE_PAYLOAD))
def test_a_fault_of_the_payload_rejects_only_the_items_that_discord_names_and_only_bare(reason: Reason) -> None:
    three = [bare(each) for each in THREE]
    dispositions = decide(Rejected(reason, parts=frozenset({(1, "description")})), three, 3)
    assert [(each.action, each.isolate) for each in dispositions] == [
        ("requeue", False),
        ("complete", False),
        ("requeue", False),
    ]
    dispositions = decide(Rejected(reason), three, 3)
    assert [(each.action, each.isolate) for each in dispositions] == [("requeue", True)] * 3, (
        "nobody named: each goes alone"
    )
    assert [each.action for each in decide(Rejected(reason), three[:1], 3)] == ["complete"]


@pytest.mark.parametrize("reason", sorted(OF_THE_PAYLOAD - {Reason.INVALID_MESSAGE}))
def test_one_that_is_named_for_its_text_or_sent_alone_goes_again_bare(reason: Reason) -> None:
    (alone,) = decide(Rejected(reason), [FULL], 3)
    (_, named) = decide(Rejected(reason, parts=frozenset({(1, "title")})), [THREE[0], FULL], 3)
    for each in (alone, named):
        assert (each.action, each.attempts) == ("continue", FULL.attempts)
        assert set(each.progress.left_out) == ornaments(FULL.message)
        assert each.isolate, "its fields go into a file"


@pytest.mark.parametrize(
    ("part", "left_out"),
    [
        *[(name, name) for name in ("avatar_url", "username", "tts", "poll", "applied_tags", "content")],
        ("allowed_mentions.roles.0", "allowed_mentions"),
        ("attachments.0.filename", "attachments"),
        ("components.0.components.1.url", "components"),
    ],
)
def test_what_discord_names_of_a_request_is_left_out_by_all_that_have_it(part: str, left_out: str) -> None:
    outcome = Rejected(Reason.INVALID_PAYLOAD, "why", frozenset({(None, part)}))
    first, plain = decide(outcome, [FULL, THREE[0]], 3)
    assert (first.action, first.progress.left_out, first.isolate) == ("continue", (left_out,), False)
    assert first.detail == f"goes again without {left_out} (why)"
    assert (plain.action, plain.isolate) == ("requeue", False), "nobody is at fault"


@pytest.mark.parametrize(
    ("part", "left_out"),
    [
        *[(name, name) for name in ("url", "color", "timestamp", "author.url", "author.icon_url", "footer.icon_url")],
        ("image.url", "image"),
        ("thumbnail.url", "thumbnail"),
        ("author.name", "author"),
    ],
)
def test_what_discord_names_of_an_embed_is_left_out_of_that_one(part: str, left_out: str) -> None:
    outcome = Rejected(Reason.INVALID_PAYLOAD, "", frozenset({(1, part)}))
    first, second = decide(outcome, [replace(FULL), FULL], 3)
    assert (first.action, first.isolate) == ("requeue", False)
    assert (second.action, second.progress.left_out) == ("continue", (left_out,))


def test_a_forum_and_what_is_none_are_learned_and_a_name_that_was_given_is_an_ornament() -> None:
    outcome = Rejected(Reason.INVALID_PAYLOAD, parts=frozenset({(None, "thread_name")}))
    (learned,) = decide(outcome, [THREE[0]], 3)
    assert (learned.action, learned.progress) == ("continue", Progress(in_forum=True))
    (unlearned,) = decide(outcome, [replace(THREE[0], progress=Progress(in_forum=True))], 3)
    assert (unlearned.action, unlearned.progress) == ("continue", Progress(left_out=("thread_name",)))
    (final,) = decide(outcome, [replace(THREE[0], progress=unlearned.progress)], 3)
    assert final.action == "complete", "it is neither"
    (named,) = decide(outcome, [FULL], 3)
    assert (named.action, named.progress.left_out) == ("continue", ("thread_name",))


def test_what_we_give_every_embed_is_left_out_only_if_it_is_named_or_with_all_else() -> None:
    plain = THREE[0]
    assert ornaments(plain.message) == GIVEN_BY_US
    assert [each.action for each in decide(Rejected(Reason.INVALID_PAYLOAD), [plain], 3)] == ["complete"]
    (named,) = decide(Rejected(Reason.INVALID_PAYLOAD, parts=frozenset({(0, "timestamp")})), [plain], 3)
    assert (named.action, named.progress.left_out) == ("continue", ("timestamp",))


def test_what_is_left_out_already_is_not_what_discord_means() -> None:
    item = replace(FULL, progress=Progress(left_out=("avatar_url",)))
    (again,) = decide(Rejected(Reason.INVALID_PAYLOAD, parts=frozenset({(None, "avatar_url")})), [item], 3)
    assert set(again.progress.left_out) == ornaments(FULL.message), "all that is left goes"


def test_what_discord_is_known_to_refuse_is_left_out_before_it_does() -> None:
    item = BatchItem(NotificationMessage(title="T", url="http://grafana:3000/d/1"), attempts=0, admitted_at=0)
    assert item.left_out == {"url"}


@pytest.mark.parametrize("reason", [Reason.WEBHOOK_UNKNOWN, Reason.WEBHOOK_TOKEN_INVALID])
def test_a_url_that_is_gone_ends_no_alert_and_costs_no_attempt(reason: Reason) -> None:
    assert told(Rejected(reason)) == [("requeue", 1, Status.QUEUED)] * 3


@pytest.mark.parametrize("reason", [Reason.FORBIDDEN, Reason.UNKNOWN_CHANNEL])
def test_a_fault_of_the_webhook_is_final_for_all(reason: Reason) -> None:
    assert told(Rejected(reason)) == [("complete", 2, Status.REJECTED)] * 3


def test_what_was_never_sent_was_no_attempt() -> None:
    assert told(Rejected(Reason.WEBHOOK_NOT_CONFIGURED), sent=False) == [("complete", 1, Status.REJECTED)] * 3


def test_dead_is_final_and_bad() -> None:
    assert not any(each.dead for each in decide(Delivered(None, None), THREE, 3))
    assert not any(each.dead for each in decide(Failed(Reason.BAD_GATEWAY), THREE, 3))
    assert all(each.dead for each in decide(Failed(Reason.BAD_GATEWAY), THREE, 0))
