"""A long text is readable in the channel: as numbered messages, or with all of it in a file of its kind."""

import json

import pytest

from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier

pytestmark = pytest.mark.slow

LINES = "\n".join(f"{number:>4} {'x' * 60}" for number in range(160))
LOG = "\n".join(f"2026-01-01 12:00:{number % 60:02} ERROR {number} {'x' * 60}" for number in range(100))


def test_the_parts_are_one_post_of_a_forum_and_what_needs_too_many_is_attached(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, notifier: Notifier
) -> None:
    *_, webhook_id, token = sandbox.variables["DISCORD_WEBHOOK_SECURITY"].split("/")
    sandbox.call("PUT", f"webhooks/{webhook_id}", token=token, channel_id="2000000000000000006", channel_type="forum")
    start_worker(DISCORD_SPLIT_MAX="1")  # what counts is where the alert was raised
    split = {"alert_type": AlertType.SECURITY, "long_text": "split"}
    ids = application.raise_alerts("long", message=LINES, mentions=["<@&7>"], fields={"host": "db1"}, **split)
    ids += application.raise_alerts("log", message=LOG, long_text="attach")
    ids += application.raise_alerts("too long", message=LINES * 3, **{**split, "alert_type": AlertType.GENERAL})
    records = application.wait(ids)
    assert [record["status"] for record in records] == ["delivered"] * 3
    posts = [each for each in sandbox.messages() if each["embeds"][0]["title"].startswith("long (")]
    assert [each["embeds"][0]["title"] for each in posts] == [f"long ({number}/3)" for number in (1, 2, 3)]
    assert "\n".join(each["embeds"][0]["description"] for each in posts).split() == LINES.split()
    assert [each["content"] for each in posts] == ["<@&7>", "", ""]
    assert [len(each["embeds"][0].get("fields", [])) for each in posts] == [0, 0, 1]
    (thread,) = sandbox.call("GET", "threads")
    assert thread["name"] == "long"
    assert {each["channel_id"] for each in posts} == {thread["id"]}
    assert records[0]["message_ids"] == [each["id"] for each in posts]
    assert records[0]["channel_id"] == thread["id"]
    assert (records[0]["link"] or "").endswith(f"{thread['id']}/{posts[0]['id']}")
    names = [file["filename"] for each in sandbox.messages() for file in each["attachments"]]
    assert sorted(names) == [f"log-{ids[1]}.log", f"too-long-{ids[2]}.txt"]
    steps = json.loads(notifier("explain", ids[0], "--json").stdout)
    assert "part 2 of 3 is message" in str(steps)
