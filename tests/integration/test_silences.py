"""What a silence matches is in the history and is not posted; its end tells what it has kept away."""

from typing import Any

import pytest

from notifier.errors import InvalidMessage, NotificationNotFound
from notifier.models import AlertType, NotificationMessage
from notifier.outbox import silences as silences_module
from notifier.outbox.admission import Admitted
from notifier.outbox.silences import SILENCES_MAX, Silences
from notifier.outbox.terms import Terms
from notifier.storage.scripts import script
from notifier.worker.silence_watch import SilenceWatch
from tests.integration.conftest import SECOND, START, WEBHOOK, Bench, MakeBench, by_test_clock
from tests.names import names

GENERAL, MONITORING = AlertType.GENERAL, AlertType.MONITORING


class Quiet:
    """Silences on a bench, and its client."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.silences = Silences(bench.redis, bench.settings)
        self.told: list[NotificationMessage] = []

    def submit(self, message: NotificationMessage) -> None:
        self.told.append(message)

    def watch(self) -> None:
        SilenceWatch(self.silences, self).report()  # type: ignore[arg-type]

    def admit(self, notification_id: str, **fields: Any) -> Admitted:
        given = {"title": "Disk full", **fields}
        return self.bench.outbox.admit(NotificationMessage(id=notification_id, **given))


@pytest.fixture
def quiet(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> Quiet:
    """A bench, and silences by its clock."""
    monkeypatch.setattr(silences_module, "script", by_test_clock)
    bench = make_bench(webhooks={GENERAL: WEBHOOK})
    monkeypatch.setattr(silences_module, "clock", lambda client: int(client.get("test:clock")))
    assert script
    return Quiet(bench)


def test_a_silenced_alert_is_in_the_history_and_not_posted(quiet: Quiet) -> None:
    silence = quiet.silences.add({"title": "disk*"}, 60, by="ops", why="migration")
    assert quiet.admit("a") is Admitted.COUNTED
    assert quiet.bench.outbox.depth(GENERAL) == 0
    record = quiet.bench.record("a")
    assert (record["status"], record["detail"]) == ("silenced", f"by the silence {silence.id}")
    assert quiet.bench.redis.zrange(names.history(GENERAL, "silenced"), 0, -1) == ["a"]
    assert quiet.admit("b", title="Ping") is Admitted.NOW
    assert quiet.admit("a") is Admitted.KNOWN


@pytest.mark.parametrize(
    ("match", "given", "matches"),
    [
        ({"title": "DISK*"}, {}, True),
        ({"title": "*full"}, {}, True),
        ({"title": "d?sk full"}, {}, True),
        ({"title": "*d*isk*full*"}, {}, True),
        ({"title": "disk"}, {}, False),
        ({"title": "*full"}, {"title": "disk full!"}, False),
        ({"title": "*a*a*a*a*a*a*a*b"}, {"title": "a" * 5_000}, False),
        ({"title": "?"}, {"title": "ü"}, True),
        ({"title": "??"}, {"title": "ü"}, False),
        ({"title": "100 % [x]"}, {"title": "100 % [x]"}, True),
        ({"title": "100 % [x]"}, {"title": "100 % x"}, False),
        ({"title": "*"}, {"title": "a\nb"}, True),
        ({"source": "db?"}, {"source": "db1"}, True),
        ({"source": "db?"}, {}, False),
        ({"fields.Mount": "/var*"}, {"fields": {"Mount": "/var/lib"}}, True),
        ({"fields.Mount": "/var*"}, {"fields": {"mount": "/var/lib"}}, False),
        ({"title": "disk*", "source": "db1"}, {"source": "db2"}, False),
        ({"dedup_key": "disk/*"}, {"dedup_key": "disk/db1"}, True),
    ],
)
def test_all_that_is_named_has_to_match(
    quiet: Quiet, match: dict[str, str], given: dict[str, Any], matches: bool
) -> None:
    quiet.silences.add(match, 60)
    assert (quiet.admit("a", **given) is Admitted.COUNTED) is matches


@pytest.mark.parametrize(
    ("of", "forced", "kind", "matches"),
    [
        (None, False, "general", True),
        (None, False, "critical", False),
        (None, True, "security", True),
        (None, False, "security", False),
        (MONITORING, False, "general", False),
        (AlertType.CRITICAL, True, "critical", True),
    ],
)
def test_critical_and_security_alerts_are_silenced_by_force_alone(
    quiet: Quiet, of: AlertType | None, forced: bool, kind: str, matches: bool
) -> None:
    quiet.silences.add({"title": "*"}, 60, alert_type=of, forced=forced)
    assert (quiet.admit("a", alert_type=kind) is Admitted.COUNTED) is matches


@pytest.mark.parametrize("forced", [False, True])
def test_so_are_alerts_of_other_types_whose_severity_is_critical(quiet: Quiet, *, forced: bool) -> None:
    quiet.silences.add({"title": "*"}, 60, forced=forced)
    assert (quiet.admit("a", severity="critical") is Admitted.COUNTED) is forced


def test_it_ends_by_itself_and_tells_how_many_of_which_title_once(quiet: Quiet) -> None:
    quiet.silences.add({"title": "*_full_"}, 60, by="ops", why="*why*")
    for number in range(60):
        quiet.admit(f"n{number}", title=f"disk {min(number, 55)} _full_")
    quiet.watch()
    assert quiet.told == []
    quiet.bench.tick(61)
    assert quiet.admit("later", title="disk _full_") is Admitted.NOW
    quiet.watch()
    quiet.watch()
    (told,) = quiet.told
    assert (told.alert_type, told.title) == (MONITORING, "A silence has ended: 60 alerts were silenced")
    lines = told.message.split("\n")
    assert (len(lines), lines[0], lines[-1]) == (51, "1 × disk 0 _full_", "10 × others")
    assert [(each.name, each.value) for each in told.fields] == [
        ("Matched", "title *_full_"), ("By", "ops"), ("Why", "*why*")
    ]  # fmt: skip
    assert quiet.bench.redis.keys("*silence:*") == []


def test_one_that_matched_nothing_says_so_and_one_may_be_ended(quiet: Quiet) -> None:
    silence = quiet.silences.add({}, 3_600, alert_type=MONITORING)
    ((listed, silenced),) = quiet.silences.list()
    assert (listed, silenced.count, listed.until) == (silence, 0, START + 3_600 * SECOND)
    quiet.silences.end(silence.id)
    assert quiet.admit("a", alert_type="monitoring") is Admitted.NOW
    quiet.watch()
    assert quiet.told[0].message == "It matched nothing."
    with pytest.raises(NotificationNotFound):
        quiet.silences.end(silence.id)


def test_what_ends_an_incident_is_not_silenced_and_what_hangs_on_a_silenced_alert_is_called(quiet: Quiet) -> None:
    quiet.admit("first", dedup_key="k")
    quiet.silences.add({"dedup_key": "k"}, 60)
    assert quiet.admit("again", dedup_key="k") is Admitted.COUNTED
    assert quiet.bench.record("again")["status"] == "silenced"
    quiet.admit("over", dedup_key="k", resolved=True)
    assert quiet.bench.redis.hget(quiet.bench.redis.keys("*incident:*")[0], "state") == "resolved"
    quiet.admit("opens", dedup_key="k", update=True, title="x")
    assert quiet.bench.record("opens")["status"] == "silenced"
    message = NotificationMessage(id="hanging", title="x", dedup_key="k")
    assert quiet.bench.outbox.admit(message, Terms(callbacks='{"link": []}')) is Admitted.COUNTED
    assert quiet.bench.redis.zscore(names.callbacks, "hanging") is not None


def test_one_that_ends_between_the_two_steps_lets_the_alert_go(quiet: Quiet, monkeypatch: pytest.MonkeyPatch) -> None:
    silence = quiet.silences.add({"title": "*"}, 60)
    keep = Silences.keep

    def late(self: Silences, *args: Any) -> str:
        self.end(silence.id)
        return keep(self, *args)

    monkeypatch.setattr(Silences, "keep", late)
    assert quiet.admit("a") is Admitted.NOW
    assert quiet.bench.outbox.depth(GENERAL) == 1


@pytest.mark.parametrize(
    ("match", "seconds", "more", "said"),
    [
        ({}, 60, {}, "name a type"),
        ({"titel": "x"}, 60, {}, "'titel' is none of title, source, dedup_key"),
        ({"title": "x" * 201}, 60, {}, "at most 200 characters"),
        ({"title": "x"}, 0, {}, "more than no time"),
        ({"title": "x"}, 31 * 86_400, {}, "at most 30 days"),
        ({"title": "x"}, 60, {"alert_type": AlertType.SECURITY}, "--force"),
    ],
)
def test_what_cannot_be_a_silence_is_refused(
    quiet: Quiet, match: dict[str, str], seconds: float, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidMessage, match=said):
        quiet.silences.add(match, seconds, **more)


def test_half_a_character_in_a_silence_stops_no_alert(quiet: Quiet) -> None:
    quiet.silences.add({"title": "d\udcffsk*", "fields.\ud800": "x"}, 60, by="\ud800", why="\udcff")
    assert quiet.admit("a") is Admitted.NOW
    quiet.silences.add({"title": "d\udcffsk*"}, 60)
    assert quiet.admit("b", title="D\udcffsk full") is Admitted.COUNTED, (
        "as in a title, another character stands for it"
    )


def test_a_silence_that_cannot_be_read_stops_no_alert(quiet: Quiet) -> None:
    quiet.bench.redis.hset(names.silences, "of an earlier version", '{"match": {"title": "\\ud800"}}')
    quiet.bench.redis.expire(names.silences, 60)
    assert quiet.admit("a") is Admitted.NOW


def test_of_silenced_alerts_the_newest_are_kept_and_all_counted(quiet: Quiet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silences_module, "SILENCED_MAX", 3)
    quiet.silences.add({"title": "disk*"}, 60)
    for number in range(6):
        quiet.admit(f"n{number}")
        quiet.bench.tick(1)
    assert quiet.bench.redis.zrange(names.history(GENERAL, "silenced"), 0, -1) == ["n3", "n4", "n5"]
    assert not quiet.bench.redis.exists(names.notification("n0"), names.result("n0"))
    ((_, silenced),) = quiet.silences.list()
    assert silenced.count == 6


def test_one_whose_answer_was_lost_is_counted_once(quiet: Quiet) -> None:
    quiet.silences.add({"title": "disk*"}, 60)
    message = NotificationMessage(id="a", title="Disk full")
    assert [quiet.silences.keep(message, Terms()) for _ in range(2)] == ["silenced", "known"]
    ((_, silenced),) = quiet.silences.list()
    assert silenced.count == 1


def test_of_a_long_text_its_beginning_is_looked_at(quiet: Quiet) -> None:
    quiet.silences.add({"fields.Log": "*end"}, 60)
    assert quiet.admit("short", fields={"Log": "x" * 1_997 + "end"}) is Admitted.COUNTED
    assert quiet.admit("long", fields={"Log": "x" * 3_000 + "end"}) is Admitted.NOW


def test_they_are_bounded(quiet: Quiet) -> None:
    for _ in range(SILENCES_MAX):
        quiet.silences.add({"title": "x"}, 60)
    with pytest.raises(InvalidMessage, match="end one"):
        quiet.silences.add({"title": "x"}, 60)


def test_an_update_that_would_open_an_incident_is_silenced_and_one_of_an_open_incident_is_not(quiet: Quiet) -> None:
    quiet.silences.add({"title": "disk*"}, 60, by="ops", why="")
    assert quiet.admit("a", dedup_key="k", update=True) is Admitted.COUNTED
    assert quiet.bench.record("a")["status"] == "silenced"
    assert quiet.admit("b", title="Ping", dedup_key="k") is Admitted.NOW
    assert quiet.admit("c", dedup_key="k", update=True) is Admitted.COUNTED
    assert quiet.bench.record("c")["status"] == "repeated", "the one that waits shows it"
