"""Who watches the self_monitor: what goes wrong is counted once it has happened, and told at most once a period."""

import pytest

from notifier.errors import BrokerUnavailable, NotifierError
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.outbox import STUCK_SECONDS
from notifier.outcome import Answer, Failed, Reason, Rejected, WebhookInfo
from notifier.worker.self_monitor import WORDS, SelfMonitor
from tests.integration.conftest import WEBHOOK, Bench, MakeBench
from tests.names import names

STUCK = "stuck|general|"


class Crier:
    """Takes what a self_monitor raises."""

    def __init__(self) -> None:
        self.heard: list[NotificationMessage] = []
        self.deaf: NotifierError | None = None

    def hand_over(self, message: NotificationMessage) -> None:
        """Hear it, or fail as a publisher would."""
        if self.deaf:
            raise self.deaf
        self.heard.append(message)

    @property
    def titles(self) -> list[str]:
        """What was heard, in short."""
        return [message.title for message in self.heard]


@pytest.fixture
def crier() -> Crier:
    """Nobody has raised anything yet."""
    return Crier()


def self_monitor(bench: Bench, crier: Crier) -> SelfMonitor:
    """One that tells the crier."""
    return SelfMonitor(bench.redis, bench.settings, crier, bench.gate)  # type: ignore[arg-type]


def happened(bench: Bench, cause: str, times: int) -> None:
    """As the scripts count it."""
    bench.redis.hincrby(names.troubles, cause, times)
    bench.redis.expire(names.troubles, 60)


@pytest.fixture
def watched(make_bench: MakeBench) -> Bench:
    """A bench on which two types have webhooks."""
    other = {AlertType.GENERAL: WEBHOOK, AlertType.MONITORING: WEBHOOK}
    return make_bench(webhooks=other, watch_seconds=900.0)


@pytest.mark.parametrize("served", [True, False])
def test_an_outbox_that_does_not_move_is_told_of_whether_or_not_workers_serve_it(bench: Bench, served: bool) -> None:
    bench.admit("a", "b")
    bench.tick(STUCK_SECONDS - 1)
    bench.outbox.sweep(AlertType.GENERAL, served=served)
    assert bench.redis.hget(names.troubles, STUCK) is None
    bench.tick(2)
    wake_up = bench.outbox.sweep(AlertType.GENERAL, served=served)
    assert bench.redis.hget(names.troubles, STUCK) == "1"
    assert served or wake_up is None, "nobody would hear it"


def test_an_outbox_that_moves_is_not_told_of_however_old_its_alerts_are(bench: Bench) -> None:
    bench.admit("goes")
    bench.admit("waits", username="rides alone")
    bench.tick(STUCK_SECONDS - 1)
    bench.commit(bench.batch())
    bench.tick(2)
    bench.outbox.sweep(AlertType.GENERAL)
    assert bench.redis.hget(names.troubles, STUCK) is None


def test_what_moves_again_is_not_told_of_afterwards(bench: Bench) -> None:
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


def test_one_cause_is_told_once_a_quarter_of_an_hour_and_what_came_meanwhile_is_counted(
    watched: Bench, crier: Crier
) -> None:
    cause = "dead_letters|error|expired"
    happened(watched, cause, 2)
    for _ in range(3):
        self_monitor(watched, crier).report()
    assert crier.titles == ["Not delivered: 2 × `error`"]
    key = names.last_notified("dead_letters:error")
    assert 899_000 < watched.redis.pttl(key) <= 900_000
    happened(watched, cause, 5)
    self_monitor(watched, crier).report()
    assert len(crier.heard) == 1
    watched.redis.delete(key)  # as a quarter of an hour does
    self_monitor(watched, crier).report()
    assert crier.titles[1:] == ["Not delivered: 5 × `error`"]


@pytest.mark.parametrize("what", WORDS)
def test_every_cause_is_told_in_words(watched: Bench, crier: Crier, what: str) -> None:
    subject = WEBHOOK.id if what in ("webhook_gone", "breaker_open") else "" if what == "edge_banned" else "error"
    happened(watched, f"{what}|{subject}|", 3)
    self_monitor(watched, crier).report()
    (message,) = crier.heard
    assert "{" not in message.title + message.message
    assert message.source == "notifier"
    assert message.metadata == {"cause": what, "subject": subject}
    assert what == "edge_banned" or "`" in message.title, "it names the type"


def test_what_could_not_be_raised_is_raised_later(watched: Bench, crier: Crier) -> None:
    happened(watched, "folded|error|", 7)
    crier.deaf = BrokerUnavailable("away")
    self_monitor(watched, crier).report()
    crier.deaf = None
    self_monitor(watched, crier).report()
    assert crier.titles == ["Too many alerts of `error`: 7 were folded"]


def test_monitoring_is_told_unless_it_is_the_one_that_fails(make_bench: MakeBench, crier: Crier) -> None:
    bench = make_bench(webhooks={AlertType.MONITORING: WEBHOOK}, watch_seconds=900.0)
    for subject in ("error", "monitoring"):
        happened(bench, f"stuck|{subject}|", 1)
    self_monitor(bench, crier).report()
    told = {message.metadata["subject"]: message.alert_type for message in crier.heard}
    assert told == {"error": AlertType.MONITORING, "monitoring": AlertType.GENERAL}
    bench.admit("a", alert_type=AlertType.MONITORING)
    batch = bench.batch(alert_type=AlertType.MONITORING)
    bench.commit(batch, Rejected(Reason.WEBHOOK_UNKNOWN))
    self_monitor(bench, crier).report()
    assert {message.alert_type for message in crier.heard[2:]} == {AlertType.GENERAL}


def test_general_is_told_while_the_breaker_of_monitoring_is_open(watched: Bench, crier: Crier) -> None:
    watched.redis.hset(names.gate(WEBHOOK.id), mapping={"breaker": "open", "open_until": 0})
    watched.redis.expire(names.gate(WEBHOOK.id), 60)
    happened(watched, "folded|error|", 1)
    self_monitor(watched, crier).report()
    assert [message.alert_type for message in crier.heard] == [AlertType.GENERAL]


def test_zero_seconds_is_silence(make_bench: MakeBench, crier: Crier) -> None:
    bench = make_bench(watch_seconds=0.0)
    happened(bench, STUCK, 1)
    self_monitor(bench, crier).report()
    assert crier.heard == []
