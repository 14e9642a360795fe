"""The page shows text as text, needs nothing from outside, and no secret is in it."""

import re
import shutil
import subprocess

import pytest
import requests

from notifier.sandbox.page import HTML, policy
from notifier.sandbox.server import Server

SCRIPT = re.findall(r"<script>(.*?)</script>", HTML, re.DOTALL)


def test_nothing_on_the_page_parses_html_or_runs_text() -> None:
    parses = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|createContextualFragment"
    assert re.findall(parses, HTML) == []
    assert re.findall(r"eval\(|new Function", HTML) == []
    assert len(SCRIPT) == 1
    assert re.findall(r"\son\w+\s*=\s*[\"']", HTML) == []


def test_links_are_made_in_one_place_and_only_for_the_web() -> None:
    assert SCRIPT[0].count("href:") == 1
    assert 'web(url) ? el("a", { href: url' in SCRIPT[0]
    assert r"const web = url => /^https?:\/\//i.test(url" in SCRIPT[0]


def test_the_page_needs_nothing_from_outside() -> None:
    assert re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", HTML) == []
    assert "@import" not in HTML
    assert "url(" not in HTML


def test_the_browser_is_told_to_run_the_pages_own_script_only(server: Server) -> None:
    answer = requests.get(f"{server.address}/", timeout=10)
    rules = answer.headers["Content-Security-Policy"]
    assert rules == policy(HTML)
    assert "default-src 'none'" in rules
    assert re.search(r"script-src 'sha256-[^']+';", rules)
    assert "unsafe" not in rules
    assert "fake-token" not in answer.text


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node to parse the script")
def test_the_script_parses() -> None:
    subprocess.run(["node", "--check", "-"], input=SCRIPT[0].encode(), check=True, timeout=30)  # noqa: S607
