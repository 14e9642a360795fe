"""Published clients for Discord work against the sandbox, unchanged."""

import asyncio
import io
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import discord_webhook
import pytest
import requests

with warnings.catch_warnings():
    # discord.py imports audioop, which leaves Python with 3.13; that is no concern of these tests
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

SETTING = re.compile(r"(DISCORD_\w+)=(\S+)")


class Sandbox:
    """A sandbox in its own process."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.api = settings["DISCORD_API_URL"]
        self.address = self.api.removesuffix("/api/v10")
        self.general = settings["DISCORD_WEBHOOK_GENERAL"]

    def control(self, method: str, path: str, **body: Any) -> Any:
        answer = requests.request(method, f"{self.address}/sandbox/{path}", json=body or None, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.control("GET", "messages")
        return messages

    def statuses(self) -> list[int]:
        return [request["status"] for request in self.control("GET", "requests")]


@pytest.fixture(scope="module")
def process() -> Iterator[Sandbox]:
    """It ends with this process even under kill -9, because its input ends then."""
    command = [sys.executable, "-m", "notifier.sandbox", "--port", "0", "--exit-with-stdin"]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(8)]
        yield Sandbox(dict(match.groups() for line in lines if (match := SETTING.match(line))))
    finally:
        running.kill()
        running.communicate(timeout=20)


@pytest.fixture
def sandbox(process: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """In its start state; discord.py believes that it is discord.com."""
    process.control("POST", "reset")
    monkeypatch.setattr(discord.http.Route, "BASE", process.api)
    return process


def embed() -> discord.Embed:
    shown = discord.Embed(title="Disk full", description="/var at 97 %", colour=0xE74C3C, timestamp=datetime.now(UTC))
    shown.set_author(name="monitor", url="https://example.com").set_footer(text="tracktion")
    return shown.add_field(name="host", value="a1").add_field(name="free", value="3 %", inline=False)


def as_discord(sandbox: Sandbox) -> str:
    """The URL as Discord would show it: discord.py accepts no other."""
    return sandbox.general.replace(f"{sandbox.address}/", "https://discord.com/")


def test_discord_py_posts_edits_reads_and_deletes(sandbox: Sandbox) -> None:
    with requests.Session() as session:
        webhook = discord.SyncWebhook.from_url(as_discord(sandbox), session=session)
        file = discord.File(io.BytesIO(b"Traceback"), filename="trace.log", description="what happened")
        sent = webhook.send("hello", username="Deploy bot", embeds=[embed()], file=file, wait=True)

        (stored,) = sandbox.messages()
        assert (stored["content"], stored["author"]["username"]) == ("hello", "Deploy bot")
        assert stored["embeds"][0]["fields"][1] == {"name": "free", "value": "3 %", "inline": False}
        assert requests.get(stored["attachments"][0]["url"], timeout=10).content == b"Traceback"
        assert stored["attachments"][0]["description"] == "what happened"
        assert sent.embeds[0].colour == discord.Colour(0xE74C3C)

        assert sent.edit(content="edited", embeds=[]).content == "edited"
        assert webhook.fetch_message(sent.id).edited_at is not None
        assert (sandbox.messages()[0]["content"], sandbox.messages()[0]["embeds"]) == ("edited", [])
        assert len(sandbox.messages()[0]["attachments"]) == 1

        webhook.delete_message(sent.id)
        assert sandbox.messages() == []
        with pytest.raises(discord.NotFound) as gone:
            webhook.fetch_message(sent.id)
        assert gone.value.code == 10008


def test_discord_py_async_posts_edits_and_deletes(sandbox: Sandbox) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            webhook = discord.Webhook.from_url(as_discord(sandbox), session=session)
            files = [discord.File(io.BytesIO(b"A"), filename="a.txt"), discord.File(io.BytesIO(b"B"), filename="b.txt")]
            sent = await webhook.send("hello", embed=embed(), files=files, wait=True)
            assert [each.filename for each in sent.attachments] == ["a.txt", "b.txt"]
            edited = await sent.edit(content="edited", attachments=[sent.attachments[1]])
            assert [each.filename for each in edited.attachments] == ["b.txt"]
            await sent.delete()

    asyncio.run(asyncio.wait_for(run(), 60))
    assert sandbox.messages() == []
    assert sandbox.statuses() == [200, 200, 204]


def test_discord_py_reads_the_errors(sandbox: Sandbox) -> None:
    with requests.Session() as session:
        webhook = discord.SyncWebhook.from_url(as_discord(sandbox), session=session)
        with pytest.raises(discord.HTTPException, match=r"In embeds\.0\.title: Must be 256 or fewer in length") as bad:
            webhook.send(embed=discord.Embed(title="x" * 257))
        assert (bad.value.status, bad.value.code) == (400, 50035)
        sandbox.control("DELETE", "webhooks/1000000000000000001")
        with pytest.raises(discord.NotFound) as gone:
            webhook.send("x")
        assert gone.value.code == 10015


def test_discord_py_lives_through_a_429_and_raises_at_an_edge_ban(sandbox: Sandbox) -> None:
    sandbox.control("POST", "faults", kind="rate_limit", seconds=0.3, times=1)
    with requests.Session() as session:
        webhook = discord.SyncWebhook.from_url(as_discord(sandbox), session=session)
        assert webhook.send("through", wait=True).content == "through"
        assert sandbox.statuses() == [429, 200]
        sandbox.control("POST", "ban", seconds=30)
        with pytest.raises(discord.HTTPException) as banned:
            webhook.send("banned")
        assert banned.value.status == 429
    assert [message["content"] for message in sandbox.messages()] == ["through"]


@pytest.mark.slow
def test_discord_py_stays_inside_the_bucket_by_its_headers(sandbox: Sandbox) -> None:
    with requests.Session() as session:
        webhook = discord.SyncWebhook.from_url(as_discord(sandbox), session=session)
        for number in range(7):
            webhook.send(str(number))
    assert sandbox.statuses() == [204] * 7
    assert [message["content"] for message in sandbox.messages()] == [str(number) for number in range(7)]


@pytest.mark.parametrize("version", ["/v10", ""])
def test_python_discord_webhook_posts_edits_and_deletes(sandbox: Sandbox, version: str) -> None:
    url = sandbox.general.replace("/api/", f"/api{version}/")
    webhook = discord_webhook.DiscordWebhook(url=url, content="hello", username="Deploy bot", timeout=10)
    shown = discord_webhook.DiscordEmbed(title="Disk full", description="/var at 97 %", color="e74c3c")
    shown.set_author("monitor", url="https://example.com")
    shown.set_footer("tracktion")
    shown.set_timestamp()
    shown.add_embed_field("host", "a1")
    webhook.add_embed(shown)
    webhook.add_file(b"Traceback", "trace.log")
    assert webhook.execute().status_code == 200

    (stored,) = sandbox.messages()
    assert (stored["id"], stored["content"], stored["author"]["username"]) == (webhook.id, "hello", "Deploy bot")
    assert (stored["embeds"][0]["title"], stored["embeds"][0]["color"]) == ("Disk full", 0xE74C3C)
    assert requests.get(stored["attachments"][0]["url"], timeout=10).content == b"Traceback"

    webhook.content = "edited"
    assert webhook.edit().status_code == 200
    (stored,) = sandbox.messages()
    assert stored["content"] == "edited"
    assert [each["filename"] for each in stored["attachments"]] == ["trace.log"]

    assert webhook.delete().status_code == 204
    assert sandbox.messages() == []


def test_python_discord_webhook_lives_through_real_429s(sandbox: Sandbox) -> None:
    url = sandbox.general.replace("/api/", "/api/v10/")
    # all six posts have to fall into one window
    sandbox.control("PUT", "limits", bucket={"limit": 5, "window_seconds": 6})
    for number in range(6):
        webhook = discord_webhook.DiscordWebhook(url=url, content=str(number), rate_limit_retry=True, timeout=10)
        assert webhook.execute().status_code == 200
    assert sandbox.statuses() == [200] * 5 + [429, 200]
    assert [message["content"] for message in sandbox.messages()] == [str(number) for number in range(6)]
