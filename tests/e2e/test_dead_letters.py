"""Dead letters are found, read, replayed and dropped, one or many; both records stay in the history."""

import json
import signal
import subprocess
import sys
from datetime import datetime
from typing import Any

import pytest
from click.testing import CliRunner

from notifier.cli import main
from notifier.cli.author import user_name
from notifier.errors import NotificationNotFound
from notifier.models import AlertType
from notifier.operations.dead_letters import Selection
from notifier.outbox import records
from notifier.outbox.claim import Batch, ClaimRequest
from notifier.outbox.disposition import decide
from notifier.outcome import Answer, Reason, Rejected
from notifier.pipeline import Pipeline
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier
from tests.names import names
from tests.servers import until

pytestmark = pytest.mark.slow

TYPES = (AlertType.ERROR, AlertType.SECURITY)
REFUSED = Rejected(Reason.WEBHOOK_NOT_CONFIGURED)


def die(pipeline: Pipeline, kind: AlertType) -> None:
    """Make dead letters of all that waits, as a worker without a webhook would."""
    batch = pipeline.outbox.claim(ClaimRequest(kind), None, "worker")
    assert isinstance(batch, Batch)
    dispositions = decide(REFUSED, batch.items, 3, sent=False)
    pipeline.outbox.commit(batch, dispositions, Answer(REFUSED), 1)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no worker can deliver is a dead letter at once."""
    monkeypatch.setenv("DISCORD_UNDELIVERABLE_SECONDS", "0")


@pytest.fixture
def dead_ids(application: Application) -> dict[AlertType, list[str]]:
    """Three dead letters of each of two types, in that order; no worker runs."""
    ids: dict[AlertType, list[str]] = {kind: [] for kind in TYPES}
    for kind in TYPES:
        for number in range(3):
            ids[kind] += application.raise_alerts(f"{kind} {number}", alert_type=kind, message="All of it.")
            die(application.pipeline, kind)
    return ids


def listed(notifier: Notifier, *options: str) -> list[str]:
    """The ids that ``dead list`` shows."""
    return [each["id"] for each in json.loads(notifier("dead", "list", "--json", *options).stdout)]


def test_they_are_found_by_type_reason_and_time(application: Application, dead_ids: dict[AlertType, list[str]]) -> None:
    errors, security = (dead_ids[kind] for kind in TYPES)
    letters = application.pipeline.dead_letters

    def found(limit: int | None = None, **wanted: Any) -> list[str]:
        return [each["id"] for each in letters.list(Selection(**wanted), limit)]

    assert found() == [*reversed(security), *reversed(errors)]
    assert found(2) == [security[2], security[1]]
    assert found(alert_type=AlertType.ERROR, reason="webhook_not_configured") == errors[::-1]
    assert found(reason="expired") == []
    died_at = datetime.fromisoformat(letters.get(errors[1])["finished_at"])
    assert found(since=died_at) == [*reversed(security), errors[2], errors[1]]
    assert found(until=died_at) == [errors[1], errors[0]]


def test_one_is_shown_whole_with_its_attempts_and_reasons(
    notifier: Notifier, dead_ids: dict[AlertType, list[str]]
) -> None:
    (_, one, _) = dead_ids[AlertType.ERROR]
    shown = json.loads(notifier("dead", "show", one, "--json").stdout)
    assert (shown["reason"], shown["attempts"]) == ("webhook_not_configured", 0)
    assert (shown["message"]["title"], shown["message"]["message"]) == ("error 1", "All of it.")
    assert shown["steps"][0]["what"] == 'admitted as error: "error 1"'
    assert listed(notifier, "--type", "error", "--until", shown["finished_at"], "--limit", "1") == [one]
    text = notifier("dead", "show", one).stdout
    for part in ("error: error 1", "All of it.", "rejected: webhook_not_configured", "after 0 attempts", "admitted as"):
        assert part in text


def test_a_replay_goes_oldest_first_waits_for_room_and_each_refers_to_the_other(
    notifier: Notifier,
    application: Application,
    dead_ids: dict[AlertType, list[str]],
    sandbox: Sandbox,
    start_worker: StartWorker,
) -> None:
    small = {"DISCORD_QUEUE_SIZE": "1"}
    start_worker(**small)
    done = notifier("dead", "replay", "--type", "error", "--json", **small)
    replayed = json.loads(done.stdout)["replayed"]
    assert [each["id"] for each in replayed] == dead_ids[AlertType.ERROR]
    records = application.wait([each["as"] for each in replayed])
    assert {record["status"] for record in records} == {"delivered"}
    assert sandbox.titles() == ["error 0", "error 1", "error 2"]
    pipeline = application.pipeline
    assert {each["id"] for each in pipeline.dead_letters.list()} == set(dead_ids[AlertType.SECURITY])
    history = pipeline.history.query(alert_type=AlertType.ERROR)
    assert {each["id"] for each in history} == {each for pair in replayed for each in pair.values()}
    old, new = replayed[0]["id"], replayed[0]["as"]
    assert pipeline.explain(old)[-1].what == f"replayed as {new} by {user_name()}"
    assert pipeline.explain(new)[0].what == f"replay of {old}"
    again = notifier("dead", "replay", old)
    assert (again.returncode, "no dead letter has the id" in again.stderr) == (1, True)


def test_a_replay_that_is_interrupted_loses_and_doubles_nothing(
    notifier: Notifier, application: Application, dead_ids: dict[AlertType, list[str]], configured: dict[str, str]
) -> None:
    errors = dead_ids[AlertType.ERROR]
    environment = {**configured, "DISCORD_QUEUE_SIZE": "2"}
    command = [sys.executable, "-m", "notifier", "dead", "replay", "--type", "error"]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: application.pipeline.outbox.depth(AlertType.ERROR) == 2, "a full outbox")
        until(lambda: listed(notifier, "--type", "error") == errors[2:], "two that are no dead letters any more")
        running.send_signal(signal.SIGINT)
        output, errors_told = running.communicate(timeout=30)
    finally:
        running.kill()
    assert (running.returncode, output) == (130, "2 alerts queued again, 1 left\n")
    assert "Traceback" not in errors_told
    assert json.loads(notifier("dead", "replay", "--type", "error", "--json").stdout)["left"] == 0
    assert application.pipeline.outbox.depth(AlertType.ERROR) == 3


def test_a_replay_that_died_half_way_is_repeated_as_the_same_alert(
    application: Application, dead_ids: dict[AlertType, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    letters, one = application.pipeline.dead_letters, dead_ids[AlertType.ERROR][0]

    def die_here(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(letters, "_take_out", die_here)
    with pytest.raises(KeyboardInterrupt):
        letters.replay(one)
    monkeypatch.undo()
    letters.replay(one)
    assert application.pipeline.outbox.depth(AlertType.ERROR) == 1


def test_what_is_dropped_is_no_dead_letter_and_stays_in_the_history(
    notifier: Notifier, application: Application, dead_ids: dict[AlertType, list[str]]
) -> None:
    errors, security = (dead_ids[kind] for kind in TYPES)
    pipeline = application.pipeline
    asked = notifier("dead", "drop", "--type", "error")
    assert (asked.returncode, "Drop 3 dead letters?" in asked.stderr) == (1, True), "nobody said yes"
    pipeline.dead_letters.drop(errors[0])
    with pytest.raises(NotificationNotFound):
        pipeline.dead_letters.drop(errors[0])
    assert json.loads(notifier("dead", "drop", "--type", "error", "--yes", "--json").stdout)["dropped"] == errors[1:]
    assert [each["id"] for each in pipeline.dead_letters.list()] == security[::-1]
    assert len(pipeline.history.query(alert_type=AlertType.ERROR)) == 3
    assert pipeline.explain(errors[0])[-1].what == "dropped from the dead letters"


@pytest.mark.parametrize("command", ["replay", "drop"])
def test_which_ones_has_to_be_said(command: str) -> None:
    for arguments in ([], ["--all", "--type", "error"], ["an-id", "--all"]):
        done = CliRunner().invoke(main, ["dead", command, *arguments])
        assert (done.exit_code, "say which" in done.output) == (2, True)


def test_they_are_capped_and_what_is_dropped_is_reported(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "DEAD_LETTERS_MAX", 2)
    ids = []
    for title in "abcde":
        ids += application.raise_alerts(title)
        die(application.pipeline, AlertType.GENERAL)
    kept = application.pipeline.dead_letters.list()
    assert {each["id"] for each in kept} == set(ids[-2:])
    lives = [application.pipeline.redis.ttl(names.notification(each)) for each in ids]
    history_life = application.pipeline.settings.history_days * 86_400
    assert [life > history_life for life in lives] == [False] * 3 + [True] * 2, "a dropped one is not kept for long"
    assert application.pipeline.redis.hget(names.troubles, "dead_letters_dropped|general|") == "3"
