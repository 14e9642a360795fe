"""One message for each incident, in a real channel: whoever carries it, and whatever dies meanwhile."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from notifier.cli.processes import Process
from notifier.models import AlertType
from tests.conftest import Sandbox
from tests.e2e.conftest import Application, Notifier
from tests.servers import until

KEY = "disk/db1"
StartWorker = Callable[..., Process]


def fields(message: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in message["embeds"][0].get("fields", ())}


def is_green(sandbox: Sandbox) -> bool:
    return any(each["embeds"][0]["title"].startswith("✅") for each in sandbox.messages())


@pytest.mark.slow
def test_a_storm_is_one_message_with_an_exact_count_though_workers_are_killed_in_it(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    victim = start_worker()
    first = application.raise_alerts("Disk full", dedup_key=KEY)
    application.wait(first)
    repeats = application.raise_alerts(*["Disk full"] * 150, dedup_key=KEY)
    victim.kill()
    start_worker()
    repeats += application.raise_alerts(*["Disk full"] * 150, dedup_key=KEY)
    over = application.raise_alerts("Disk is fine", dedup_key=KEY, resolved=True)
    records = application.wait([*repeats, *over])
    until(lambda: is_green(sandbox), "the resolution")
    (message,) = sandbox.messages()
    assert message["embeds"][0]["title"] == "✅ Disk is fine"
    assert fields(message)["Repeated"].startswith("× 301 ·")
    assert fields(message)["Resolved"].endswith("came 301 times")
    assert message["edited_timestamp"] is not None
    assert {each["status"] for each in records} <= {"delivered", "repeated"}
    assert {each["message_id"] for each in records} == {message["id"]}
    assert len([each for each in sandbox.call("GET", "requests") if each["method"] in ("POST", "PATCH")]) < 10
    assert sandbox.stats()["rate_limited"] == 0


def test_a_message_that_a_person_has_deleted_is_posted_anew(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    application.wait(application.raise_alerts("Disk full", message="/var", dedup_key=KEY))
    (message,) = sandbox.messages()
    url = sandbox.variables["DISCORD_WEBHOOK_GENERAL"]
    requests.delete(f"{url}/messages/{message['id']}", timeout=10).raise_for_status()
    application.wait(application.raise_alerts(KEY, dedup_key=KEY, resolved=True))
    (another,) = sandbox.messages()
    assert (another["id"] != message["id"], another["embeds"][0]["title"]) == (True, "✅ Disk full")


def test_a_message_that_others_have_pushed_out_of_view_is_posted_behind_them(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    application.wait(application.raise_alerts("Disk full", dedup_key=KEY, dedup_repost_after=1))
    application.wait(application.raise_alerts("Another"))
    application.wait(application.raise_alerts(KEY, dedup_key=KEY, resolved=True))
    assert sandbox.titles() == ["Another", "✅ Disk full"]


def test_the_message_of_a_forum_is_edited_in_its_post(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    kind = AlertType.TRACKLIST
    sandbox.make_forum(kind)
    application.wait(application.raise_alerts("Import", alert_type=kind, dedup_key="import", progress=0.1))
    application.wait(
        application.raise_alerts("import", alert_type=kind, dedup_key="import", resolved=True, progress="100%")
    )
    (message,) = sandbox.messages()
    assert fields(message)["Progress"].endswith("100%")
    (thread,) = sandbox.call("GET", "threads")
    assert (message["channel_id"], thread["name"]) == (thread["id"], "Import")


@pytest.mark.parametrize("is_forum", [True, False])
def test_what_is_new_is_told_in_the_post_of_a_forum_and_in_a_text_channel_by_its_message_alone(
    application: Application, sandbox: Sandbox, worker: Process, *, is_forum: bool
) -> None:
    kind = AlertType.TRACKLIST
    if is_forum:
        sandbox.make_forum(kind)
    given = {"alert_type": kind, "dedup_key": "import"}
    application.wait(application.raise_alerts("Import", **given, incident_thread=True))
    application.raise_alerts("import", **given, update=True, message="Writing", progress=1)
    application.raise_alerts("Import is done", **given, resolved=True)
    until(lambda: is_green(sandbox) and "Progress" in fields(sandbox.messages()[0]), "the resolution")
    first, *news = sandbox.messages()
    assert [each["embeds"][0]["title"] for each in (first, *news)] == ["✅ Import is done"] * (2 if is_forum else 1)
    assert {each["channel_id"] for each in news} <= {first["channel_id"]}
    assert sandbox.stats()["rate_limited"] == 0


@pytest.mark.slow
def test_the_command_line_tells_of_incidents(
    application: Application, sandbox: Sandbox, worker: Process, notifier: Notifier
) -> None:
    sent = notifier("send", "general", "Disk full", "--dedup-key", "{source}/disk", "--source", "db1", "--wait", "30")
    assert sent.returncode == 0, sent.stderr
    (found,) = json.loads(notifier("incidents", "--open", "--json").stdout)
    assert (found["key"], found["title"], found["state"], found["count"]) == ("db1/disk", "Disk full", "open", 1)
    assert found["message_id"] == sandbox.messages()[0]["id"]
    acknowledged = notifier("ack", "db1/disk", "--by", "ops", "--why", "new disk", "--json")
    assert [each["alert_type"] for each in json.loads(acknowledged.stdout)] == ["general"]
    until(lambda: "Acknowledged" in fields(sandbox.messages()[0]), "the acknowledgement")
    assert fields(sandbox.messages()[0])["Acknowledged"].endswith("· new disk")
    unknown = notifier("ack", "db2/disk")
    assert (unknown.returncode, "open are db1/disk" in unknown.stderr) == (1, True)
    assert notifier("send", "general", "--dedup-key", "db1/disk", "--resolved", "--progress", "100%").returncode == 0
    until(lambda: is_green(sandbox), "the resolution")
    assert "no incident is open" in notifier("incidents", "--open").stdout
    again = notifier("send", "general", "--dedup-key", "db1/disk", "--resolved")
    assert again.stdout.startswith("not_open "), again.stdout + again.stderr
    assert again.returncode == 0
    assert "resolved" in notifier("incidents").stdout
    fine = notifier(
        "send", "general", "Fine", "--dedup-key", "nope", "--resolved", "--if-not-open", "post", "--wait", "30"
    )
    assert (fine.returncode, "✅ Fine" in sandbox.titles()) == (0, True), fine.stderr
    over = notifier("send", "general", "--dedup-key", "nope", "--resolved", "--json")
    assert "no incident with its key is open" in notifier("explain", json.loads(over.stdout)["id"]).stdout


@pytest.mark.slow
def test_a_silence_keeps_alerts_away_and_its_end_tells_how_many(
    sandbox: Sandbox, worker: Process, notifier: Notifier
) -> None:
    added = notifier(
        "silence", "add", "--type", "general", "--match", "disk*", "--for", "2h", "--by", "ops", "--why", "x", "--json"
    )
    assert added.returncode == 0, added.stderr
    silence_id = json.loads(added.stdout)["id"]
    sent = notifier("send", "general", "Disk full", "--wait", "20", "--json")
    result = json.loads(sent.stdout)
    assert result["status"] == "silenced"
    assert f"silenced: by the silence {silence_id}" in notifier("explain", result["id"]).stdout
    (listed,) = json.loads(notifier("silence", "list", "--json").stdout)
    assert (listed["count"], listed["titles"], listed["by"]) == (1, {"Disk full": 1}, "ops")
    assert sandbox.messages() == []
    assert notifier("silence", "end", silence_id).returncode == 0
    until(lambda: sandbox.titles() == ["A silence has ended: 1 alert was silenced"], "what it has kept away")
    assert "there is no silence" in notifier("silence", "list").stdout
    refused = notifier("silence", "add", "--type", "critical", "--for", "1h")
    assert (refused.returncode, "--force" in refused.stderr) == (1, True)
    assert "up to 30 days" in notifier("silence", "add", "--match", "x", "--for", "31d").stderr
    assert "no silence has the id" in notifier("silence", "end", "nope").stderr
