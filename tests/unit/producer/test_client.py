"""A client brings each alert to safety by the first way that takes it, or raises, within one deadline."""

from itertools import product
from typing import Any, NamedTuple

import pytest

from notifier.errors import BrokerUnavailable, QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.admission import Admitted
from notifier.outbox.terms import NO_TERMS, Terms
from notifier.outcome import Status
from notifier.producer.client import Client
from notifier.producer.submitted import SENT_DIRECTLY_NOTE
from notifier.render import batch as batch_module
from tests.unit.producer.surroundings import DIRECT, LEFT, LIMIT_SECONDS, MOMENT_SECONDS, Surroundings

GENERAL = AlertType.GENERAL
AWAY = "Redis failed"
NOTHING = "; nothing was stored"
MAYBE = "; Redis may have stored the alert; to repeat the call with the same id is safe"
DIRECTLY = f"{AWAY}; posted directly: "
POSTED = f"{NOTHING}; Discord may have posted it"
DISPATCHED = ["ping", "admit", "dispatch again"]


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    """Everything takes what it is given."""
    return Surroundings(monkeypatch)


def alert(kind: AlertType = GENERAL, id: str = "a") -> NotificationMessage:
    return NotificationMessage(id=id, title="T", alert_type=kind)


def silence(seconds: str) -> str:
    return f"Redis at nowhere:6379, database 0 did not answer within {seconds} s; does it run, and is REDIS_URL right?"


class Case(NamedTuple):
    """An alert of a kind, with these ways configured, that behave so: what becomes of it."""

    kind: AlertType
    ways: str
    redis: str
    discord: str
    disk: str
    end: Status | str
    tried: list[str]
    logged: str = ""


