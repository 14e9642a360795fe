"""The command line: what people type, what they read, and what programs parse."""

import json
import time
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from notifier.models import AlertType
from tests.conftest import Sandbox
from tests.e2e.conftest import Application, Notifier


@pytest.mark.slow
def test_an_alert_is_sent_waited_for_and_found_in_the_history(
    notifier: Notifier, sandbox: Sandbox, worker: Process
) -> None:
    sent = notifier(
        "send", "error", "Disk full", "--field", "Mount=/var", "--mention", "<@&5>", "--wait", "30", "--json"
    )
    assert sent.returncode == 0, sent.stderr
    result = json.loads(sent.stdout)
    assert (result["status"], result["success"]) == ("delivered", True)
    (message,) = sandbox.messages()
    assert message["embeds"][0]["fields"][0]["value"] == "/var"
    (record,) = json.loads(notifier("history", "--type", "error", "--since", "1h", "--search", "disk", "--json").stdout)
    assert (record["id"], record["message_id"]) == (result["id"], message["id"])
    assert {name: result[name] for name in record} == record, "one thing has one shape"
    assert "Disk full" in notifier("history").stdout
    assert json.loads(notifier("history", "--status", "failed", "--json").stdout) == []


def test_a_template_is_sent_with_its_variables(notifier: Notifier, sandbox: Sandbox, worker: Process) -> None:
    done = notifier(
        "send",
        "-t",
        "tracklist_generated",
        "--set",
        "recording=Artist - Mix Title",
        "--set",
        "tracks=15",
        "--wait",
        "30",
    )
    assert done.stdout.startswith("delivered "), done.stderr
    assert sandbox.titles() == ["🎵 Tracklist Generated"]


BAD_INPUT = [
    (["send"], "give TYPE and TITLE (or a message), or a --template"),
    (["dead", "replay", "nope"], "no dead letter has the id 'nope'"),
]
MORE_BAD_INPUT = [
    (["send", "boom", "x"], "'boom' is not one of"),
    (["send", "error", "x", "--field", "nope"], "'nope' is not NAME=VALUE"),
    (["send", "-t", "nope"], "no template 'nope'; there are backup, critical"),
    (["send", "-t", "tracklist_generated"], "'tracks' is missing"),
    (["history", "--since", "yesterday"], "'yesterday' is neither a time"),
]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [*BAD_INPUT, *(pytest.param(*each, marks=pytest.mark.slow) for each in MORE_BAD_INPUT)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_reported_in_one_line(notifier: Notifier, arguments: list[str], says: str) -> None:
    done = notifier(*arguments)
    assert done.returncode != 0
    assert says in " ".join(done.stderr.split())


@pytest.mark.slow
def test_a_wrong_setting_is_named_and_its_value_is_not_shown(notifier: Notifier) -> None:
    refused = notifier("history", DISCORD_RATE_LIMIT="fake-token-thirty")
    assert refused.returncode == 1
    assert "DISCORD_RATE_LIMIT: Input should be a valid integer" in refused.stderr
    warned = notifier("send", "general", "x", DISCORD_WEBHOOK_GENERAL="https://example.com/fake-token-oops")
    assert warned.returncode == 0, "it posts nothing"
    assert "DISCORD_WEBHOOK_GENERAL: expected https://discord.com/api/webhooks/<id>/<token>" in warned.stderr


@pytest.mark.slow
def test_redis_away_is_reported_in_one_line(notifier: Notifier) -> None:
    done = notifier("send", "error", "x", REDIS_URL="redis://:fake-token@127.0.0.1:1/0")
    assert done.returncode == 1
    assert "no Redis at 127.0.0.1:1, database 0: Connection refused; does" in done.stderr
    assert "nothing was stored [broker_unavailable]" in done.stderr
    checked = notifier("check", "--json", REDIS_URL="redis://:fake-token@127.0.0.1:1/0")
    assert checked.returncode == 1
    found = json.loads(checked.stdout)["redis"]
    assert found["ok"] is False
    assert "127.0.0.1:1, database 0: " in found["problem"]
    assert "Connection refused" in found["problem"]


@pytest.mark.slow
def test_check_asks_every_webhook_and_posts_nothing(notifier: Notifier, sandbox: Sandbox) -> None:
    done = notifier("check", "--json")
    report = json.loads(done.stdout)
    assert (report["valid"], report["healthy"]) == (True, True)
    assert (done.returncode, report["unserved"]) == (1, list(AlertType)), "no worker runs"
    assert report["redis"].items() >= {"ok": True, "role": "master", "eviction_policy": "noeviction"}.items()
    assert {each["alert_type"]: each["channel_id"][-1] for each in report["webhooks"]} == {
        kind: str(number) for number, kind in enumerate(AlertType, 1)
    }
    assert sandbox.stats()["executes"] == 0
    sandbox.call("DELETE", "webhooks/1000000000000000003")
    until = time.monotonic() + 30
    while "webhook_unknown" not in (shown := notifier("check").stdout) and time.monotonic() < until:
        pass  # an answer that is seconds old is taken for the next
    assert "webhook_unknown" in shown
    assert "No worker delivers alerts of any type; they wait until one is started: celery -A notifier worker" in shown
    asked = [request["webhook_id"] for request in sandbox.call("GET", "requests")].count("1000000000000000003")
    for _ in range(3):
        notifier("check")
    assert [each["webhook_id"] for each in sandbox.call("GET", "requests")].count("1000000000000000003") == asked
    assert sandbox.stats()["rate_limited"] == 0


@pytest.mark.slow
def test_check_says_which_types_have_no_webhook(notifier: Notifier) -> None:
    done = notifier("check", "--json", DISCORD_WEBHOOK_SECURITY="")
    report = json.loads(done.stdout)
    (missing,) = [each for each in report["webhooks"] if each["problem"]]
    assert "security" not in report["unserved"], "nobody need deliver it"
    assert (missing["variable"], missing["problem"]) == ("DISCORD_WEBHOOK_SECURITY", "webhook_not_configured")


@pytest.mark.slow
def test_the_demo_of_incidents_has_one_message_for_each_and_counts_all(notifier: Notifier) -> None:
    done = notifier("demo", "incidents", "--json", REDIS_URL="")
    assert done.returncode == 0, done.stderr
    tally = json.loads(done.stdout)
    assert (tally["raised"], tally["messages"], tally["counted"], tally["too_many_requests"]) == (2_025, 3, 2_000, 0)
    assert tally["requests"] < 60 + 3 * tally["seconds"] / 5, "more, the longer the storm takes on this machine"


@pytest.mark.slow
def test_the_demo_counts_what_arrived_and_uses_nobodys_redis_or_settings(
    notifier: Notifier, application: Application, sandbox: Sandbox, tmp_path: Path
) -> None:
    application.raise_alerts("real")
    (tmp_path / ".env").write_text("DISCORD_QUIET_HOURS=00:00-23:59 UTC hold\n", encoding="utf-8")
    done = notifier("demo", "--json", DISCORD_DRY_RUN="1")
    assert done.returncode == 0, done.stderr
    assert "REDIS_URL is not used: the demo has a Redis of its own" in done.stderr
    counted = json.loads(done.stdout)
    assert (counted["raised"], counted["delivered"]) == (106, 106)
    assert (counted["too_many_requests"], counted["doubled_titles"]) == (0, 0)
    minutes = 1 + counted["burst_seconds"] // 60
    assert counted["requests"] <= 6 + 6 + 30 * minutes, "an info and an alert of each type, and what a channel takes"
    assert application.pipeline.outbox.depth(AlertType.GENERAL) == 1
    assert sandbox.titles() == []
