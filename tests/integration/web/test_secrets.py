"""No answer of any address holds a token, whatever alerts and settings hold; and Redis need grant it few rights."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from notifier.models import AlertType, NotificationMessage
from notifier.outcome import Reason, Rejected
from notifier.storage.connection import connect
from notifier.web.reading import READS
from notifier.webhook import Webhook
from tests.integration.web.conftest import MakePage

ALL = ["/", "/login", "/live", "/ready", *(f"/api/{name}" for name in ("overview", "statistics", "silences", *READS))]
TOKEN = "fake-token-" + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
URL = f"https://discord.com/api/webhooks/1000000000000000001/{TOKEN}"
REDIS_MD = Path(__file__).parents[3] / "docs" / "redis.md"


def test_no_answer_holds_a_token(make_page: MakePage) -> None:
    webhook = Webhook("1000000000000000001", SecretStr(TOKEN))
    wrong = {AlertType.SECURITY: "DISCORD_WEBHOOK_SECURITY: expected https://discord.com/api/webhooks/<id>/<token>"}
    page = make_page(webhooks={AlertType.GENERAL: webhook}, wrong_webhooks=wrong)
    told = {"title": f"posts to {URL}", "message": f"url={URL}", "fields": {"webhook": URL}, "metadata": {"u": URL}}
    for name, more in (("waits", {}), ("dead", {}), ("open", {"dedup_key": "k"})):
        page.pipeline.client.submit(NotificationMessage(id=name, **told, **more))
        if name == "dead":
            claim = [page.bench.claim(webhook=webhook)]
            page.bench.commit(claim[0], Rejected(Reason.WEBHOOK_UNKNOWN, "Unknown Webhook"))  # type: ignore[arg-type]
    page.act("/api/gates/general/close", {"by": URL, "why": URL})
    page.act("/api/silences", {"match": {"title": URL[:200]}, "for": "1h", "by": URL, "why": URL})
    for path in (*ALL, "/api/alerts/waits", "/api/alerts/dead", "/api/alerts/open"):
        page.ask(path)  # what was answered is looked at when the page is stopped
    for name in ("waits", "dead", "open"):
        page.act(f"/api/alerts/{name}/withdraw")


def acl_user(name: str) -> str:
    """The rights of a user of the page on Redis."""
    (line,) = re.findall(rf"^ACL SETUSER {name} (.*)$", REDIS_MD.read_text(encoding="utf-8"), re.MULTILINE)
    return line


def test_the_rights_of_an_application_are_enough(
    make_page: MakePage, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = connect(redis_url, 5)
    rights = acl_user("notifier-producer").replace(">PASSWORD", ">fake-token-acl").split()
    admin.execute_command("ACL", "SETUSER", "webtest", *rights)
    try:
        page = make_page()
        url = redis_url.replace("redis://", "redis://webtest:fake-token-acl@")
        limited = make_page(redis_url=SecretStr(url))
        for path in ALL:
            assert limited.ask(path).status_code in (200, 303), path
        page.die("d1", "d2")
        page.bench.admit("w")
        assert limited.get("/api/alerts/d1")["is_dead"]
        for path, body in (
            ("/api/gates/general/close", {}),
            ("/api/gates/general/reset", {}),
            ("/api/dead/drop", {"ids": ["d1"]}),
            ("/api/dead/replay", {"ids": ["d2"]}),
            ("/api/alerts/w/withdraw", {}),
        ):
            answer = limited.act(path, body)
            assert answer.status_code == 200, answer.text
            assert not answer.json().get("failed"), answer.text
    finally:
        admin.execute_command("ACL", "DELUSER", "webtest")
        admin.close()