TAKES = "takes"
CASES = [
    # only Redis
    Case(GENERAL, "", "takes", TAKES, TAKES, Status.QUEUED, DISPATCHED),
    Case(GENERAL, "", "stalls", TAKES, TAKES, Status.QUEUED, DISPATCHED),
    Case(GENERAL, "", "refuses", TAKES, TAKES, AWAY + NOTHING, ["ping"]),
    Case(GENERAL, "", "loses", TAKES, TAKES, AWAY + MAYBE, ["ping", "admit"]),
    Case(GENERAL, "", "silent", TAKES, TAKES, silence("2") + NOTHING, ["ping"]),
    Case(GENERAL, "", "hangs", TAKES, TAKES, silence("2") + MAYBE, ["ping", "admit"]),
    # and a disk
    Case(GENERAL, "disk", "takes", TAKES, TAKES, Status.QUEUED, DISPATCHED),
    Case(GENERAL, "disk", "refuses", TAKES, TAKES, Status.SPOOLED, ["ping", "spool"], f"spooled: {AWAY}"),
    Case(GENERAL, "disk", "silent", TAKES, TAKES, Status.SPOOLED, ["ping", "spool"], f"spooled: {silence('1.5')}"),
    Case(GENERAL, "disk", "loses", TAKES, TAKES, Status.SPOOLED, ["ping", "admit", "spool"], f"spooled: {AWAY}"),
    Case(GENERAL, "disk", "refuses", TAKES, "full", f"the spool is full; {AWAY}{NOTHING}", ["ping", "spool"]),
    Case(GENERAL, "disk", "refuses", TAKES, "broken", f"the spool is broken; {AWAY}{NOTHING}", ["ping", "spool"]),
    Case(GENERAL, "disk", "takes", TAKES, "broken", Status.QUEUED, DISPATCHED),
    # and Discord, for another type
    Case(GENERAL, "direct", "refuses", TAKES, TAKES, AWAY + NOTHING, ["ping"]),
    Case(GENERAL, "disk direct", "refuses", TAKES, TAKES, Status.SPOOLED, ["ping", "spool"], f"spooled: {AWAY}"),
    # and Discord, for this one
    Case(DIRECT, "direct", "takes", TAKES, TAKES, Status.QUEUED, DISPATCHED),
    Case(DIRECT, "direct", "refuses", TAKES, TAKES, Status.SENT_DIRECTLY, ["ping", "post"], f"this process: {AWAY}"),
    Case(DIRECT, "direct", "silent", TAKES, TAKES, Status.SENT_DIRECTLY, ["ping", "post"], f"process: {silence('1')}"),
    Case(DIRECT, "direct", "loses", TAKES, TAKES, Status.SENT_DIRECTLY, ["ping", "admit", "post, maybe a duplicate"]),
    Case(DIRECT, "direct", "hangs", TAKES, TAKES, Status.SENT_DIRECTLY, ["ping", "admit", "post, maybe a duplicate"]),
    Case(DIRECT, "direct", "refuses", "fails", TAKES, DIRECTLY + "bad_gateway" + NOTHING, ["ping", "post"]),
    Case(DIRECT, "direct", "refuses", "silent", TAKES, DIRECTLY + "read_timeout" + POSTED, ["ping", "post"]),
    Case(
        DIRECT,
        "direct",
        "refuses",
        "slow to build",
        TAKES,
        DIRECTLY + "connection_failed" + NOTHING,
        ["ping"],
    ),
    Case(LEFT, "direct", "refuses", "loses", TAKES, DIRECTLY + "connection_lost" + POSTED, ["ping", "post"]),
    # and all of them
    Case(DIRECT, "disk direct", "silent", TAKES, TAKES, Status.SENT_DIRECTLY, ["ping", "post"], silence("0.75")),
    Case(
        *(DIRECT, "disk direct", "refuses", "fails", TAKES, Status.SPOOLED, ["ping", "post", "spool"]),
        f"spooled: {AWAY}; posted directly: bad_gateway",
    ),
    Case(
        *(DIRECT, "disk direct", "refuses", "loses", TAKES, Status.SPOOLED, ["ping", "post", "spool, maybe posted"]),
        f"spooled: {AWAY}; posted directly: connection_lost",
    ),
    Case(
        *(DIRECT, "disk direct", "silent", "silent", TAKES, Status.SPOOLED, ["ping", "post", "spool, maybe posted"]),
        f"spooled: {silence('0.75')}; posted directly: read_timeout",
    ),
    Case(DIRECT, "disk direct", "refuses", "slow to build", TAKES, Status.SPOOLED, ["ping", "spool"]),
    Case(
        DIRECT,
        "disk direct",
        "refuses",
        "fails",
        "full",
        f"the spool is full; {DIRECTLY}bad_gateway{NOTHING}",
        ["ping", "post", "spool"],
    ),
    Case(LEFT, "disk direct", "refuses", "fails", TAKES, Status.SPOOLED, ["ping", "post", "spool"]),
    Case(
        LEFT,
        "disk direct",
        "refuses",
        "loses",
        TAKES,
        DIRECTLY + "connection_lost" + POSTED,
        ["ping", "post"],
    ),
]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda each: f"{each.kind}-{each.ways}-{each.redis}-{each.discord}-{each.disk}"
)
def test_the_first_way_that_takes_an_alert_is_the_last_that_is_tried(
    case: Case, around: Surroundings, caplog: pytest.LogCaptureFixture
) -> None:
    around.set(redis=case.redis, discord=case.discord, disk=case.disk)
    client = around.client(disk="disk" in case.ways, direct="direct" in case.ways)
    if isinstance(case.end, Status):
        submitted = client.submit(alert(case.kind))
        assert submitted.status is case.end
        if case.end is Status.SENT_DIRECTLY:
            result = submitted.result.get()
            assert (result["id"], result["message_id"], result["detail"]) == ("a", "1", SENT_DIRECTLY_NOTE)
            submitted.result.revoke()
            assert submitted.result.state == "SUCCESS", "it is in the channel"
        else:
            assert submitted.result == "result of a"
        safe = case.end in (Status.SPOOLED, Status.SENT_DIRECTLY)
        assert [record.levelname for record in caplog.records if "alert a " in record.message] == ["WARNING"] * safe
    else:
        with pytest.raises(BrokerUnavailable) as raised:
            client.submit(alert(case.kind))
        assert str(raised.value) == case.end
        assert raised.value.maybe_stored is (MAYBE in case.end)
    assert around.tried == case.tried
    assert case.logged in caplog.text


@pytest.mark.parametrize(
    ("terms", "posted"),
    [
        (Terms(), True),
        (Terms(expires_seconds=60), True),
        (Terms(after_seconds=1), False),
        (Terms(expires_seconds=-1), False),
        (Terms(expires_seconds=MOMENT_SECONDS / 2), False),
    ],
    ids=["none", "in time", "postponed", "expired", "expired while Redis was asked"],
)
def test_what_is_not_to_be_posted_now_is_not_posted_directly_and_keeps_its_terms(
    around: Surroundings, terms: Terms, posted: bool
) -> None:
    around.set(redis="refuses")
    with_disk, without = around.client(disk=True, direct=True), around.client(direct=True)
    if posted:
        assert with_disk.submit(alert(DIRECT), terms).status is Status.SENT_DIRECTLY
        return
    assert with_disk.submit(alert(DIRECT), terms).status is Status.SPOOLED
    with pytest.raises(BrokerUnavailable, match=AWAY):
        without.submit(alert(DIRECT), terms)
    assert (around.discord.holds, around.disk.terms) == ([], [terms])


