"""What a delivery task does with what its delivery came to, and with an alert that only it knows of."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import Ignore, Reject

from notifier.errors import BrokerUnavailable, DeliveryFailed, QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.batch_item import BatchItem
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import Completed, Empty, NotFound, Throttled, WakeUp
from notifier.outbox.disposition import Action, Disposition
from notifier.outbox.terms import REVOKED_HEADER, TERMS_HEADER, TRIGGER_HEADER
from notifier.outcome import Reason, Status
from notifier.producer.callbacks import CALLBACKS_BYTES_MAX
from notifier.worker.delivery import Detached
from tasks import send_notification
from tasks.celery import pipeline
from tasks.delivery import AWAY_SECONDS, GIVEN_BYTES_MAX, run_delivery
from tasks.notification_task import NotificationTask

ERROR = send_notification["error"]
WAKE_UP = WakeUp(AlertType.ERROR, "token", 3.0)
LINK = [{"task": "any", "args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": False}]


class Parts:
    """Stands in for the parts of a worker. ``deliveries``: what each delivery comes to."""

    def __init__(self) -> None:
        self.deliveries: list[Any] = []
        self.admitted: list[tuple[NotificationMessage, Any]] = []
        self.buried: list[tuple[NotificationMessage, Status, dict[str, Any], str]] = []
        self.details: list[str] = []
        self.announced: list[BatchResult] = []
        self.told: list[tuple[object, ...]] = []
        self.withdrawn: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self.refusal: Exception | None = None
        self.broker_away = False
        self.newer_lives = False
        self.left: list[tuple[Any, ...]] = []

    def deliver(self, _: object) -> Any:
        """One delivery."""
        came_to = self.deliveries.pop(0)
        if isinstance(came_to, Exception):
            raise came_to
        return came_to

    def admit(self, message: NotificationMessage, terms: Any) -> None:
        """Admit, or refuse."""
        if self.refusal:
            raise self.refusal
        self.admitted.append((message, terms))

    def bury(
        self, message: NotificationMessage, status: Status, _: str, detail: str, *, given: str, callbacks: str
    ) -> dict[str, str]:
        """Make a dead letter."""
        self.details.append(detail)
        self.buried.append((message, status, json.loads(given), callbacks))
        return {"id": message.id}

    def announce(self, result: BatchResult, *_: float) -> None:
        """Announce."""
        self.announced.append(result)

    @contextmanager
    def dispatching(self, _: str) -> Iterator[None]:
        """As the publisher's: a broker that is away is logged."""
        try:
            yield
        except ConnectionError:
            assert self.broker_away

    def dispatch(self, args: Any, fields: Any, **options: Any) -> None:
        """Send the task."""
        if self.broker_away:
            raise ConnectionError
        self.sent.append({"args": args, "kwargs": fields, **options})


