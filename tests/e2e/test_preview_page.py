"""``--open``: the page of a sandbox shows the alert, and ends with Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from notifier.outcome import Status
from tests.conftest import Sandbox
from tests.e2e.conftest import Notifier
from tests.servers import until

ADDRESS = re.compile(r"The page is at (http://\S+) until Ctrl-C")
LONG = "\n".join(f"line {number}" for number in range(1_400))


@pytest.mark.slow
def test_the_page_shows_every_part_in_its_thread_until_ctrl_c(tmp_path: Path) -> None:
    message = {"title": "Long", "message": LONG, "long_text": "split", "thread_name": "A post", "files": []}
    (tmp_path / "alert.json").write_text(json.dumps(message))
    command = [sys.executable, "-m", "notifier", "preview", "--from-json", "alert.json", "--open"]
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > opened\nsleep 2\n')  # one that is waited for
    browser.chmod(0o700)
    environment = {**os.environ, "BROWSER": f"{browser} %s"}
    out = tmp_path / "out"
    with out.open("w") as output:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        until(lambda: ADDRESS.search(out.read_text()) or process.poll() is not None, "the page's address")
        said = ADDRESS.search(out.read_text())
        assert said, out.read_text()
        messages: list[Any] = requests.get(f"{said[1]}/sandbox/messages", timeout=10).json()
        titles = [each["embeds"][0]["title"] for each in messages]
        assert titles == [f"Long ({number}/{len(titles)})" for number in range(1, len(titles) + 1)]
        assert len({each["channel_id"] for each in messages}) == 1
        (thread,) = requests.get(f"{said[1]}/sandbox/threads", timeout=10).json()
        assert thread["name"] == "A post"
        until(lambda: (tmp_path / "opened").exists() and (tmp_path / "opened").read_text(), "the browser")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert (tmp_path / "opened").read_text().strip() == said[1]
        with pytest.raises(requests.ConnectionError):
            requests.get(said[1], timeout=10)
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_what_a_preview_shows_is_what_is_posted(
    notifier: Notifier, sandbox: Sandbox, worker: object, tmp_path: Path
) -> None:
    """The same arguments, once as a dry run and once in earnest: to the byte, but for the time of the call."""
    (tmp_path / "shot.png").write_bytes(b"\x89PNG\r\n")
    arguments = ["send", "error", "Render *failed*", "a_b", "--image", "shot.png", "--field", "Node=7", "--silent"]
    shown = json.loads(notifier(*arguments, "--dry-run", "--json").stdout)["parts"][0]
    sent = json.loads(notifier(*arguments, "--wait", "30", "--json").stdout)
    assert sent["status"] == Status.DELIVERED
    (request,) = sandbox.posts()
    (message,) = sandbox.messages()
    embed, wanted = message["embeds"][0], shown["payload"]["embeds"][0]
    for name in ("title", "description", "color"):
        assert embed[name] == wanted[name]
    assert [(each["name"], each["value"]) for each in embed["fields"]] == [("Node", "7")]
    assert [each["filename"] for each in message["attachments"]] == [each["name"] for each in shown["files"]]
    assert message["flags"] & shown["payload"]["flags"] == shown["payload"]["flags"]
    assert request["status"] == 200