@pytest.mark.parametrize(("callbacks", "warned"), [("{}", 1), ("", 0)])
def test_what_hangs_on_an_alert_that_is_posted_directly_is_said_not_to_be_called(
    around: Surroundings, caplog: pytest.LogCaptureFixture, callbacks: str, warned: int
) -> None:
    around.set(redis="refuses")
    around.client(direct=True).submit(alert(DIRECT), Terms(callbacks=callbacks))
    assert len([each for each in caplog.messages if "is not called" in each]) == warned


def test_behind_spooled_alerts_it_keeps_its_terms_as_well(around: Surroundings) -> None:
    client, terms = around.client(disk=True), Terms(after_seconds=1, callbacks="[]")
    around.set(redis="refuses")
    client.submit(alert(id="first"))
    client.submit(alert(id="next"), terms)
    assert around.disk.terms == [NO_TERMS, terms]


REDIS = ("takes", "refuses", "loses", "silent", "hangs", "stalls", "full")
DISCORD = ("takes", "fails", "loses", "silent", "slow to build")
DISK = ("takes", "full", "broken")
WAYS = list(product((GENERAL, DIRECT, LEFT), (False, True), (False, True), REDIS, DISCORD, DISK, (0, 2)))


def submitted(client: Client, message: NotificationMessage) -> Status | None:
    try:
        return client.submit(message).status
    except (BrokerUnavailable, QueueFull):
        return None


@pytest.mark.slow
def test_every_call_ends_within_its_deadline_and_tells_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, disk, direct, *behave, behind in WAYS:
        around = Surroundings(monkeypatch)
        around.disk.rows = [(f"spooled {number}", kind) for number in range(behind)]
        around.set(**dict(zip(("redis", "discord", "disk"), behave, strict=True)))
        client = around.client(disk=disk, direct=direct)
        begun_at = around.clock.now
        status = submitted(client, alert(kind))
        where = (kind, disk, direct, *behave, behind, around.tried)
        assert around.clock.now - begun_at <= LIMIT_SECONDS, where
        held_by = {
            Status.QUEUED: around.redis.holds,
            Status.SENT_DIRECTLY: around.discord.holds,
            Status.SPOOLED: [each for each, _ in around.disk.rows],
        }
        if status is None:
            assert "a" not in held_by[Status.SPOOLED], where
        else:
            assert "a" in held_by[status], where
        # whoever comes later in the way is told what may have happened before
        twice = "a" in around.redis.holds and "a" in around.discord.holds
        assert not twice or "post, maybe a duplicate" in around.tried, where
        twice = "a" in around.discord.holds and status is Status.SPOOLED
        assert not twice or "spool, maybe posted" in around.tried, where


@pytest.mark.parametrize(("disk", "given"), [(False, [1.0, 1.0]), (True, [0.75, 0.75])])
def test_redis_and_discord_share_what_the_disk_leaves(around: Surroundings, disk: bool, given: list[float]) -> None:
    around.set(redis="silent", discord="silent")
    submitted(around.client(disk=disk, direct=True), alert(DIRECT))
    assert around.clock.given == given


def test_time_that_redis_did_not_need_is_discords(around: Surroundings) -> None:
    around.set(redis="refuses", discord="silent")
    submitted(around.client(direct=True), alert(DIRECT))
    to_redis, to_discord = around.clock.given
    assert to_redis < to_discord < LIMIT_SECONDS


def test_a_full_outbox_is_no_reason_to_go_another_way(around: Surroundings) -> None:
    around.set(redis="full")
    for kind in (GENERAL, DIRECT):
        with pytest.raises(QueueFull):
            around.client(disk=True, direct=True).submit(alert(kind))
    assert around.tried == ["ping", "ping"]


@pytest.mark.parametrize("warm", [False, True])
def test_admit_leaves_the_delivery_task_to_its_caller(around: Surroundings, warm: bool) -> None:
    client = around.client()
    if warm:
        client.submit(alert())
        around.tried.clear()
    assert client.admit(alert()).status is Status.QUEUED
    assert around.tried == (["admit"] if warm else ["ping", "admit"])


@pytest.mark.parametrize("warm", [False, True])
def test_where_a_delivery_task_is_under_way_none_is_sent(around: Surroundings, warm: bool) -> None:
    client = around.client()
    if warm:
        client.submit(alert())
        around.tried.clear()
    around.redis.admitted = Admitted.CARRIED
    assert client.submit(alert()).needs_task is False
    assert around.tried == (["admit"] if warm else ["ping", "admit"])


# warm: no thread, and no ping


def test_a_redis_that_has_just_answered_costs_no_thread(around: Surroundings) -> None:
    client = around.client(direct=True)
    client.submit(alert())
    around.clock.now += 0.9
    client.admit(alert())
    around.clock.now += 0.9
    client.submit(alert())
    assert around.tried == [*DISPATCHED, "admit", "admit", "dispatch"]
    assert len(around.clock.given) == 1
    around.clock.now += 1.1
    client.submit(alert())
    assert len(around.clock.given) == 2, "it is a while ago"


