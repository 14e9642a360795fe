"""Dead letters are found, read, sent again and given up, one by one or many; both lives stay in the history."""

import json
import signal
import subprocess
import sys

import pytest

from notifier.models import AlertType
from notifier.outbox import outbox
from notifier.redis import WATCH
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier
from tests.servers import until

TYPES = (AlertType.ERROR, AlertType.SECURITY)
DEAD = {"DISCORD_WEBHOOK_ERRORS": "", "DISCORD_WEBHOOK_SECURITY": ""}


@pytest.fixture
def dead_ids(application: Application, sandbox: Sandbox, start_worker: StartWorker) -> dict[AlertType, list[str]]:
    """Three dead letters of each of two types, in that order; nobody works any more."""
    worker = start_worker(**DEAD)
    ids = {}
    for kind in TYPES:
        ids[kind] = []
        for number in range(3):
            ids[kind] += application.raise_alerts(f"{kind} {number}", alert_type=kind, message="All of it.")
            application.wait(ids[kind])
    worker.stop()
    return ids


def listed(notifier: Notifier, *options: str) -> list[str]:
    """The ids that ``dead list`` shows."""
    return [each["id"] for each in json.loads(notifier("dead", "list", "--json", *options).stdout)]


def test_they_are_found_by_type_reason_and_time_and_shown_whole(
    notifier: Notifier, dead_ids: dict[AlertType, list[str]]
) -> None:
    errors, security = (dead_ids[kind] for kind in TYPES)
    assert listed(notifier) == [*reversed(security), *reversed(errors)]
    assert listed(notifier, "--limit", "2") == [security[2], security[1]]
    assert listed(notifier, "--type", "error", "--reason", "webhook_not_configured") == errors[::-1]
    assert listed(notifier, "--reason", "expired") == []
    shown = json.loads(notifier("dead", "show", errors[1], "--json").stdout)
    assert (shown["reason"], shown["attempts"]) == ("webhook_not_configured", 0)
    assert (shown["message"]["title"], shown["message"]["message"]) == ("error 1", "All of it.")
    assert shown["steps"][0]["what"] == 'admitted as error: "error 1"'
    died_at = shown["finished_at"]
    assert listed(notifier, "--since", died_at) == [*reversed(security), errors[2], errors[1]]
    assert listed(notifier, "--until", died_at) == [errors[1], errors[0]]
    text = notifier("dead", "show", errors[1]).stdout
    for part in ("error: error 1", "All of it.", "rejected: webhook_not_configured", "after 0 attempts", "admitted as"):
        assert part in text


def test_a_replay_goes_oldest_first_waits_for_room_and_each_life_knows_of_the_other(
    notifier: Notifier,
    application: Application,
    dead_ids: dict[AlertType, list[str]],
    sandbox: Sandbox,
    start_worker: StartWorker,
) -> None:
    small = {"DISCORD_QUEUE_SIZE": "1", "DISCORD_QUEUE_OVERFLOW": "reject"}
    start_worker(**small)
    done = notifier("dead", "replay", "--type", "error", "--json", **small)
    replayed = json.loads(done.stdout)["replayed"]
    assert [each["id"] for each in replayed] == dead_ids[AlertType.ERROR]
    records = application.wait([each["as"] for each in replayed])
    assert {record["status"] for record in records} == {"delivered"}
    assert sandbox.titles() == ["error 0", "error 1", "error 2"]
    assert listed(notifier) == dead_ids[AlertType.SECURITY][::-1]
    history = json.loads(notifier("history", "--type", "error", "--json").stdout)
    assert {each["id"] for each in history} == {each for pair in replayed for each in pair.values()}
    old, new = replayed[0]["id"], replayed[0]["as"]
    assert f"replayed as {new}" in notifier("explain", old).stdout
    assert f"replay of {old}" in notifier("explain", new).stdout
    again = notifier("dead", "replay", old)
    assert (again.returncode, "no dead letter has the id" in again.stderr) == (1, True)


def test_a_replay_that_is_interrupted_loses_and_doubles_nothing(
    notifier: Notifier, application: Application, dead_ids: dict[AlertType, list[str]], configured: dict[str, str]
) -> None:
    errors = dead_ids[AlertType.ERROR]
    environment = {**configured, "DISCORD_QUEUE_SIZE": "2"}
    command = [sys.executable, "-m", "notifier", "dead", "replay", "--type", "error"]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: application.pipeline.outbox.depth(AlertType.ERROR) == 2, "a full outbox")
    until(lambda: listed(notifier, "--type", "error") == errors[2:], "two that are no dead letters any more")
    running.send_signal(signal.SIGINT)
    output, errors_told = running.communicate(timeout=30)
    assert (running.returncode, output) == (130, "2 queued again, 1 left\n")
    assert "Traceback" not in errors_told
    assert json.loads(notifier("dead", "replay", "--type", "error", "--json").stdout)["left"] == 0
    assert application.pipeline.outbox.depth(AlertType.ERROR) == 3


def test_what_is_dropped_is_no_dead_letter_and_stays_in_the_history(
    notifier: Notifier, dead_ids: dict[AlertType, list[str]]
) -> None:
    errors, security = (dead_ids[kind] for kind in TYPES)
    asked = notifier("dead", "drop", "--type", "error")
    assert (asked.returncode, "Drop 3 dead letters?" in asked.stderr) == (1, True), "nobody said yes"
    assert notifier("dead", "drop", errors[0]).stdout == "1 dropped\n"
    assert json.loads(notifier("dead", "drop", "--type", "error", "--yes", "--json").stdout)["dropped"] == errors[1:]
    assert listed(notifier) == security[::-1]
    assert len(json.loads(notifier("history", "--type", "error", "--json").stdout)) == 3
    assert "dropped from the dead letters" in notifier("explain", errors[0]).stdout
    assert notifier("dead", "drop", "--all", "-y").stdout == "3 dropped\n"
    assert listed(notifier) == []


@pytest.mark.parametrize("command", ["replay", "drop"])
def test_which_ones_has_to_be_said(notifier: Notifier, command: str) -> None:
    for arguments in ([], ["--all", "--type", "error"], ["an-id", "--all"]):
        done = notifier("dead", command, *arguments)
        assert (done.returncode, "say which" in done.stderr) == (2, True)


def test_they_are_capped_and_what_gives_way_is_told(
    application: Application, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "DEAD_LETTERS_MAX", 2)
    from notifier.outbox.claim import Batch, Knock
    from notifier.outbox.verdict import judge
    from notifier.outcome import Answer, Reason, Rejected

    pipeline = application.pipeline
    ids = application.raise_alerts("a", "b", "c", "d", "e")
    batch = pipeline.outbox.claim(Knock(AlertType.GENERAL), None, "worker")
    assert isinstance(batch, Batch)
    refused = Rejected(Reason.WEBHOOK_NOT_CONFIGURED)
    pipeline.outbox.settle(batch, judge(refused, batch.passengers, 3, sent=False), Answer(refused), 1)
    assert {each["id"] for each in pipeline.dead_letters.list()} <= set(ids)
    assert len(pipeline.dead_letters.list()) == 2
    assert pipeline.redis.hget(WATCH, "dead_letters_dropped|general|") == "3"
