"""The soak finds what is wrong: an alert lost, one that is there twice unmarked, a 429 of ours, memory that grows."""

from pathlib import Path
from typing import Any

import pytest

from notifier.cli.processes import Process
from tests.conftest import Sandbox
from tests.soak.account import Account, account
from tests.soak.channel import NOTE, Channel
from tests.soak.faults import Faults
from tests.soak.ledger import Entry, Ledger, read
from tests.soak.load import alerts
from tests.soak.memory import JUDGED_SECONDS, Memory, Sample
from tests.soak.plan import KINDS, Fault, plan
from tests.soak.report import as_object, markdown
from tests.soak.stage import SURVIVOR

ENTRY = Entry("soak-1", "plain", "general", "", accepted=True)


def message(number: int, *titles: str, note: str = "") -> dict[str, Any]:
    """A message of the sandbox."""
    embeds = [{"title": title, "footer": {"text": note}} for title in titles]
    return {"id": str(number), "embeds": embeds, "attachments": []}


def record(**changed: Any) -> Any:
    """The record of an alert that was delivered."""
    return {"status": "delivered", "success": True, "reason": None, "message_id": "1"} | changed


def judged(*messages: dict[str, Any], entry: Entry = ENTRY, requests: Any = (), **records: Any) -> Account:
    """What is found."""
    channel = Channel(Sandbox.__new__(Sandbox))
    channel.messages = {each["id"]: each for each in messages}
    channel.requests = dict(enumerate(requests))
    return account({entry.id: entry}, {name.replace("_", "-"): each for name, each in records.items()}, channel)


def test_an_alert_in_its_message_is_well() -> None:
    found = judged(message(1, "soak-1 plain"), soak_1=record())
    assert (found.wrong, found.lost, found.ended) == ({}, 0, {"delivered": 1})


def test_what_has_no_record_is_lost_unless_its_call_never_returned() -> None:
    assert judged().lost == 1
    assert judged(entry=Entry("soak-1", "plain", "general", "")).lost == 0


@pytest.mark.parametrize(
    "given",
    [
        {"soak_1": record(message_id="2")},
        {"soak_1": record(message_id=None)},
        {"soak_1": record(status="failed", success=False)},
    ],
    ids=["in no message", "in a message that shows another", "dead without a reason"],
)
def test_an_end_that_is_not_true_is_a_loss(given: Any) -> None:
    assert judged(message(1, "soak-1 plain"), message(2, "soak-12 plain"), **given).lost == 1


@pytest.mark.parametrize(("status", "message_id", "lost"), [
    ("delivered", "1", 0), ("repeated", "1", 0), ("repeated", None, 0), ("delivered", None, 1), ("repeated", "2", 1),
])  # fmt: skip
def test_an_alert_of_an_incident_is_in_its_message(status: str, message_id: str | None, lost: int) -> None:
    entry = Entry("soak-1", "incident", "general", "", accepted=True)
    shown = message(1, "Resolved: incident-general-0 of the soak")
    assert judged(shown, entry=entry, soak_1=record(status=status, message_id=message_id)).lost == lost
    assert judged(entry=entry, soak_1=record(status="repeated", message_id=None)).lost == 1


def test_a_callback_that_was_not_called_is_a_loss() -> None:
    entry = Entry("soak-1", "callback", "general", "soak-1-after", accepted=True)
    arrived = message(1, "soak-1 callback")
    assert judged(arrived, entry=entry, soak_1=record()).lost == 1
    assert judged(arrived, entry=entry, soak_1=record(), soak_1_after=record()).lost == 0


def test_of_two_messages_with_the_same_alert_one_says_so() -> None:
    once, again = message(1, "soak-1 plain"), message(2, "soak-1 plain", note=f"{NOTE}: the answer was lost")
    assert judged(once, again, soak_1=record()).wrong == {}
    assert judged(once, message(2, "soak-1 plain"), soak_1=record()).wrong == {
        "twice, and neither says so": ["soak-1 plain (2 ×)"]
    }


