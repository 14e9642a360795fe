"""The alert that waits to be shown stands for those that joined it: it goes, and stays, as each of them would."""

from typing import Any

import pytest

from notifier.errors import QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox import admission as admission_module
from notifier.outbox import incident as incident_module
from notifier.outbox.admission import Admitted
from notifier.outbox.batch_item import Request
from notifier.outbox.claim import Throttled
from notifier.outbox.incident import SPACING_SECONDS, digest_of
from notifier.outbox.preparation import prepare
from notifier.outbox.terms import Terms
from notifier.outbox.withdrawals import Withdrawal
from notifier.outcome import Delivered, Failed, Reason, Rejected
from notifier.render.batch import compose
from tests.integration.conftest import WEBHOOK, Bench, MakeBench
from tests.integration.incidents import CHANNEL, KEY, admit, bench, count, field, is_idle, opened, show
from tests.names import names

__all__ = ["bench"]

GENERAL = AlertType.GENERAL
INCIDENT = names.incident(GENERAL, digest_of(KEY))


def raised(bench: Bench, notification_id: str, terms: Terms, **fields: Any) -> Admitted:
    given = {"title": "Disk full", "dedup_key": KEY, **fields}
    return bench.outbox.admit(prepare(NotificationMessage(id=notification_id, **given), bench.settings), terms)


def reason_to_wait(bench: Bench) -> Reason:
    claim = bench.claim()
    assert isinstance(claim, Throttled), claim
    return claim.reason


def test_an_alert_does_not_wait_for_the_countdown_of_another(bench: Bench) -> None:
    raised(bench, "in an hour", Terms(after_seconds=3_600))
    assert raised(bench, "now", Terms(), message="now") is Admitted.HASTENED
    request, embed = show(bench)
    assert (request, embed["description"]) == (Request.POST, "now")


def test_one_that_backs_off_does_so_whatever_joins_it(bench: Bench) -> None:
    admit(bench, "first")
    bench.commit(bench.batch(), Failed(Reason.SERVER_ERROR), retry_wait_seconds=60)
    admit(bench, "second")
    bench.tick(30)
    assert reason_to_wait(bench) is Reason.BACKING_OFF


def test_a_resolution_waits_for_no_edit_but_for_what_backs_off(bench: Bench) -> None:
    opened(bench)
    admit(bench, "second")
    show(bench)
    admit(bench, "third")
    assert isinstance(bench.claim(), Throttled)
    admit(bench, "over", title=KEY, resolved=True)
    batch = bench.batch()
    bench.commit(batch, Failed(Reason.SERVER_ERROR), retry_wait_seconds=60)
    admit(bench, "over again", title=KEY, resolved=True)
    bench.tick(30)
    assert reason_to_wait(bench) is Reason.BACKING_OFF


def test_of_two_that_wait_the_later_goes_on_waiting_for_others(bench: Bench) -> None:
    opened(bench)
    admit(bench, "fails")
    batch = bench.batch()
    admit(bench, "waits")
    bench.commit(batch, Failed(Reason.SERVER_ERROR), retry_wait_seconds=1)
    bench.tick(1)
    assert bench.batch().items[0].message.id == "fails"
    assert admit(bench, "joins") is Admitted.COUNTED


def test_what_waits_for_one_that_is_forgotten_waits_for_itself(bench: Bench) -> None:
    opened(bench)
    admit(bench, "forgotten")
    bench.redis.delete(names.notification("forgotten"))
    assert admit(bench, "next") is Admitted.NOW


def test_an_update_of_what_is_over_begins_another(bench: Bench) -> None:
    opened(bench)
    admit(bench, "over", title=KEY, resolved=True)
    show(bench)
    admit(bench, "update", title=KEY, update=True, message="late")
    request, embed = show(bench, message_id="902")
    assert (request, field(embed, "Before") is not None) == (Request.POST, True)


