"""The sandbox's page in a browser, and what a test posts to it."""

import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import requests
from playwright.sync_api import Browser, expect

from tests.conftest import Sandbox
from tests.e2e.watched_page import WatchedPage

FORUM = "2000000000000000007"


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(colour) * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class Channel:
    """One webhook of the sandbox."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self._url = sandbox.variables[f"DISCORD_WEBHOOK_{name}"].replace("/api/", "/api/v10/")

    def post(self, payload: dict[str, Any], files: Sequence[tuple[str, bytes]] = (), **query: str) -> dict[str, Any]:
        """Post a message; Discord's answer."""
        query = {"wait": "true", "with_components": "true", **query}
        uploads = {f"files[{number}]": file for number, file in enumerate(files)}
        body: dict[str, Any] = {"data": {"payload_json": json.dumps(payload)}, "files": uploads}
        answer = requests.post(self._url, params=query, timeout=10, **(body if files else {"json": payload}))
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def change(self, method: str, message: dict[str, Any], payload: dict[str, Any] | None = None) -> None:
        """Edit or delete a message."""
        requests.request(method, f"{self._url}/messages/{message['id']}", json=payload, timeout=10).raise_for_status()


def forum(sandbox: Sandbox) -> Channel:
    """A webhook of a forum."""
    hook, token = "1000000000000000007", "fake-token-forum"
    sandbox.call("PUT", f"webhooks/{hook}", token=token, channel_id=FORUM, name="incidents", channel_type="forum")
    sandbox.variables["DISCORD_WEBHOOK_FORUM"] = f"{sandbox.address}/api/webhooks/{hook}/{token}"
    return Channel(sandbox, "FORUM")


class Seen(WatchedPage):
    """A page in a window, and what the browser said of it."""

    patience_ms = 15_000

    def __init__(self, browser: Browser, address: str, scheme: Any = "dark", width: int = 1280) -> None:
        super().__init__(browser, scheme, width)
        self.page.goto(address)
        expect(self.page.locator("#live")).to_have_text("live")

    def article(self, message: dict[str, Any]) -> Any:
        """A message, once it is drawn."""
        found = self.page.locator(f"#m{message['id']}")
        found.wait_for(state="attached")
        return found