class Announces:
    """Stands in for the announcer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __call__(self, result: BatchResult, *_: float) -> None:
        self._parts.announce(result)

    def waits(self, *given: object) -> None:
        """Tell Flower, if it waits: tests of the announcer look at that."""
        self._parts.told.append(given)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    parts = Parts()
    for name, part in {
        "delivery_worker": SimpleNamespace(deliver=parts.deliver),
        "publisher": SimpleNamespace(admit=parts.admit, dispatching=parts.dispatching),
        "records": SimpleNamespace(bury=parts.bury),
        "withdrawals": SimpleNamespace(withdraw=parts.withdrawn.append),
        "announcer": Announces(parts),
        "heartbeat": SimpleNamespace(newer_lives=lambda: parts.newer_lives),
        "outbox": SimpleNamespace(admit_newer=lambda *given: parts.left.append(given)),
    }.items():
        monkeypatch.setitem(vars(pipeline), name, part)
    monkeypatch.setattr(NotificationTask, "dispatch", staticmethod(parts.dispatch))
    return parts


def run(*args: Any, fields: dict[str, Any] | None = None, **request: Any) -> Any:
    """Run the task as a worker does, once; what Celery sees of its request at the end."""
    given = {"id": "a", "called_directly": False, "retries": 0, "args": list(args), **request}
    ERROR.push_request(**given)
    try:
        run_delivery(ERROR, args, fields or {})
    except (Ignore, DeliveryFailed, Reject) as end:
        return end, dict(vars(ERROR.request))
    finally:
        ERROR.pop_request()


def test_what_its_delivery_came_to_is_told_with_its_title(parts: Parts) -> None:
    throttled = Throttled(3.0, Reason.RATE_LIMITED, WAKE_UP)
    parts.deliveries = [throttled]
    run(kwargsrepr="title='T'")
    assert parts.told == [("a", AlertType.ERROR, "title='T'", throttled)]


def batch(action: Action, notification_id: str = "a") -> BatchResult:
    item = BatchItem(NotificationMessage(id=notification_id, title="T"), 0, 0)
    return BatchResult((Disposition(item, action, 1, reason="bad_gateway"),), (), WAKE_UP, 2.5, {})


@pytest.mark.parametrize(
    "delivery",
    [
        Completed(),
        Throttled(3.0, Reason.RATE_LIMITED, WAKE_UP),
        batch(Action.COMPLETE),
        batch(Action.RETRY_LATER, "another"),
        Detached(),
    ],
    ids=["completed", "throttled", "delivered", "another one failed", "its request goes on"],
)
def test_it_ends_without_a_word_to_celery(parts: Parts, delivery: Any) -> None:
    parts.deliveries = [delivery]
    end, request = run(callbacks=LINK, errbacks=LINK, chain=LINK, chord=LINK[0], ignore_result=False)
    assert type(end) is Ignore
    assert [request[name] for name in ("callbacks", "errbacks", "chain", "chord")] == [None] * 4
    assert request["ignore_result"] is True


def test_a_request_that_failed_is_a_retry_of_its_own_task_until_its_attempts_are_used_up(parts: Parts) -> None:
    parts.deliveries = [batch(Action.RETRY_LATER)] * 2
    end, request = run()
    assert (type(end), end.args) == (DeliveryFailed, ("bad_gateway", 2.5))
    assert request["retry_wait_seconds"] == 2.5
    end, _ = run(retries=pipeline.settings.retry_attempts)
    assert type(end) is Ignore, "wake-ups carry it from here"


def test_an_alert_that_came_by_name_is_admitted_on_its_terms_and_delivered(parts: Parts) -> None:
    parts.deliveries = [NotFound(), Completed()]
    run(fields={"title": "T"}, callbacks=LINK, **{TERMS_HEADER: {"eta": None, "expires": 60}})
    ((message, terms),) = parts.admitted
    assert (message.id, message.title, message.alert_type) == ("a", "T", AlertType.ERROR)
    assert 59 < terms.expires_seconds <= 60
    assert json.loads(terms.callbacks)["link"] == LINK
    assert (parts.deliveries, parts.withdrawn) == ([], [])


def test_the_trigger_of_an_alert_that_redis_has_lost_raises_none_and_makes_no_dead_letter(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    parts.deliveries = [NotFound(), Empty()]
    end, _ = run(**{TRIGGER_HEADER: True})
    assert type(end) is Ignore
    assert (parts.admitted, parts.buried) == ([], [])
    assert parts.deliveries == [], "it looks for those that rely on it"
    assert "alert a was admitted, and Redis does not know it" in caplog.text


def test_one_that_was_revoked_before_it_came_is_withdrawn(parts: Parts) -> None:
    parts.deliveries = [NotFound(), Completed()]
    run(fields={"title": "T"}, **{REVOKED_HEADER: True})
    assert parts.withdrawn == ["a"]


@pytest.mark.parametrize("full", [False, True])
def test_what_no_outbox_takes_is_buried_whole_and_announced_with_what_hangs_on_it(parts: Parts, full: bool) -> None:
    parts.deliveries = [NotFound()]
    parts.refusal = QueueFull("no room") if full else None
    fields = {"message": "m"} if full else {"titel": "typo"}
    run("T", fields=fields, errbacks=LINK)
    ((message, status, given, callbacks),) = parts.buried
    assert (message.id, status) == ("a", Status.QUEUE_FULL if full else Status.REJECTED)
    assert given == {"args": ["T"], "kwargs": fields, "fields": {"title": "T", **fields}}
    assert json.loads(callbacks)["link_error"] == LINK
    (announced,) = parts.announced
    assert (announced.records, announced.callbacks) == (({"id": "a"},), {"a": callbacks})


@pytest.mark.parametrize("newer_lives", [True, False])
def test_a_field_that_is_not_known_is_left_to_a_worker_of_a_later_version_if_one_lives(
    parts: Parts, newer_lives: bool
) -> None:
    parts.deliveries, parts.newer_lives = [NotFound(), Completed()], newer_lives
    run("T", fields={"priority": "high"}, callbacks=LINK, **{TERMS_HEADER: {"eta": None, "expires": 60}})
    assert [bool(parts.left), bool(parts.buried)] == [newer_lives, not newer_lives]
    if newer_lives:
        ((notification_id, kind, fields, terms),) = parts.left
        assert (notification_id, kind, fields) == ("a", AlertType.ERROR, {"title": "T", "priority": "high"})
        assert 59 < terms.expires_seconds <= 60
        assert json.loads(terms.callbacks)["link"] == LINK


def test_a_value_that_is_wrong_is_wrong_for_any_version(parts: Parts) -> None:
    parts.deliveries, parts.newer_lives = [NotFound()], True
    run(fields={"alert_type": "loud"})
    assert (len(parts.buried), parts.left) == (1, [])


@pytest.mark.slow
def test_of_more_than_an_alert_may_have_a_dead_letter_keeps_the_beginnings_and_says_so(parts: Parts) -> None:
    parts.deliveries = [NotFound()]
    fields = {"titel": "typo", "message": "x" * 2 * GIVEN_BYTES_MAX, "metadata": {"all": "y" * 2 * GIVEN_BYTES_MAX}}
    run(fields=fields)
    ((_, _, given, _),) = parts.buried
    assert (given["args"], given["kwargs"]["titel"]) == ([], "typo")
    assert GIVEN_BYTES_MAX * 0.9 < len(json.dumps(given)) < GIVEN_BYTES_MAX * 1.1
    assert given["kwargs"]["message"].startswith("xxx")
    assert "bytes that were given, the beginnings are kept" in parts.details[0]


def test_what_is_too_long_to_hang_on_an_alert_is_not_stored_and_its_errbacks_are_called_at_once(parts: Parts) -> None:
    parts.deliveries = [NotFound()]
    huge = [{**LINK[0], "kwargs": {"text": "x" * CALLBACKS_BYTES_MAX}}]
    run(fields={"title": "T"}, callbacks=huge, errbacks=LINK)
    ((_, status, given, stored),) = parts.buried
    assert (status, given["kwargs"], stored) == (Status.REJECTED, {"title": "T"}, "")
    assert f"more than {CALLBACKS_BYTES_MAX}" in parts.details[0]
    assert parts.admitted == []
    assert json.loads(parts.announced[0].callbacks["a"])["link_error"] == LINK


@pytest.mark.parametrize("errbacks", [LINK, None])
def test_while_redis_is_away_the_same_dispatch_comes_back_in_a_while(parts: Parts, errbacks: Any) -> None:
    parts.deliveries = [BrokerUnavailable("away")]
    terms = {"eta": None, "expires": 60}
    end, _ = run("T", fields={"source": "s"}, errbacks=errbacks, parent_id="p", retries=1, **{TERMS_HEADER: terms})
    assert type(end) is Ignore
    (sent,) = parts.sent
    assert (sent["args"], sent["kwargs"], sent["task_id"]) == (("T",), {"source": "s"}, "a")
    assert (sent["countdown"], sent["retries"], sent["parent_id"]) == (AWAY_SECONDS, 1, "p")
    assert (sent["headers"], sent.get("link_error")) == ({TERMS_HEADER: terms, TRIGGER_HEADER: None}, errbacks)


def test_what_comes_back_in_a_while_is_still_a_trigger(parts: Parts) -> None:
    parts.deliveries = [BrokerUnavailable("away")]
    run(**{TRIGGER_HEADER: True})
    (sent,) = parts.sent
    assert (sent["kwargs"], sent["headers"][TRIGGER_HEADER]) == ({}, True)


def test_if_the_broker_is_away_as_well_it_keeps_the_message(parts: Parts) -> None:
    parts.deliveries, parts.broker_away = [BrokerUnavailable("away")], True
    end, _ = run(fields={"title": "T"})
    assert (type(end), end.requeue) == (Reject, True)
