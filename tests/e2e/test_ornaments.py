"""No ornament is worth an alert: what Discord refuses of one is left out, and the record says so."""

from typing import Any

import pytest

from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application

pytestmark = pytest.mark.slow

LINK = "https://example.com/a.png"
LEAF = {"_errors": [{"code": "URL_TYPE_INVALID_URL", "message": "Not a well formed URL."}]}


def refusal(match: str, body: dict[str, Any]) -> dict[str, Any]:
    """Discord's answer to every request that holds this text."""
    return {"kind": "status", "status": 400, "match": match, "body": body, "method": "POST"}


def form(**errors: Any) -> dict[str, Any]:
    return {"code": 50035, "message": "Invalid Form Body", "errors": errors}


def test_refused_ornaments_are_left_out_in_both_forms_of_errors_and_every_alert_is_delivered(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    # each rides alone, so that embed 0 is the one that is meant
    sandbox.fault(**refusal(f'"avatar_url": "{LINK}"', form(avatar_url=LEAF)))
    sandbox.fault(**refusal("in v6", {"username": ["Username cannot contain that."]}))
    sandbox.fault(**refusal('"url": "https://example.com/refused"', form(embeds={"0": {"url": LEAF}})))
    sandbox.fault(**refusal('"color": 1,', {"embeds": ["0"]}))
    ids = [
        *application.raise_alerts("avatar", "avatar too", avatar_url=LINK),
        *application.raise_alerts("name", username="in v6"),
        *application.raise_alerts("link", url="https://example.com/refused", username="link"),
        *application.raise_alerts("colour", color=1, username="colour", source="service", fields={"name": "value"}),
        *application.raise_alerts("local", url="http://grafana:3000/d/1"),
    ]
    start_worker()
    records = application.wait(ids)
    assert [record["status"] for record in records] == ["delivered"] * 6
    assert [record.get("left_out") for record in records] == [
        ["avatar_url"],
        ["avatar_url"],
        ["username"],
        ["url"],
        ["color", "fields", "footer", "timestamp", "username"],
        ["url"],
    ]
    embeds = {embed["title"]: embed for message in sandbox.messages() for embed in message["embeds"]}
    assert embeds["link"]["description"] == "https://example.com/refused"
    assert embeds["local"]["description"] == "http://grafana:3000/d/1"
    refused = [post for post in sandbox.posts() if post["status"] == 400]
    assert len(refused) == 4, "one refusal each, and the alert goes again"
    assert application.pipeline.dead_letters.list() == []


def test_only_what_discord_refuses_bare_is_a_dead_letter(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    sandbox.fault(**refusal("blocked words", {"code": 200000, "message": "Message was blocked by AutoMod"}))
    start_worker()
    (record,) = application.wait(application.raise_alerts("blocked words", url=LINK, username="name"))
    assert (record["status"], record["reason"]) == ("rejected", "invalid_payload")
    assert record["left_out"] == ["color", "timestamp", "url", "username"]
    assert len(sandbox.posts()) == 2
