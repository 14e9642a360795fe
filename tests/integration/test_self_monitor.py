"""Self-monitoring: a trouble is counted when it happens, and reported at most once a period."""

from typing import cast

import pytest

from notifier.errors import BrokerUnavailable, NotifierError
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.outbox import STUCK_SECONDS
from notifier.outbox.payload import version_of
from notifier.outbox.preparation import prepare
from notifier.outcome import Answer, Failed, Reason, Rejected, WebhookInfo
from notifier.render.batch import compose
from notifier.worker.self_monitor import WORDS, SelfMonitor
from tests.integration.conftest import WEBHOOK, Bench, MakeBench
from tests.names import names
from tests.unit.render.discord_markdown import draw

STUCK = "stuck|general|"


class FakePublisher:
    """Takes the alerts that self-monitoring raises."""

    def __init__(self) -> None:
        self.alerts: list[NotificationMessage] = []
        self.error: NotifierError | None = None

    def submit(self, message: NotificationMessage) -> None:
        """Take an alert, or fail as a publisher would."""
        if self.error:
            raise self.error
        self.alerts.append(message)

    @property
    def titles(self) -> list[str]:
        """The titles of the alerts."""
        return [message.title for message in self.alerts]


@pytest.fixture
def publisher() -> FakePublisher:
    """It has no alert yet."""
    return FakePublisher()


def self_monitor(bench: Bench, publisher: FakePublisher) -> SelfMonitor:
    """Self-monitoring that raises its alerts there."""
    return SelfMonitor(bench.redis, bench.settings, publisher, bench.gate)  # type: ignore[arg-type]


def happened(bench: Bench, cause: str, times: int) -> None:
    """Count a trouble as the scripts do."""
    bench.redis.hincrby(names.troubles, cause, times)
    bench.redis.expire(names.troubles, 60)


@pytest.fixture
def watched(make_bench: MakeBench) -> Bench:
    """A bench on which two types have webhooks."""
    other = {AlertType.GENERAL: WEBHOOK, AlertType.MONITORING: WEBHOOK}
    return make_bench(webhooks=other, watch_seconds=900.0)


@pytest.mark.parametrize("served", [True, False])
def test_an_outbox_that_does_not_move_is_reported_whether_or_not_workers_serve_it(bench: Bench, served: bool) -> None:
    bench.admit("a", "b")
    bench.tick(STUCK_SECONDS - 1)
    bench.outbox.sweep(AlertType.GENERAL, served=served)
    assert bench.redis.hget(names.troubles, STUCK) is None
    bench.tick(2)
    wake_up = bench.outbox.sweep(AlertType.GENERAL, served=served)
    assert bench.redis.hget(names.troubles, STUCK) == "1"
    assert served or wake_up is None, "nobody would hear it"


def test_an_outbox_that_moves_is_not_reported_however_old_its_alerts_are(bench: Bench) -> None:
    bench.admit("goes")
    bench.admit("waits", username="rides alone")
    bench.tick(STUCK_SECONDS - 1)
    bench.commit(bench.batch())
    bench.tick(2)
    bench.outbox.sweep(AlertType.GENERAL)
    assert bench.redis.hget(names.troubles, STUCK) is None


def test_what_moves_again_is_not_reported_afterwards(bench: Bench) -> None:
    bench.admit("a")
    bench.tick(STUCK_SECONDS + 1)
    bench.outbox.sweep(AlertType.GENERAL)
    assert bench.redis.hget(names.troubles, STUCK) == "1"
    bench.commit(bench.batch())
    bench.outbox.sweep(AlertType.GENERAL)
    assert bench.redis.hget(names.troubles, STUCK) is None


def test_a_webhook_that_stays_gone_and_a_breaker_that_stays_open_are_counted_once(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={AlertType.GENERAL: WEBHOOK}, breaker_failures=1)
    bench.admit("a")
    batch = bench.batch()
    bench.commit(batch, Failed(Reason.BAD_GATEWAY))
    bench.commit(batch, Failed(Reason.BAD_GATEWAY))
    bench.tick(100)
    bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY))
    assert bench.redis.hget(names.troubles, f"breaker_open|{WEBHOOK.id}|") == "1"
    bench.tick(1_000)
    bench.commit(bench.batch(), Rejected(Reason.WEBHOOK_UNKNOWN))
    bench.gate.webhook_fetched(
        WEBHOOK, "t", 0, WebhookInfo(Answer(Rejected(Reason.WEBHOOK_UNKNOWN), None, 404), *[None] * 3)
    )
    assert bench.redis.hget(names.troubles, f"webhook_gone|{WEBHOOK.id}|") == "1"


def test_an_alert_that_was_spooled_for_long_has_not_stood_still_here(bench: Bench) -> None:
    bench.outbox.admit(NotificationMessage(title="late"), spooled_seconds=3_600)
    bench.outbox.sweep(AlertType.GENERAL)
    assert bench.redis.hget(names.troubles, STUCK) is None