def test_a_429_that_no_fault_has_answered_is_ours() -> None:
    asked = {"at": "now", "path": "/webhooks/1", "status": 429, "scope": "user"}
    banned = {**asked, "scope": None, "fault": None}
    assert judged(message(1, "soak-1 plain"), requests=[banned], soak_1=record()).wrong == {}
    assert judged(message(1, "soak-1 plain"), requests=[{**asked, "fault": "rate_limit"}], soak_1=record()).wrong == {}
    assert judged(message(1, "soak-1 plain"), requests=[{**asked, "fault": None}], soak_1=record()).unasked == 1


def test_memory_is_judged_behind_the_warm_up_of_a_long_run() -> None:
    def grown(by: float, seconds: float) -> list[str]:
        sizes = [50 + 50 * min(1, at * 2 / seconds) + by * at / seconds for at in range(int(seconds))]
        memory = Memory({"worker0": [Sample(at, 1, size, 9, 9) for at, size in enumerate(sizes)]})
        return memory.wrong("worker0")

    assert grown(0, JUDGED_SECONDS + 10) == []
    assert len(grown(20, JUDGED_SECONDS + 10)) == 1
    assert grown(20, 60) == []


def test_a_ledger_says_which_calls_returned(tmp_path: Path) -> None:
    ledger, raised = Ledger(tmp_path / "a"), alerts("c0g0", 1)
    first, second, third = (next(raised) for _ in range(3))
    ledger.begun(first)
    ledger.ended(first, 0.5)
    ledger.begun(second)
    ledger.ended(second, 0.1, "queue_full")
    ledger.begun(third)
    found = read([tmp_path / "a"])
    assert [(each.accepted, each.error) for each in found.values()] == [(True, ""), (False, "queue_full"), (False, "")]
    assert list(found) == [first.id, second.id, third.id]


def test_a_seed_names_the_same_faults_and_half_an_hour_has_each_kind_and_none_kills_the_survivor() -> None:
    faults = plan(1, 1800)
    assert faults == plan(1, 1800) != plan(2, 1800)
    assert {fault.kind for fault in faults} == {kind for kinds in KINDS.values() for kind in kinds}
    assert {fault.kind for fault in faults if fault.target == f"worker{SURVIVOR}"} == {"paused"}
    until: dict[str, float] = {}
    for fault in faults:
        assert fault.at > until.get(fault.target, 0), "of one target never two at a time"
        until[fault.target] = fault.at + fault.seconds


def test_of_one_target_a_fault_waits_until_the_one_before_is_over() -> None:
    done: list[str] = []

    class Redis:
        def freeze(self) -> None:
            done.append("down")

        def thaw(self) -> None:
            done.append("back")

    class Stage:
        redis = Redis()

    twice = [Fault(at, "paused", "redis", 5) for at in (1.0, 2.0)]
    faults = Faults(Stage(), twice, 1)  # type: ignore[arg-type]
    for now in (0, 1, 3, 5.9):
        faults.step(now)
    assert done == ["down"]
    faults.step(30)  # late, as after a Redis that was long in coming back
    faults.step(31)
    assert done == ["down", "back", "down"]
    faults.step(35)
    assert (done[3:], faults.done) == (["back"], {"redis paused": 2})


def test_the_report_says_what_is_wrong_first_by_name(tmp_path: Path) -> None:
    memory = Memory()
    process = Process("worker0", ["sleep", "60"], tmp_path / "log")
    memory.look(1.0, process)
    process.stop()
    facts: dict[str, Any] = {"date": "2026-11-28", "minutes": 2.0, "seed": 1, "workers": 3, "callers": 2}
    facts |= {"drain_seconds": 1.0, "errors_logged": {"bad gateway": 3}}
    page = markdown(as_object(facts, judged(), memory, {"worker killed": 2}))
    assert "- lost: no record: 1; soak-1" in page
    assert "| worker killed | 2 |" in page
