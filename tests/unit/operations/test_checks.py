"""A check asks each webhook at most once, never one that must not be asked, and reports what it found."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from notifier.gate.admin import Reservation
from notifier.gate.machines import MachineFault
from notifier.gate.state import Closed, Pause
from notifier.models import AlertType
from notifier.operations import checks as checks_module
from notifier.operations.checks import FRESH_SECONDS, PATIENCE_SECONDS, CheckReport, LastAnswers, WebhookCheck, check
from notifier.outbox.fleet import Holding
from notifier.outcome import (
    Answer,
    Deferred,
    Delivered,
    Failed,
    Outcome,
    Reason,
    Rejected,
    Scope,
    Unknown,
    WebhookInfo,
)
from notifier.webhook import Webhook

WEBHOOK = Webhook("1", SecretStr("fake-token-check"))
OK = Answer(Delivered(None, None), None, 200)
LATER = Answer(Deferred(60, Reason.RATE_LIMITED), None, 429)


@dataclass
class Gate:
    """Stands in for the gates."""

    quarantined: str | None = None
    breaker: str = "closed"
    fetched_seconds_ago: float = FRESH_SECONDS
    is_banned: bool = False
    pauses: tuple[Pause, ...] = ()
    closed: Closed | None = None
    refusals: list[Reservation] = field(default_factory=list)
    reserved: list[str] = field(default_factory=list)
    learned: list[Any] = field(default_factory=list)
    faults: tuple[MachineFault, ...] = ()

    @property
    def machines(self) -> Any:
        """Those that cannot reach Discord."""
        return SimpleNamespace(faults=lambda: self.faults)

    def state(self, webhook: Webhook) -> Any:
        """Of one webhook."""
        return SimpleNamespace(
            quarantined=self.quarantined,
            breaker=self.breaker,
            webhook_fetched_seconds_ago=self.fetched_seconds_ago,
            name="kept",
            channel_id="2",
            pauses=self.pauses,
            closed=self.closed,
        )

    def quarantine_reason(self, webhook_id: str, fingerprint: str) -> str | None:
        """Of one URL."""
        return "webhook_token_invalid" if fingerprint == "old" else None

    def banned(self) -> bool:
        """Of the address."""
        return self.is_banned

    def reserve_fetch(self, webhook: Webhook, token: str) -> Reservation:
        """May it be asked? By and by."""
        self.reserved.append(token)
        return self.refusals.pop(0) if self.refusals else Reservation(5, 0, None)

    def webhook_fetched(self, webhook: Webhook, token: str, claimed_at: int, info: WebhookInfo) -> None:
        """What a fetch taught."""
        assert token == self.reserved[-1], "what is reported is what was reserved"
        self.learned.append((webhook, claimed_at, info))


@dataclass
class Discord:
    """Stands in for the client."""

    answer: Answer = OK
    asked: list[Webhook] = field(default_factory=list)

    def get_webhook(self, webhook: Webhook) -> WebhookInfo:
        """One GET."""
        self.asked.append(webhook)
        return WebhookInfo(self.answer, "3", "4", "fetched")


class Redis:
    """Stands in for Redis."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def ping(self) -> None:
        """Whether it is there."""
        if self._error:
            raise self._error


def checked(gate: Gate, discord: Discord, error: Exception | None = None) -> CheckReport:
    parts: Any = (Redis(error), gate, discord)
    return check(*parts, {AlertType.ERROR: WEBHOOK})


def error_of(report: CheckReport) -> WebhookCheck:
    (found,) = [each for each in report.webhooks if each.alert_type is AlertType.ERROR]
    return found


def test_a_webhook_that_answers_is_asked_once_and_the_gate_learns_it() -> None:
    gate, discord = Gate(), Discord()
    report = checked(gate, discord)
    assert error_of(report) == WebhookCheck(
        AlertType.ERROR, "DISCORD_WEBHOOK_ERRORS", "1", "fetched", "3", breaker="closed"
    )
    assert discord.asked == [WEBHOOK]
    ((learned, claimed_at, info),) = gate.learned
    assert (learned, claimed_at, info.answer) == (WEBHOOK, 5, OK)
    assert (report.valid, report.healthy, report.redis) == (True, True, None)


