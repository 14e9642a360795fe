"""Alerts that do not fit are folded: what is kept of them is bounded, and the digest counts them all."""

import pytest

from notifier.errors import QueueFull
from notifier.models import AlertType, NotificationMessage, Severity
from notifier.operations.explain import explain
from notifier.operations.history import NotificationHistory
from notifier.outbox import digest as digest_module
from notifier.outbox.digest import Digests
from notifier.outbox.incident import digest_of
from notifier.render.batch import compose
from notifier.render.load import measure
from tests.integration.conftest import START, Bench, MakeBench, by_test_clock
from tests.names import names
from tests.unit.render.discord_markdown import draw

DIGEST = names.outbox(AlertType.GENERAL, "digest")


@pytest.fixture
def full(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose outbox holds one alert, and has it."""
    monkeypatch.setattr(digest_module, "script", by_test_clock)
    bench = make_bench(queue_size=1)
    bench.admit("fits")
    return bench


def fold(bench: Bench, *titles: str) -> Digests:
    """Fold alerts with these titles, a second apart."""
    flood = Digests(bench.redis, bench.settings)
    for title in titles:
        assert flood.fold(NotificationMessage(id=f"id-{title}", title=title)) == "folded"
        bench.tick(1)
    return flood


def told(bench: Bench, notification_id: str) -> list[str]:
    return [step.what for step in explain(bench.redis, names, bench.records, notification_id)]


def test_the_digest_counts_every_alert_however_many_titles_it_can_tell_apart(
    full: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest_module, "TITLES_MAX", 3)
    flood = fold(full, *(f"t{number}" for number in range(8)))
    assert full.redis.hlen(DIGEST) <= 3 + 4, "count, first, last, others, and the titles"
    full.commit(full.batch())
    assert flood.admit(AlertType.GENERAL)
    full.tick(1)
    (message,) = full.batch().messages
    assert message.title == "8 more"
    told = [line.split(" × ") for line in message.message.splitlines()]
    assert sum(int(times) for times, _ in told) == 8
    assert told[-1][1] == "others"
    assert [field.value for field in message.fields] == ["2027-01-15 08:00:00 UTC", "2027-01-15 08:00:07 UTC"]


def test_records_of_folded_alerts_are_bounded_and_the_oldest_are_dropped(
    full: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest_module, "FOLDED_MAX", 3)
    fold(full, *(f"t{number}" for number in range(5)))
    kept = ["id-t2", "id-t3", "id-t4"]
    for key in (
        names.folded(AlertType.GENERAL),
        names.history(AlertType.GENERAL),
        names.history(AlertType.GENERAL, "folded"),
    ):
        assert full.redis.zrange(key, 0, -1) == kept
    assert [full.redis.exists(names.notification(f"id-t{number}")) for number in range(5)] == [0, 0, 1, 1, 1]
    assert full.redis.hget(DIGEST, "count") == "5", "the digest tells of all"
    assert full.record("id-t4")["finished_at"].startswith("2027-01-15T08:00:0")


def test_a_digest_takes_a_place(full: Bench, make_bench: MakeBench) -> None:
    fold(full, "a")
    full.commit(full.batch())
    roomy = make_bench(queue_size=12)
    roomy.redis.delete(names.memory)  # as it is after a minute
    roomy.admit("before")
    assert Digests(roomy.redis, roomy.settings).admit(AlertType.GENERAL)
    roomy.admit(*(f"after {number}" for number in range(10)))
    with pytest.raises(QueueFull):
        roomy.admit("one more")
    assert roomy.outbox.depth(AlertType.GENERAL) == 12


def test_a_digest_goes_though_the_flood_lasts(full: Bench) -> None:
    flood = fold(full, "a", "b")
    assert not flood.admit(AlertType.GENERAL), "no room, and it is young"
    full.redis.hset(DIGEST, "first_at", 1)
    assert flood.admit(AlertType.GENERAL)
    assert full.outbox.depth(AlertType.GENERAL) == 2, "one above the bound"
    fold(full, "c")
    full.redis.hset(DIGEST, "first_at", 1)
    assert not flood.admit(AlertType.GENERAL), "and never two"


def test_if_there_is_room_nothing_is_folded(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1)
    assert Digests(bench.redis, bench.settings).fold(NotificationMessage(title="fits")) == "room"


def test_what_waits_is_not_folded_though_it_is_raised_again_and_neither_is_what_was_folded(full: Bench) -> None:
    fold(full, "once")
    flood = Digests(full.redis, full.settings)
    assert flood.fold(NotificationMessage(id="fits", title="fits")) == "known"
    assert flood.fold(NotificationMessage(id="id-once", title="once")) == "known"
    assert full.redis.hget(DIGEST, "count") == "1"
    assert [message.id for message in full.batch().messages] == ["fits"]


def test_what_was_folded_names_its_digest_before_that_is_sent_and_afterwards(full: Bench) -> None:
    digests = fold(full, "a", "b")
    digest = full.record("id-a")["digest"]
    assert told(full, "id-a") == [
        'met a full outbox as general: "a"',
        f"folded into a digest: {digest}, which waits for room",
    ]
    full.commit(full.batch())
    assert digests.admit(AlertType.GENERAL)
    fold(full, "later")
    full.tick(1)
    assert [message.id for message in full.batch().messages] == [digest]
    assert [told(full, each)[-1] for each in ("id-a", "id-b")] == [f"folded into a digest: {digest}"] * 2
    assert full.record("id-later")["digest"] != digest


def test_one_of_an_incident_that_was_folded_names_its_digest_too(full: Bench) -> None:
    alert = NotificationMessage(id="again", title="again", dedup_key="disk")
    full.redis.hset(names.incident("general", digest_of("disk")), mapping={"message_id": "900", "seen_at": START})
    full.redis.expire(names.incident("general", digest_of("disk")), 60)
    Digests(full.redis, full.settings).fold(alert)
    assert "folded into a digest: digest-" in told(full, "again")[1]


def test_a_digest_leads_to_what_it_counts(full: Bench) -> None:
    fold(full, "a", "b")
    digest = full.record("id-a")["digest"]
    found = NotificationHistory(full.redis, full.records, full.settings).query(search=digest)
    assert [each["id"] for each in found] == ["id-b", "id-a"]


def test_a_digest_that_redis_has_forgotten_to_have_sent_is_sent_under_another_id(full: Bench) -> None:
    digests = fold(full, "a")
    digest = full.record("id-a")["digest"]
    full.commit(full.batch())
    full.redis.set(names.notification(digest), "what a commit has stored again", ex=60)
    assert digests.admit(AlertType.GENERAL)
    full.tick(1)
    (message,) = full.batch().messages
    assert message.id.startswith("digest-")
    assert message.id != digest


def test_of_what_version_0_2_folds_or_sends_no_digest_is_named(full: Bench) -> None:
    digests = fold(full, "a")
    full.redis.hdel(DIGEST, "id")  # as if it had begun it
    full.commit(full.batch())
    assert digests.admit(AlertType.GENERAL)
    assert told(full, "id-a")[-1] == "folded into a digest"
    full.tick(1)
    assert [message.title for message in full.batch().messages] == ["1 more"]


def test_a_fold_is_reported(full: Bench) -> None:
    fold(full, "a", "b")
    assert full.redis.hget(names.troubles, "folded|general|") == "2"


def test_a_digest_takes_the_place_of_what_it_was_made_of_in_one_step(full: Bench) -> None:
    digests = fold(full, "a")
    full.commit(full.batch())
    assert digests.admit(AlertType.GENERAL)
    assert full.redis.exists(DIGEST) == 0
    fold_again = Digests(full.redis, full.settings)
    assert fold_again.fold(NotificationMessage(id="id-b", title="b")) == "folded"
    full.tick(1)
    assert [message.title for message in full.batch().messages] == ["1 more"]
    assert full.redis.hget(DIGEST, "count") == "1", "what came later is in the next"


def test_a_digest_is_an_alert_like_any_other(full: Bench) -> None:
    digests = Digests(full.redis, full.settings)
    for number, title in enumerate(('quoted "title" / é 🔥', "x" * 300)):
        assert digests.fold(NotificationMessage(id=f"id-{number}", title=title)) == "folded"
    full.commit(full.batch())
    assert digests.admit(AlertType.GENERAL)
    full.tick(1)
    batch = full.batch()
    (message,) = batch.messages
    assert batch.unreadable == ()
    assert 'quoted "title" / é 🔥' in message.message
    assert max(map(len, message.message.splitlines())) <= len("1 × ") + digest_module.TITLE_CHARACTERS
    assert (message.severity, message.alert_type) == (Severity.WARNING, AlertType.GENERAL)
    counted = full.redis.hget(names.notification(message.id), "characters")
    assert int(str(counted)) == measure(message).characters
    assert full.redis.hget(names.notification(message.id), "share") == measure(message).batch_key


def test_a_digest_lists_the_most_frequent_titles_first(full: Bench) -> None:
    digests = Digests(full.redis, full.settings)
    for number, title in enumerate("abbcccb"):
        assert digests.fold(NotificationMessage(id=f"id-{number}", title=title)) == "folded"
    full.commit(full.batch())
    assert digests.admit(AlertType.GENERAL)
    full.tick(1)
    (message,) = full.batch().messages
    assert message.message.splitlines() == ["3 × b", "3 × c", "1 × a"]


def test_a_digest_shows_so_many_titles_and_counts_the_others(full: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_module, "TITLES_SHOWN", 2)
    digests = Digests(full.redis, full.settings)
    for number, title in enumerate("abbcccbd"):
        digests.fold(NotificationMessage(id=f"id-{number}", title=title))
    full.commit(full.batch())
    assert digests.admit(AlertType.GENERAL)
    full.tick(1)
    (message,) = full.batch().messages
    assert message.message.splitlines() == ["3 × b", "3 × c", "2 × others"]
    assert [field.inline for field in message.fields] == [True, True]


def test_a_digest_draws_the_titles_as_they_stand(full: Bench) -> None:
    titles = [
        "__init__ *x* @everyone [a](http://b)",
        "**never closed",
        "closed elsewhere**",
        "see https://a.invalid/_b_",
    ]
    digests = fold(full, *titles)
    full.commit(full.batch())
    assert digests.admit(AlertType.GENERAL)
    full.tick(1)
    (embed,) = compose(full.batch().messages).body["embeds"]
    drawn = draw(embed["description"])
    assert sorted(drawn.text.splitlines()) == sorted(f"1 × {title}" for title in titles)
    assert drawn.marks == []
    assert "https://a.invalid/_b_" in drawn.links


def test_a_digest_that_is_too_long_to_share_a_request_is_sent_alone(full: Bench, make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=5)
    now = bench.gate.now()
    folded = {"title:" + "x" * 5_000: 1, "first_at": now, "last_at": now}  # version 0.1 kept titles whole
    bench.redis.hset(DIGEST, mapping=folded)
    bench.redis.expire(DIGEST, 60)
    bench.commit(bench.batch())
    assert Digests(bench.redis, bench.settings).admit(AlertType.GENERAL)
    bench.admit("next")
    bench.tick(1)
    assert [message.title for message in bench.batch().messages] == ["1 more"]
