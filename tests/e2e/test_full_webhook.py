"""All that a webhook can send arrives, in the forms in which Discord takes it."""

import pytest

from notifier.message_parts import Author, LinkButton, MessageFile, Poll, PollAnswer
from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application

pytestmark = pytest.mark.slow

LINK = "https://example.com/a"
PNG = b"\x89PNG\r\n\x1a\n"


def test_every_part_of_a_message_is_in_the_channel(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    ids = [
        *application.raise_alerts(
            "everything",
            message="text",
            author=Author(name="A", url=LINK, icon_url=LINK),
            image="chart (1).png",
            thumbnail=LINK,
            footer_icon=LINK,
            source="service",
            content="above @everyone",
            mentions=["@here"],
            tts=True,
            silent=True,
            files=[
                MessageFile(name="chart (1).png", content=PNG, description="a chart"),
                MessageFile(name="data.json", content="{}"),
            ],
            buttons=[LinkButton(label="Open", url=LINK), LinkButton(label="Local", url="http://localhost/")],
        ),
        *application.raise_alerts("poll", poll=Poll(question="Back?", answers=[PollAnswer(text="Yes", emoji="✅")])),
    ]
    start_worker()
    records = application.wait(ids)
    assert [(record["status"], record["attempts"]) for record in records] == [("delivered", 1)] * 2
    assert "content" not in str(records[0]["message"]["files"]), "a record has no content of files"
    full, poll = sandbox.messages()
    (embed,) = full["embeds"]
    assert embed["author"] == {"name": "A", "url": LINK, "icon_url": LINK}
    assert embed["thumbnail"]["url"] == embed["footer"]["icon_url"] == LINK
    assert embed["description"] == "text\n\nLocal: http://localhost/"
    assert (full["content"], full["mention_everyone"], full["tts"]) == ("@here above @\u200beveryone", True, True)
    assert full["flags"] & 4096
    assert [(each["filename"], each["content_type"]) for each in full["attachments"]] == [
        ("chart__1_.png", "image/png"),
        ("data.json", "application/json"),
    ]
    assert full["attachments"][0]["description"] == "a chart"
    assert embed["image"]["url"].endswith("chart__1_.png")
    assert [button["url"] for row in full["components"] for button in row["components"]] == [LINK]
    assert poll["poll"]["question"]["text"] == "Back?"


def test_a_forum_gets_posts_with_names_and_is_asked_wrongly_once(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    *_, webhook_id, token = sandbox.variables["DISCORD_WEBHOOK_SECURITY"].split("/")
    sandbox.call("PUT", f"webhooks/{webhook_id}", token=token, channel_id="2000000000000000006", channel_type="forum")
    start_worker()
    first = application.wait(application.raise_alerts("first post", alert_type=AlertType.SECURITY))
    named = application.raise_alerts("second post", alert_type=AlertType.SECURITY, thread_name="by name")
    records = [*first, *application.wait(named)]
    assert [record["status"] for record in records] == ["delivered"] * 2
    assert sorted(thread["name"] for thread in sandbox.call("GET", "threads")) == ["by name", "first post"]
    assert [post["status"] for post in sandbox.posts()].count(400) == 1
    application.wait(application.raise_alerts("third post", alert_type=AlertType.SECURITY))
    assert [post["status"] for post in sandbox.posts()].count(400) == 1, "it is known by now"
