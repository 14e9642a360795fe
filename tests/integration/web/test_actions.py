"""What the page does: who may, what it comes to, and that it is known who did it and why."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from notifier.cli import main
from notifier.gate.state import Closed
from notifier.jobs.terms import JobTerms
from notifier.models import AlertType, NotificationMessage
from notifier.operations.audit import Author
from notifier.outbox.claim import Throttled
from notifier.outcome import Failed, Reason
from notifier.web import actions as actions_module
from notifier.web.login import Login
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK
from tests.integration.web.conftest import ACTION, MakePage, Page

Prepare = Callable[[Page], object]


def incident(page: Page) -> None:
    """An incident that is open."""
    page.pipeline.client.submit(NotificationMessage(alert_type="error", title="Disk full", dedup_key="disk/db1"))


def waiting(page: Page) -> None:
    """An alert that waits."""
    page.bench.admit("w/1")


def dead(page: Page) -> None:
    """Three dead letters."""
    page.die("d1", "d2", "d3")


def job(page: Page) -> None:
    """A job."""
    page.pipeline.jobs.started("nightly import", "1", JobTerms())


def silence(page: Page) -> str:
    """The id of a silence."""
    return page.pipeline.silences.add({"title": "disk*"}, 60).id


def nothing(_: Page) -> None:
    """Nothing is needed."""


ACTIONS: list[tuple[Prepare, str, dict[str, Any], str]] = [
    (nothing, "/api/gates/general/close", {}, "gate.close"),
    (nothing, "/api/gates/general/open", {}, "gate.open"),
    (nothing, "/api/gates/general/reset", {}, "gate.reset"),
    (nothing, "/api/gates/edge/reset", {}, "gate.reset"),
    (dead, "/api/dead/replay", {"ids": ["d1"]}, "dead.replay"),
    (dead, "/api/dead/drop", {"filter": {"type": "general"}, "expected": 3}, "dead.drop"),
    (incident, "/api/incidents/error/disk%2Fdb1/ack", {}, "incident.ack"),
    (incident, "/api/incidents/error/disk/db1/resolve", {}, "incident.resolve"),
    (nothing, "/api/silences", {"match": {"title": "disk*"}, "for": "2h"}, "silence.add"),
    (silence, "/api/silences/ID", {}, "silence.end"),
    (waiting, "/api/alerts/w%2F1/withdraw", {}, "alert.withdraw"),
    (job, "/api/jobs/nightly%20import/forget", {}, "job.forget"),
]
BY_NAME = pytest.mark.parametrize(("prepare", "path", "body", "name"), ACTIONS, ids=[each[3] for each in ACTIONS])


def done(page: Page, prepare: Prepare, path: str, body: Any, **more: str) -> Any:
    """Do one of them; the answer."""
    made = prepare(page)
    method = "DELETE" if path.endswith("/ID") else "POST"
    return page.act(path.replace("/ID", f"/{made}"), body, method, **more)


@BY_NAME
def test_each_action_is_done_and_it_is_known_by_whom_and_why(
    page: Page, prepare: Prepare, path: str, body: Any, name: str
) -> None:
    answer = done(page, prepare, path, {**body, "by": "anna", "why": "a test"})
    assert answer.status_code == 200, answer.text
    (last,) = page.get("/api/audit?limit=1")
    assert (last["action"], last["by"], last["why"]) == (name, "anna", "a test")


def asked(page: Page, path: str, body: Any, **headers: str) -> Any:
    """Ask for one of them, of something that there is not."""
    return page.act(path.replace("/ID", "/none"), body, "DELETE" if path.endswith("/ID") else "POST", **headers)


def test_no_action_is_done_for_a_form_or_another_page_or_a_stranger(page: Page) -> None:
    for headers, status, reason in (
        ({"X-Requested-With": ""}, 403, "no_action_header"),
        ({"X-Requested-With": "XMLHttpRequest"}, 403, "no_action_header"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "other_origin"),
        ({"Sec-Fetch-Site": "same-site"}, 403, "other_origin"),
        ({"Origin": "https://evil.example"}, 403, "other_origin"),
        ({"Origin": "null"}, 403, "other_origin"),
        ({"Origin": "http://["}, 403, "other_origin"),
        ({"Authorization": ""}, 401, "not_logged_in"),
    ):
        for _, path, body, name in ACTIONS:
            answer = asked(page, path, body, **headers)
            assert (answer.status_code, answer.json()["reason"]) == (status, reason), (name, headers)
    assert page.get("/api/audit") == []


def test_a_page_that_only_shows_does_nothing(make_page: MakePage) -> None:
    page = make_page(read_only=True)
    for _, path, body, name in ACTIONS:
        answer = asked(page, path, body)
        assert (answer.status_code, answer.json()["reason"]) == (403, "read_only"), name
    assert page.get("/api/audit") == []
    assert page.get("/api/overview")["read_only"] is True


def test_what_an_action_does_not_know_is_refused(page: Page) -> None:
    for _, path, body, name in ACTIONS:
        answer = asked(page, path, {**body, "wyh": "a slip"} | ({"expected": 0} if "filter" in body else {}))
        assert answer.status_code == 400, name
        assert "wyh" in answer.json()["problem"]
    assert page.get("/api/audit") == []


def test_an_action_of_this_page_is_done(page: Page) -> None:
    for origin in (f"http://127.0.0.1:{page.port}", "https://notifier.example", "https://notifier.example:8443"):
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        assert page.act("/api/gates/general/open", **headers).status_code == 200


def test_a_body_that_is_no_object_is_refused(page: Page) -> None:
    for body in ("{", "[]", "1", '"x"', "[" * 100_000, r'{"why": "\ud800"}'):
        answer = page.ask("/api/gates/general/open", "POST", data=body, headers=ACTION)
        assert (answer.status_code, answer.json()["reason"]) == (400, "invalid_message")


def test_who_does_it_is_the_user_unless_another_is_named(make_page: MakePage) -> None:
    page = make_page(login=Login("watch", None))
    page.act("/api/gates/general/close", {"by": " ", "why": "x" * 1_000})
    page.act("/api/gates/general/open", {"by": "a\nb" + "c" * 200, "why": ["l", 1]})
    own = page.pipeline.settings
    assert str(Author.of("a\udcff", "b\ud800", own)) == "by a\ufffd (b\ufffd)", "a command's words may be no text"
    opened, closed = page.get("/api/audit")
    assert (closed["by"], len(closed["why"])) == ("watch", 500)
    assert (opened["by"][:4], len(opened["by"]), opened["why"]) == ("a bc", 100, "['l', 1]")


def test_a_closed_gate_lets_nothing_go_until_it_is_opened(page: Page) -> None:
    page.deliver("first")
    page.act("/api/gates/general/close", {"by": "anna", "why": "moving"})
    page.bench.admit("second")
    claim = page.bench.claim()
    assert isinstance(claim, Throttled)
    assert claim.reason is Reason.GATE_CLOSED
    found = page.pipeline.gate.state(WEBHOOK)
    assert found.closed is not None
    assert str(found.closed) == "closed by anna: moving"
    assert page.pipeline.gate.state(OTHER_WEBHOOK).closed is None
    (waits,) = [each for each in page.get("/api/overview")["types"] if each["alert_type"] == "general"]
    assert (waits["why"], waits["until"], waits["gate"]["closed"]["by"]) == ("gate closed", None, "anna")
    page.act("/api/gates/general/open", {"by": "bert"})
    page.carry()
    assert page.bench.record("second")["status"] == "delivered"
    (gate,) = [each for each in page.get("/api/gates")["gates"] if each["alert_type"] == "general"]
    assert (gate["closed"], gate["last_action"]["action"], gate["last_action"]["by"]) == (None, "gate.open", "bert")


def test_opening_closes_the_breaker_and_a_reset_opens_what_was_closed(make_page: MakePage) -> None:
    page = make_page(breaker_failures=1)
    page.bench.admit("n")
    page.carry(Failed(Reason.BAD_GATEWAY), retry_wait_seconds=0.001)
    assert page.pipeline.gate.state(WEBHOOK).breaker == "open"
    page.act("/api/gates/general/open")
    assert page.pipeline.gate.state(WEBHOOK).breaker == "closed"
    page.carry()
    page.act("/api/gates/general/close")
    page.act("/api/gates/general/reset")
    assert page.pipeline.gate.state(WEBHOOK).closed is None


def test_a_type_without_a_webhook_here_has_no_gate(page: Page) -> None:
    answer = page.act("/api/gates/security/close")
    assert (answer.status_code, answer.json()["reason"]) == (409, "configuration_error")
    assert "DISCORD_WEBHOOK_SECURITY" in answer.json()["problem"]
    assert page.act("/api/gates/edge/close").status_code == 400
    assert page.act("/api/gates/generel/close").status_code == 404


def test_dead_letters_are_replayed_by_id_and_each_says_by_whom(page: Page) -> None:
    dead(page)
    found = page.act("/api/dead/replay", {"ids": ["d1", "nobody", "d2", "d1"], "by": "anna", "why": "mended"}).json()
    assert [each["id"] for each in found["replayed"]] == ["d1", "d2"]
    assert list(found["failed"]) == ["nobody"]
    assert found["left"] == 0
    assert page.get("/api/dead")["count"] == 1
    (new,) = [each["as"] for each in found["replayed"] if each["id"] == "d1"]
    last = page.get("/api/alerts/d1")["steps"][-1]["what"]
    assert last == f"replayed as {new} by anna (mended)"
    assert page.get("/api/audit")[0]["more"] == {"count": 2, "ids": ["d1", "nobody", "d2"]}


def test_a_filter_that_matches_others_than_the_page_has_shown_does_nothing(page: Page) -> None:
    dead(page)
    wanted = {"type": "general", "reason": "invalid_payload", "since": "1h"}
    for expected in (2, 4, 0):
        answer = page.act("/api/dead/drop", {"filter": wanted, "expected": expected})
        assert (answer.status_code, answer.json()["reason"]) == (409, "changed_meanwhile")
    assert page.get("/api/dead")["count"] == 3
    found = page.act("/api/dead/drop", {"filter": wanted, "expected": 3}).json()
    assert (sorted(found["dropped"]), found["failed"], found["left"]) == (["d1", "d2", "d3"], {}, 0)


WRONG_CHOICES: list[dict[str, Any]] = [
    {},
    {"ids": "d1"},
    {"ids": [1]},
    {"ids": ["d1"], "filter": {}},
    {"filter": {}},
    {"filter": {}, "expected": "3"},
    {"filter": {}, "expected": True},
    {"filter": [], "expected": 3},
    {"filter": {"type": "x"}, "expected": 3},
    {"filter": {"reason": "x"}, "expected": 3},
    {"filter": {"since": "x"}, "expected": 3},
    {"filter": {"since": 1}, "expected": 3},
    {"filter": {"tpye": "general"}, "expected": 3},
]


def test_a_choice_that_is_none_drops_nothing(page: Page) -> None:
    dead(page)
    for body in WRONG_CHOICES:
        assert page.act("/api/dead/drop", body).status_code == 400, body
    assert page.get("/api/dead")["count"] == 3


def test_what_is_left_when_the_time_is_over_is_told(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    dead(page)
    monkeypatch.setattr(actions_module, "ACTION_SECONDS", -1)
    found = page.act("/api/dead/drop", {"ids": ["d1", "d2", "d3"]}).json()
    assert (found["dropped"], found["left"]) == (["d1"], 2)


def test_a_full_outbox_leaves_the_rest_dead(make_page: MakePage) -> None:
    page = make_page(queue_size=1, queue_overflow="reject")
    dead(page)
    found = page.act("/api/dead/replay", {"ids": ["d1", "d2", "d3"]}).json()
    assert [each["id"] for each in found["replayed"]] == ["d1"]
    assert (list(found["failed"]), found["left"]) == (["d2"], 2)


def test_an_incident_is_acknowledged_and_resolved_and_its_fields_stay(page: Page) -> None:
    page.pipeline.client.submit(
        NotificationMessage(title="Disk full", dedup_key="disk/db1", fields={"Mount": "/var"}, message="91 %")
    )
    page.carry()
    assert page.act("/api/incidents/general/other/ack").status_code == 404
    assert page.act("/api/incidents/general/other/resolve").status_code == 404
    page.act("/api/incidents/general/disk%2Fdb1/ack", {"by": "anna"})
    (open_one,) = page.get("/api/incidents?open=1")
    assert open_one["acknowledged_by"] == "anna"
    found = page.act("/api/incidents/general/disk%2Fdb1/resolve", {"by": "anna", "why": "cleaned up"}).json()
    assert found[0]["resolved_by"] == "anna"
    told = page.get(f"/api/alerts/{found[0]['id']}")["message"]
    assert {each["name"]: each["value"] for each in told["fields"]} == {
        "Mount": "/var",
        "Resolved by": "anna: cleaned up",
    }
    assert "message" not in told, "its text stays"
    assert page.get("/api/incidents?open=1") == []


def test_a_silence_begins_and_ends(page: Page) -> None:
    for wrong in (
        {"for": "2h"},
        {"match": {"title": "x"}, "for": "soon"},
        {"match": {"titel": "x"}, "for": "2h"},
        {"match": "x", "for": "2h"},
        {"match": {"title": 1}, "for": "2h"},
        {"type": "critical", "for": "2h"},
        {"type": "none", "for": "2h"},
    ):
        assert page.act("/api/silences", wrong).status_code == 400, wrong
    begun = page.act("/api/silences", {"match": {"title": "disk*", "source": ""}, "for": "2h", "by": "anna"}).json()
    assert (begun["match"], begun["by"]) == ({"title": "disk*"}, "anna")
    (listed,) = page.get("/api/silences")
    assert (listed["id"], listed["count"]) == (begun["id"], 0)
    assert page.act(f"/api/silences/{begun['id']}", method="DELETE").status_code == 200
    assert page.act("/api/silences/none", method="DELETE").status_code == 404
    (ended,) = page.get("/api/silences")
    assert ended["until"] < begun["until"]


def test_an_alert_that_does_not_wait_cannot_be_withdrawn(page: Page) -> None:
    page.deliver("done")
    assert page.act("/api/alerts/nobody/withdraw").status_code == 404
    answer = page.act("/api/alerts/done/withdraw")
    assert (answer.status_code, answer.json()["reason"]) == (409, "changed_meanwhile")
    assert answer.json()["problem"].endswith(": completed (delivered)")
    assert page.act("/api/jobs/none/forget").status_code == 404


def test_the_command_line_notes_who_did_it_too(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.pipeline.client_pipeline", lambda: page.pipeline)
    dead(page)
    incident(page)
    waiting(page)
    job(page)
    for command in (
        ["gate", "close", "general", "--by", "anna", "--why", "moving"],
        ["gate", "open", "general", "--by", "anna"],
        ["gate", "reset", "general", "edge", "--by", "anna"],
        ["dead", "drop", "d1", "--by", "anna", "--why", "old"],
        ["dead", "replay", "d2", "--by", "anna"],
        ["withdraw", "w/1", "--by", "anna", "--why", "sent by mistake"],
        ["job", "forget", "nightly import", "--by", "anna"],
        ["ack", "disk/db1", "--by", "anna"],
        ["silence", "add", "--match", "x*", "--for", "1h", "--by", "anna"],
    ):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
    kept = [(each.action, each.target, each.by) for each in reversed(page.pipeline.audit.list())]
    assert kept == [
        ("gate.close", "general", "anna"),
        ("gate.open", "general", "anna"),
        ("gate.reset", "general", "anna"),
        ("gate.reset", "edge", "anna"),
        ("dead.drop", "d1", "anna"),
        ("dead.replay", "d2", "anna"),
        ("alert.withdraw", "w/1", "anna"),
        ("job.forget", "nightly import", "anna"),
        ("incident.ack", "error disk/db1", "anna"),
        ("silence.add", page.pipeline.silences.list()[0][0].id, "anna"),
    ]
    assert page.bench.record("w/1")["detail"] == "by anna (sent by mistake)"
    assert "dropped from the dead letters by anna (old)" in CliRunner().invoke(main, ["explain", "d1"]).output


def test_a_closed_gate_is_listed_with_who_and_why(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.pipeline.client_pipeline", lambda: page.pipeline)
    CliRunner().invoke(main, ["gate", "close", "general", "--by", "anna", "--why", "moving"])
    assert "closed by anna: moving" in CliRunner().invoke(main, ["gate", "list"]).output
    (row,) = [
        each
        for each in json.loads(CliRunner().invoke(main, ["gate", "list", "--json"]).output)["gates"]
        if each["alert_type"] == AlertType.GENERAL
    ]
    assert Closed(**row["closed"]).by == "anna"


def test_the_audit_is_bounded_and_lives_for_a_while(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    from notifier.operations import audit as audit_module

    monkeypatch.setattr(audit_module, "KEPT_MAX", 3)
    for number in range(6):
        page.pipeline.audit.note(audit_module.Author("anna"), "gate.open", str(number))
    assert [each.target for each in page.pipeline.audit.list()] == ["5", "4", "3"]
    assert page.pipeline.redis.ttl(page.pipeline.keys.audit) > 86_400
