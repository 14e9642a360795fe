"""Of each alert that waits it is told what it waits for, and until when."""

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from notifier.cli import main
from notifier.models import AlertType
from notifier.operations import explain as explain_module
from notifier.operations import outboxes as outboxes_module
from notifier.operations import waiting as waiting_module
from notifier.operations.explain import explain
from notifier.operations.outboxes import outboxes
from notifier.operations.waiting import WaitingAlerts, waiting_alert, waiting_alerts
from notifier.outbox.record import iso
from notifier.outbox.terms import Terms
from notifier.outcome import Failed, Reason
from tests.integration.conftest import CLOCK, SECOND, START, Bench, MakeBench
from tests.names import names


@pytest.fixture(autouse=True)
def by_the_tests_clock(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock is that of the bench."""
    for module in (waiting_module, explain_module, outboxes_module):
        monkeypatch.setattr(module, "clock", lambda client: int(client.get(CLOCK)))


def of(bench: Bench, kind: AlertType = AlertType.GENERAL, **more: int) -> WaitingAlerts:
    (found,) = waiting_alerts(bench.redis, names, [kind], **more)
    return found


def told(bench: Bench, kind: AlertType = AlertType.GENERAL) -> list[tuple[str, str, str | None]]:
    shown = of(bench, kind).shown
    for each in shown:
        *_, last = explain(bench.redis, names, bench.records, each.id)
        assert each.why in last.what, "the life of an alert ends in the same words"
    return [(each.id, each.why, each.until) for each in shown]


def after(seconds: float) -> str:
    return iso(START + round(seconds * SECOND))


def test_nothing_is_told_of_an_empty_outbox(bench: Bench) -> None:
    assert of(bench) == WaitingAlerts(AlertType.GENERAL, 0, ())


def test_what_no_worker_has_come_for_waits_in_order(bench: Bench) -> None:
    bench.admit("a", "b")
    bench.admit("other", alert_type=AlertType.ERROR)
    assert told(bench) == [(each, "no worker has come for it", None) for each in ("a", "b")]
    assert of(bench).shown[0].admitted_at == after(0)
    assert of(bench).shown[0].title == "a"
    assert [each.count for each in waiting_alerts(bench.redis, names)] == [2, 1, 0, 0, 0, 0]


def test_what_is_under_way_is_first_and_the_rest_waits_for_the_gate(bench: Bench) -> None:
    bench.admit("first")
    bench.open_gate()
    bench.admit("carried")
    bench.batch()
    bench.admit("behind")
    bench.claim()
    (carried, behind) = told(bench)
    assert carried == ("carried", "a request is under way", None)
    assert behind[0] == "behind"
    assert behind[1] not in ("", "a request is under way")


def test_what_waits_for_its_turn_says_when_its_outbox_is_looked_at_again(bench: Bench) -> None:
    bench.admit("a", "b")
    wake_up = names.outbox_parts(AlertType.GENERAL)[-1]
    bench.redis.set(wake_up, f"token {START + 20 * SECOND}", ex=60)
    assert [until for _, _, until in told(bench)] == [after(20), after(20)]
    one = waiting_alert(bench.redis, names, "b")
    assert one is not None
    assert one.until == after(20), "as of one alone"
    bench.redis.set(wake_up, f"token {START}", ex=60)
    assert [until for _, _, until in told(bench)] == [None, None], "it is over"


@pytest.mark.parametrize("reason", ["gate_closed", "webhook_not_configured", "webhook_quarantined"])
def test_what_somebody_has_to_mend_has_no_time_at_which_it_goes(bench: Bench, reason: str) -> None:
    bench.admit("a")
    *_, state, wake_up = names.outbox_parts(AlertType.GENERAL)
    bench.redis.set(wake_up, f"token {START + 20 * SECOND}", ex=60)
    bench.redis.hset(state, "held", json.dumps([[START, reason]]))
    words = reason.replace("_", " ")
    assert told(bench) == [("a", words, None)]
    one = waiting_alert(bench.redis, names, "a")
    assert (one and (one.why, one.until)) == (words, None), "as of one alone"
    (outbox,) = outboxes(bench.redis, names, [AlertType.GENERAL])
    assert (outbox.why, outbox.until) == (words, None), "as of its outbox"


def test_what_is_due_later_says_when_and_why(bench: Bench) -> None:
    bench.admit("opens")
    bench.open_gate()
    bench.admit("fails")
    bench.commit(bench.batch(), Failed(Reason.READ_TIMEOUT), retry_wait_seconds=8)
    bench.admit("postponed", terms=Terms(after_seconds=60))
    assert told(bench) == [
        ("fails", "to be tried again: read timeout", after(28)),
        ("postponed", "postponed by its caller", after(80)),
    ]
    bench.tick(30)
    ((fails, why, until), _) = told(bench)
    assert (fails, until) == ("fails", None), "it is due"
    assert why != "to be tried again: read timeout"


def test_a_batch_that_is_tried_again_waits_in_the_order_in_which_it_was_raised(bench: Bench) -> None:
    bench.admit("opens")
    bench.open_gate()
    bench.admit("c", "a", "b")
    bench.commit(bench.batch(), Failed(Reason.READ_TIMEOUT))
    assert [each for each, _, _ in told(bench)] == ["c", "a", "b"]


def test_what_is_collected_and_what_waits_to_be_shown_say_so(make_bench: MakeBench) -> None:
    bench = make_bench(group_seconds_by_type={AlertType.TRACKLIST: 300})
    bench.admit("of a group", alert_type=AlertType.TRACKLIST)
    assert told(bench, AlertType.TRACKLIST) == [
        ("of a group", "collected with others for one message", after(300)),
    ]
    bench.admit("opens", dedup_key="k")
    bench.open_gate()
    bench.admit("repeat 1", dedup_key="k")
    bench.commit(bench.batch())
    bench.admit("repeat 2", dedup_key="k")
    ((shown, why, until),) = told(bench)
    assert (shown, why) == ("repeat 2", "an edit of its incident's message")
    assert until is not None


def test_a_page_is_bounded_and_says_how_many_there_are(bench: Bench) -> None:
    bench.admit(*(f"a{number}" for number in range(30)))
    found = of(bench, shown_max=10)
    assert (found.count, [each.id for each in found.shown]) == (30, [f"a{number}" for number in range(10)])


def test_the_command_prints_them(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    here = SimpleNamespace(redis=bench.redis, keys=names)
    monkeypatch.setattr("notifier.pipeline.client_pipeline", lambda: here)
    bench.admit("Disk full", "Other")
    shown = CliRunner().invoke(main, ["waiting", "--limit", "1"])
    assert (shown.exit_code, "Disk full" in shown.output, "Other" in shown.output) == (0, True, False)
    assert "1 more of the type general: --limit 2" in shown.output
    found = json.loads(CliRunner().invoke(main, ["waiting", "--json", "--type", "general"]).output)
    assert [each["title"] for each in found[0]["shown"]] == ["Disk full", "Other"]
    assert CliRunner().invoke(main, ["waiting", "--type", "error"]).output == "nothing waits\n"