@pytest.mark.parametrize(
    ("gate", "problem"),
    [
        (Gate(quarantined="webhook_unknown"), Reason.WEBHOOK_QUARANTINED),
        (Gate(is_banned=True, refusals=[Reservation(5, 1, Reason.EDGE_BANNED)]), Reason.EDGE_BANNED),
        (Gate(refusals=[Reservation(5, 60, Reason.GLOBAL_RATE_LIMITED)]), Reason.GLOBAL_RATE_LIMITED),
        (Gate(fetched_seconds_ago=FRESH_SECONDS - 0.01), None),
    ],
    ids=["quarantined", "banned", "paused", "asked just now"],
)
def test_one_that_must_not_be_asked_is_not(gate: Gate, problem: str | None) -> None:
    discord = Discord()
    report = checked(gate, discord)
    assert discord.asked == []
    assert error_of(report).problem == problem
    assert error_of(report).webhook_id == "1"
    assert report.valid is report.healthy is (problem is None)


def test_one_that_fails_is_named_by_its_reason() -> None:
    report = checked(Gate(), Discord(Answer(Failed(Reason.BAD_GATEWAY), None, 502)))
    assert error_of(report).problem == "bad_gateway"
    assert (report.valid, report.healthy) == (False, False)


@pytest.mark.parametrize(
    ("outcome", "wrong"),
    [
        (Deferred(0, Reason.PROXY_FAILED, Scope.MACHINE, "does it run?"), "proxy_failed: does it run?"),
        (Failed(Reason.UNEXPECTED_ANSWER, "HTTP 404, a page"), "unexpected_answer: HTTP 404, a page"),
        (Unknown(Reason.UNEXPECTED_ANSWER, "HTTP 200, a page"), "unexpected_answer: HTTP 200, a page"),
        (Rejected(Reason.WEBHOOK_UNKNOWN, "Unknown Webhook"), None),
    ],
)
def test_what_is_wrong_on_the_way_to_discord_is_said_in_words(outcome: Outcome, wrong: str | None) -> None:
    found = error_of(checked(Gate(), Discord(Answer(outcome, None, None))))
    assert (found.problem, found.wrong) == (outcome.reason, wrong)  # type: ignore[union-attr]


def test_a_machine_that_cannot_reach_discord_is_listed_and_not_healthy() -> None:
    fault = MachineFault("worker-1", "no_network", "does DNS work?")
    report = checked(Gate(faults=(fault,)), Discord())
    assert report.machines == (fault,)
    assert (report.valid, report.healthy) == (True, False)


def test_an_open_breaker_is_valid_and_not_healthy() -> None:
    report = checked(Gate(breaker="open"), Discord())
    assert (report.valid, report.healthy) == (True, False)


def test_a_pause_is_valid_and_not_healthy() -> None:
    pause = Pause(Scope.CHANNEL, Reason.CHANNEL_RATE_LIMITED, 900, 42)
    report = checked(Gate(pauses=(pause,)), Discord())
    assert (report.valid, report.healthy) == (True, False)
    assert error_of(report).holds == ["channel_rate_limited for 900 s, the next probe in 42 s"]


def test_a_gate_that_somebody_has_closed_is_valid_and_not_healthy() -> None:
    report = checked(Gate(closed=Closed("2026-01-31T12:00:00+00:00", "anna", "moving")), Discord())
    assert (report.valid, report.healthy) == (True, False)
    assert error_of(report).holds == ["gate closed by anna: moving"]