def test_one_cause_is_reported_once_a_period_and_what_came_meanwhile_is_counted(
    watched: Bench, publisher: FakePublisher
) -> None:
    cause = "dead_letters|error|expired"
    happened(watched, cause, 2)
    watched.redis.set("test:before", 1, px=900_000)
    for _ in range(3):
        self_monitor(watched, publisher).report()
    assert publisher.titles == ["Not delivered: 2 × `error`"]
    key = names.last_notified("dead_letters:error")
    life, of_before = (cast("int", watched.redis.pttl(each)) for each in (key, "test:before"))
    assert 0 < of_before <= life <= 900_000
    happened(watched, cause, 5)
    self_monitor(watched, publisher).report()
    assert len(publisher.alerts) == 1
    watched.redis.delete(key)  # as a quarter of an hour does
    self_monitor(watched, publisher).report()
    assert publisher.titles[1:] == ["Not delivered: 5 × `error`"]
    watched.redis.delete(key)
    self_monitor(watched, publisher).report()
    assert len(publisher.alerts) == 2, "nothing has come since"


OF_ALL_TYPES = ("edge_banned", "redis_unfit")
"""Causes that are neither a type's nor a webhook's."""


@pytest.mark.parametrize("what", WORDS)
def test_every_cause_has_its_words(watched: Bench, publisher: FakePublisher, what: str) -> None:
    subject = WEBHOOK.id if what in ("webhook_gone", "breaker_open") else "" if what in OF_ALL_TYPES else "error"
    happened(watched, f"{what}|{subject}|", 3)
    self_monitor(watched, publisher).report()
    (message,) = publisher.alerts
    assert "{" not in message.title + message.message
    assert message.source == "notifier"
    assert message.metadata == {"cause": what, "subject": subject}
    assert what in OF_ALL_TYPES or "`" in message.title, "it names the type"


def test_a_detail_may_have_any_character(watched: Bench, publisher: FakePublisher) -> None:
    happened(watched, "machine_fault|db1|proxy failed: a|b", 1)
    self_monitor(watched, publisher).report()
    assert "1 × proxy failed: a|b" in publisher.alerts[0].message.replace("\\", "")


@pytest.mark.parametrize("is_off", [False, True])
@pytest.mark.parametrize("what", ["dead_letters", "stuck", "machine_fault", "unreadable"])
def test_what_others_wrote_is_drawn_as_it_stands(
    make_bench: MakeBench, publisher: FakePublisher, what: str, is_off: bool
) -> None:
    bench = make_bench(watch_seconds=900.0, markdown=not is_off)
    subject, detail = "worker_1 *x*", "__init__ *x* @everyone [a](http://b)"
    happened(bench, f"{what}|{subject}|{detail}", 1)
    self_monitor(bench, publisher).report()
    (embed,) = compose([prepare(publisher.alerts[0], bench.settings)]).body["embeds"]
    assert subject in draw(embed["title"]).text
    text = draw(embed["description"])
    assert (detail.replace("_", " ") if what == "stuck" else detail) in text.text
    assert set(text.marks) <= {"code"}


def test_a_reason_word_needs_no_worker_of_a_later_version(watched: Bench, publisher: FakePublisher) -> None:
    happened(watched, "dead_letters|error|webhook_not_configured", 1)
    self_monitor(watched, publisher).report()
    assert publisher.alerts[0].message.startswith("1 × webhook_not_configured.")
    assert version_of(publisher.alerts[0]) == 1


def test_what_could_not_be_raised_is_raised_later(watched: Bench, publisher: FakePublisher) -> None:
    happened(watched, "folded|error|", 7)
    publisher.error = BrokerUnavailable("away")
    self_monitor(watched, publisher).report()
    publisher.error = None
    self_monitor(watched, publisher).report()
    assert publisher.titles == ["Too many alerts of `error`: 7 were folded"]


def test_reports_go_to_monitoring_unless_monitoring_fails(make_bench: MakeBench, publisher: FakePublisher) -> None:
    bench = make_bench(webhooks={AlertType.MONITORING: WEBHOOK}, watch_seconds=900.0)
    for subject in ("error", "monitoring"):
        happened(bench, f"stuck|{subject}|", 1)
    self_monitor(bench, publisher).report()
    told = {message.metadata["subject"]: message.alert_type for message in publisher.alerts}
    assert told == {"error": AlertType.MONITORING, "monitoring": AlertType.GENERAL}
    bench.admit("a", alert_type=AlertType.MONITORING)
    batch = bench.batch(alert_type=AlertType.MONITORING)
    bench.commit(batch, Rejected(Reason.WEBHOOK_UNKNOWN))
    self_monitor(bench, publisher).report()
    assert {message.alert_type for message in publisher.alerts[2:]} == {AlertType.GENERAL}


@pytest.mark.parametrize(
    "fields",
    [
        {"breaker": "open", "open_until": 0},
        {"quarantines": f'[["{WEBHOOK.fingerprint}", "webhook_unknown"]]'},
    ],
    ids=["breaker", "quarantine"],
)
def test_reports_go_to_general_while_the_gate_of_monitoring_is_shut(
    watched: Bench, publisher: FakePublisher, fields: dict[str, str | int]
) -> None:
    watched.redis.hset(names.gate(WEBHOOK.id), mapping=fields)
    watched.redis.expire(names.gate(WEBHOOK.id), 60)
    happened(watched, "folded|error|", 1)
    self_monitor(watched, publisher).report()
    assert [message.alert_type for message in publisher.alerts] == [AlertType.GENERAL]


def test_zero_seconds_is_silence(make_bench: MakeBench, publisher: FakePublisher) -> None:
    bench = make_bench(watch_seconds=0.0)
    happened(bench, STUCK, 1)
    self_monitor(bench, publisher).report()
    assert publisher.alerts == []