def test_what_may_be_posted_directly_is_never_given_to_a_redis_without_a_deadline(around: Surroundings) -> None:
    client = around.client(direct=True)
    client.submit(alert())
    client.submit(alert(DIRECT))
    assert len(around.clock.given) == 2
    client.submit(alert())
    assert len(around.clock.given) == 2, "its answer counts for others"


def test_a_redis_that_failed_is_met_with_a_deadline_again(around: Surroundings) -> None:
    client = around.client()
    client.submit(alert())
    around.set(redis="loses")
    assert submitted(client, alert()) is None
    assert submitted(client, alert()) is None
    assert len(around.clock.given) == 2


def test_behind_sentinels_each_call_has_a_deadline_of_its_own(around: Surroundings) -> None:
    client = around.client(redis_url="sentinel://one,two/0")
    for _ in range(3):
        client.submit(alert())
    assert len(around.clock.given) == 3


# behind the spool


def spooled(around: Surroundings, kind: AlertType) -> None:
    around.disk.rows.append(("before", kind))


def test_while_alerts_of_its_type_are_spooled_the_next_goes_behind_them(around: Surroundings) -> None:
    spooled(around, GENERAL)
    assert around.client(disk=True).submit(alert()).status is Status.QUEUED
    assert around.tried == ["spool"]
    assert around.redis.holds == ["before", "a"]


def test_behind_spooled_alerts_that_are_not_taken_it_is_spooled_in_time(around: Surroundings) -> None:
    spooled(around, GENERAL)
    around.set(redis="silent")
    begun_at = around.clock.now
    assert around.client(disk=True).submit(alert()).status is Status.SPOOLED
    assert [each for each, _ in around.disk.rows] == ["before", "a"]
    assert around.clock.now - begun_at <= LIMIT_SECONDS


@pytest.mark.parametrize("kind", [AlertType.ERROR, DIRECT])
def test_no_other_type_waits_behind_them_nor_one_that_goes_directly(around: Surroundings, kind: AlertType) -> None:
    spooled(around, GENERAL)
    spooled(around, DIRECT)
    assert around.client(disk=True, direct=True).submit(alert(kind)).status is Status.QUEUED
    assert around.tried == DISPATCHED


@pytest.mark.parametrize("behaves", ["full", "broken"])
def test_a_disk_that_does_not_take_it_lets_it_overtake(around: Surroundings, behaves: str) -> None:
    spooled(around, GENERAL)
    around.set(disk=behaves)
    assert around.client(disk=True).submit(alert()).status is Status.QUEUED
    assert around.redis.holds == ["a"]


@pytest.mark.parametrize(("redis", "starts"), [("takes", 1), ("refuses", 0)])
def test_whoever_reaches_redis_hands_over_what_is_spooled(around: Surroundings, redis: str, starts: int) -> None:
    client: Any = around.client(disk=True)
    spooled(around, AlertType.ERROR)
    around.set(redis=redis)
    client.submit(alert())
    assert client._flusher.starts == starts
    client.flush()
    assert client._flusher.starts == starts + 1


# the HTTP client


def test_an_http_client_is_built_once_and_only_for_a_direct_post(around: Surroundings) -> None:
    client = around.client(direct=True)
    client.submit(alert(DIRECT))
    around.set(redis="refuses")
    submitted(client, alert())
    assert around.discord.builds == 0
    for number in range(3):
        client.submit(alert(DIRECT, str(number)))
    assert around.discord.builds == 1


# a dry run


@pytest.mark.parametrize("ways", ["", "disk", "direct", "disk direct"])
def test_with_task_always_eager_an_alert_is_composed_and_goes_no_way_at_all(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, ways: str
) -> None:
    composed: list[Any] = []
    monkeypatch.setattr(batch_module, "compose", composed.append)
    client = around.client(disk="disk" in ways, direct="direct" in ways)
    around.configuration.task_always_eager = True
    message = alert(DIRECT)
    for take in (client.submit, client.admit):
        taken = take(message)
        assert taken.status is Status.DRY_RUN
        assert (taken.result.state, taken.result.ready(), taken.result.id) == ("SUCCESS", True, "a")
        record = taken.result.get()
        assert (record["status"], record["success"], record["attempts"], record["message_id"]) == (
            "dry_run",
            False,
            0,
            None,
        )
        assert record["message"]["title"] == "T"
    assert composed == [[message], [message]]
    assert around.tried == []
    around.configuration.task_always_eager = False
    assert client.submit(message).status is Status.QUEUED