def test_an_alert_does_not_expire_with_another(bench: Bench) -> None:
    raised(bench, "soon over", Terms(expires_seconds=5))
    raised(bench, "stays", Terms(), message="stays")
    bench.tick(60)
    batch = bench.batch()
    assert (batch.blocked, batch.items[0].message.message) == (None, "stays")


def test_nor_does_one_that_has_no_expiry_expire_with_another(bench: Bench) -> None:
    raised(bench, "stays", Terms())
    raised(bench, "soon over", Terms(expires_seconds=5))
    bench.tick(60)
    assert bench.batch().blocked is None


def test_the_latest_expiry_counts(bench: Bench) -> None:
    for seconds in (50, 100, 5):
        raised(bench, f"{seconds}", Terms(expires_seconds=seconds))
    bench.tick(90)
    assert bench.batch().blocked is None


def test_what_is_joined_late_in_its_life_expires_as_the_newest_does(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, expire_seconds=100)
    admit(bench, "first")
    bench.tick(90)
    admit(bench, "second")
    bench.tick(90)
    assert bench.batch().blocked is None


def test_one_that_shows_others_too_is_withdrawn_no_more(bench: Bench) -> None:
    opened(bench)
    for each in ("a", "b"):
        admit(bench, each, message=each)
    assert bench.withdrawals.withdraw("a") is Withdrawal.TOO_LATE
    _, embed = show(bench)
    assert (embed["description"], count(embed), bench.record("a")["revoke"]) == ("b", 3, "too_late")


def test_one_that_is_withdrawn_was_not_there(bench: Bench) -> None:
    raised(bench, "opens", Terms(after_seconds=3_600))
    assert bench.withdrawals.withdraw("opens") is Withdrawal.WITHDRAWN
    assert not bench.redis.exists(INCIDENT)
    opened(bench)
    admit(bench, "again")
    bench.withdrawals.withdraw("again")
    assert is_idle(bench)
    admit(bench, "third")
    assert count(show(bench)[1]) == 2


def test_a_withdrawn_update_takes_nothing_off_the_count(bench: Bench) -> None:
    opened(bench)
    admit(bench, "update", title=KEY, update=True)
    bench.withdrawals.withdraw("update")
    admit(bench, "again")
    assert count(show(bench)[1]) == 2


def test_what_came_while_the_first_was_refused_opens_it_in_its_place(bench: Bench) -> None:
    admit(bench, "refused")
    batch = bench.batch()
    admit(bench, "taken")
    bench.commit(batch, Rejected(Reason.INVALID_PAYLOAD, "no"))
    bench.tick(SPACING_SECONDS)
    request, embed = show(bench)
    assert (request, count(embed)) == (Request.POST, 2)
    bench.tick(SPACING_SECONDS)
    admit(bench, "third")
    request, embed = show(bench)
    assert (request, count(embed), field(embed, "Before")) == (Request.EDIT, 3, None)


def test_one_whose_incident_is_forgotten_is_posted_and_leaves_no_key_without_a_life(bench: Bench) -> None:
    opened(bench)
    admit(bench, "again", message="again")
    bench.redis.delete(INCIDENT)
    batch = bench.batch()
    assert not bench.redis.exists(INCIDENT)
    assert compose(batch.messages).body["embeds"][0]["description"] == "again"
    bench.commit(batch, Delivered("902", CHANNEL))
    assert not bench.redis.exists(INCIDENT)
    assert bench.record("again")["status"] == "delivered"


