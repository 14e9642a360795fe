"""An address of Discord's form: programs that know nothing else post to it, and are answered as Discord does."""

import asyncio

import requests
from discord_webhook import DiscordEmbed, DiscordWebhook

from notifier.intake.server import Server
from notifier.intake.tokens import WINDOW_SECONDS, Tokens
from notifier.testing import Alerts
from tests.unit.intake.conftest import BEARER, TOKEN, Clock, Post


def test_a_program_that_knows_only_discord_posts_to_an_address_of_that_form(
    post: Post, clock: Clock, alerts: Alerts
) -> None:
    path = f"/api/webhooks/223704706495545344/{TOKEN}"
    assert post(path, {"content": "1"})[:2] == (204, "")
    assert post(f"/api/v10/webhooks/1/{TOKEN}?thread_id=5&type=error", {"content": "2"})[:2] == (204, "")
    code, message, _ = post(f"{path}?wait=true", {"embeds": [{"title": "3"}]})
    assert code == 200
    assert (message["webhook_id"], message["type"], message["id"].isdecimal()) == ("223704706495545344", 0, True)
    assert {"channel_id", "author", "timestamp", "attachments", "mentions", "pinned", "tts"} <= message.keys()
    clock.now += WINDOW_SECONDS
    assert post(f"{path}/slack", {"text": "4"})[:2] == (200, "ok")
    assert post(f"/{TOKEN}/discord?wait=1", {"content": "5"})[1]["type"] == 0
    assert [each.title for each in alerts.sent] == ["1", "2", "3", "4", "5"]
    assert (alerts.sent[1].thread_id, alerts.sent[1].alert_type) == ("5", "error")


def test_a_program_that_asks_for_its_webhook_first_is_told(post: Post) -> None:
    path = f"/api/webhooks/223704706495545344/{TOKEN}"
    code, webhook, _ = post(path, None, "GET")
    assert (code, webhook["id"], webhook["type"]) == (200, "223704706495545344", 1)
    assert post(f"{path}x", None, "GET")[0] == 401
    assert post("/alerts", None, "GET", **BEARER)[0] == 405


def test_a_client_library_of_discords_is_content(clock: Clock, alerts: Alerts) -> None:
    def send(address: str) -> "requests.Response":
        webhook = DiscordWebhook(url=address, content="1", username="CI", rate_limit_retry=False, timeout=20)
        webhook.add_embed(DiscordEmbed(title="Deployed", description="**v2**", color="03b2f8"))
        webhook.add_file(file=b"log", filename="ci.log")
        return webhook.execute()

    async def run() -> int:
        intake = Server("127.0.0.1", 0, Tokens([TOKEN], 3, clock))
        answer = await asyncio.to_thread(send, f"http://127.0.0.1:{intake.port}/api/webhooks/1/{TOKEN}")
        await intake.close()
        return answer.status_code

    assert asyncio.run(run()) in (200, 204)
    (alert,) = alerts.sent
    assert (alert.title, alert.content, alert.username, alert.files[0].content) == ("Deployed", "1", "CI", b"log")


def test_it_is_told_what_is_wrong_in_discords_form(post: Post, clock: Clock, alerts: Alerts) -> None:
    path = f"/api/webhooks/1/{TOKEN}"
    assert post(path, {})[:2] == (400, {"message": "content: expected a content, embeds or files", "code": 0})
    code, answer, _ = post(f"{path}x", {"content": "1"})
    assert (code, answer["code"]) == (401, 50027)
    for _ in range(2):
        post(path, {"content": "1"})
    code, answer, headers = post(path, {"content": "1"})
    assert (code, answer["retry_after"], answer["global"]) == (429, float(WINDOW_SECONDS), False)
    assert headers["Retry-After"] == str(WINDOW_SECONDS)


def test_files_for_discord_come_with_the_message(post: Post, alerts: Alerts) -> None:
    parts = {
        'name="payload_json"': b'{"embeds": [{"title": "T", "image": {"url": "attachment://a.png"}}]}',
        'name="files[0]"; filename="a.png"\r\nContent-Type: image/png': b"\x89PNG",
    }
    body = b"".join(
        b"--x\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (n.encode(), v) for n, v in parts.items()
    )
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert post(f"/api/webhooks/1/{TOKEN}", body + b"--x--\r\n", **kind)[0] == 204
    (alert,) = alerts.sent
    assert [(each.name, each.content) for each in alert.files] == [("a.png", b"\x89PNG")]
    assert alert.image == "a.png"
    assert post(f"/api/webhooks/1/{TOKEN}", b"--x\r\nnothing", **kind)[0] == 400