def test_a_check_waits_until_others_leave_it_a_request_but_not_for_long() -> None:
    busy = Reservation(5, 0.001, Reason.GLOBAL_RATE_LIMITED)
    gate, discord = Gate(refusals=[busy, busy]), Discord()
    assert error_of(checked(gate, discord)).problem is None
    assert (len(gate.reserved), discord.asked) == (3, [WEBHOOK])
    gate = Gate(refusals=[replace(busy, wait_seconds=PATIENCE_SECONDS + 0.1)])
    assert error_of(checked(gate, discord)).problem == "global_rate_limited"
    assert len(discord.asked) == 1


def test_while_redis_is_away_webhooks_are_asked_all_the_same() -> None:
    gate, discord = Gate(), Discord()
    report = checked(gate, discord, redis.ConnectionError("Error 111 connecting to somewhere:1. Connection refused."))
    assert discord.asked == [WEBHOOK]
    assert gate.learned == []
    assert report.redis is not None
    assert "Connection refused" in report.redis
    assert (report.valid, report.healthy) == (True, False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "seconds"),
    [(OK, FRESH_SECONDS), (Answer(Failed(Reason.BAD_GATEWAY), None, 502), FRESH_SECONDS), (LATER, 60)],
    ids=["answered", "failed", "to wait"],
)
def test_while_redis_is_away_a_process_asks_each_webhook_rarely_however_often_it_is_checked(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, seconds: float
) -> None:
    clock = [0.0]
    monkeypatch.setattr(checks_module.time, "monotonic", lambda: clock[0])
    discord = Discord(answer)
    last: Any = LastAnswers(discord)  # type: ignore[arg-type]
    parts: Any = (Redis(redis.ConnectionError("refused")), Gate(), discord, {AlertType.ERROR: WEBHOOK})
    reports = []
    while clock[0] < 2 * seconds:
        reports.append(check(*parts, last_answers=last))
        clock[0] += 0.5
    assert len(discord.asked) == 2
    assert len(discord.asked) * 3 <= 5 * 2 * seconds / 2, "a third of 5 in 2 s"
    assert len({error_of(report) for report in reports}) == 1, "and says the same each time"


def test_a_type_without_a_webhook_is_listed_and_does_no_harm_but_one_is_needed() -> None:
    report = checked(Gate(), Discord())
    assert [each.alert_type for each in report.webhooks] == list(AlertType)
    others = [each for each in report.webhooks if each.alert_type is not AlertType.ERROR]
    assert {(each.configured, each.problem) for each in others} == {(False, Reason.WEBHOOK_NOT_CONFIGURED)}
    parts: Any = (Redis(), Gate(), Discord())
    assert not check(*parts, {}).valid


def test_workers_that_hold_different_webhooks_are_named_with_what_is_wrong_and_harm_no_health() -> None:
    held = [
        Holding(AlertType.GENERAL, "a@here", "", ""),
        Holding(AlertType.GENERAL, "b@here", "1", "old"),
        Holding(AlertType.GENERAL, "c@here", "1", "new"),
        Holding(AlertType.ERROR, "c@here", "2", "same"),
        Holding(AlertType.ERROR, "d@here", "2", "same"),
    ]
    parts: Any = (Redis(), Gate(), Discord())
    report = check(*parts, {AlertType.ERROR: WEBHOOK}, fleet=lambda: held)
    assert [each.holding for each in report.fleet] == held
    assert [each.problem for each in report.fleet] == [
        *(Reason.WEBHOOK_NOT_CONFIGURED, Reason.WEBHOOK_QUARANTINED),
        *(None, None, None),
    ]
    assert report.disagreements == (AlertType.GENERAL,)
    assert (report.valid, report.healthy) == (True, True)


def test_the_fleet_is_not_asked_for_while_redis_is_away() -> None:
    parts: Any = (Redis(redis.ConnectionError("Connection refused.")), Gate(), Discord())
    asked: list[bool] = []
    assert check(*parts, {}, fleet=lambda: asked.append(True) or []).fleet == ()  # type: ignore[func-returns-value]
    assert asked == []