def test_a_text_of_a_later_version_is_left_to_workers_of_that(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(bench)
    admit(bench, "known")
    monkeypatch.setattr(admission_module, "version_of", lambda _: 99)
    admit(bench, "later")
    assert reason_to_wait(bench) is Reason.NEWER_VERSION
    monkeypatch.setattr(admission_module, "version_of", lambda _: 1)
    admit(bench, "earlier", dedup_text="first")
    assert reason_to_wait(bench) is Reason.NEWER_VERSION


def test_what_waits_is_bounded_in_bytes_whatever_joins_it(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, memory_bytes_max=400_000)
    bench.admit("fills", message="m" * 300_000)
    for each, text in (("first", "first"), ("large", "m" * 200_000)):
        admit(bench, each, message=text)
    assert '"message":"first"' in str(bench.redis.hget(names.notification("first"), "message"))
    assert admit(bench, "small", message="small") is Admitted.COUNTED
    assert '"message":"small"' in str(bench.redis.hget(names.notification("first"), "message"))


def test_what_joined_counts_among_the_bytes_that_wait(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, memory_bytes_max=400_000)
    admit(bench, "first")
    assert admit(bench, "large", message="m" * 300_000) is Admitted.COUNTED
    with pytest.raises(QueueFull):
        bench.admit("other", message="m" * 200_000)


def test_a_repeat_with_a_countdown_is_shown_when_that_is_over(bench: Bench) -> None:
    opened(bench)
    raised(bench, "in a minute", Terms(after_seconds=60))
    bench.tick(59)
    assert reason_to_wait(bench) is Reason.POSTPONED
    bench.tick(1)
    assert show(bench)[0] is Request.EDIT


def test_of_a_long_text_nothing_is_kept_for_updates(bench: Bench) -> None:
    opened(bench, message="m" * 33_000)
    assert not bench.redis.hexists(INCIDENT, "message")
    admit(bench, "short", message="short")
    show(bench)
    assert bench.redis.hexists(INCIDENT, "message")


def test_the_newest_text_is_shown_whatever_its_id_is(bench: Bench) -> None:
    admit(bench, "50%1 é", message="first")
    admit(bench, "%0", message="newest")
    assert bench.redis.hget(names.notification("50%1 é"), "message") is not None
    assert show(bench)[1]["description"] == "newest"
    assert bench.record("50%1 é")["status"] == "delivered"


def test_of_those_that_are_counted_the_newest_are_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident_module, "COUNTED_MAX", 3)
    for number in range(6):
        admit(bench, f"n{number}")
        bench.tick(1)
    assert bench.redis.zrange(names.history(GENERAL, "repeated"), 0, -1) == ["n3", "n4", "n5"]
    assert not bench.redis.exists(names.notification("n1"), names.result("n1"))
    assert count(show(bench)[1]) == 6


def test_what_ended_nothing_says_so(bench: Bench) -> None:
    admit(bench, "over", title=KEY, resolved=True)
    assert bench.record("over")["detail"] == "no incident was open"


def test_what_has_waited_on_a_disk_counts_from_when_it_was_raised(bench: Bench) -> None:
    def handed_over(notification_id: str, spooled_seconds: float, **fields: Any) -> None:
        message = NotificationMessage(id=notification_id, title="Disk full", dedup_key=KEY, **fields)
        bench.outbox.admit(prepare(message, bench.settings), spooled_seconds=spooled_seconds)

    for number, seconds in enumerate((600, 300, 400)):
        handed_over(f"{number}", seconds)
    handed_over("over", 60, resolved=True)
    _, embed = show(bench)
    assert field(embed, "Repeated") == "× 3 · first <t:1799999420:T> · last <t:1799999720:T>"
    assert field(embed, "Resolved") == "<t:1799999960:T>, after 9 min; came 3 times"


@pytest.mark.parametrize("key", ["{fields.Missing}", "{source}", "{source} {url}"])
def test_a_key_of_nothing_is_none(bench: Bench, key: str) -> None:
    """Alerts without a source have nothing in common."""
    for each in ("a", "b"):
        assert admit(bench, each, dedup_key=key) is Admitted.NOW
    assert len(bench.batch().items) == 2
    assert admit(bench, "over", title=key, dedup_key=key, resolved=True) is Admitted.COUNTED
    assert bench.record("over")["status"] == "not_open"
