"""The page shows text as text, needs nothing from outside, and no secret is in it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from notifier.sandbox.page import FOLDER, HTML, policy
from notifier.sandbox.server import Server

SCRIPTS = sorted(FOLDER.glob("*.js"))
ALL_SCRIPTS = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS)


def test_nothing_on_the_page_parses_html_or_runs_text() -> None:
    parses = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|createContextualFragment"
    assert re.findall(parses, HTML) == []
    assert re.findall(r"eval\(|new Function|setTimeout\([\"'`]", HTML) == []
    assert re.findall(r"\son\w+\s*=\s*[\"']", HTML) == []
    # el() sets attributes by name: none of them may come out of a message
    assert set(re.findall(r"setAttribute\(([^,]+),", ALL_SCRIPTS)) <= {"key", '"d"', '"tabindex"', '"aria-pressed"'} | {
        '"aria-expanded"',
        '"aria-selected"',
    }


def test_an_address_becomes_a_link_in_one_place_and_only_for_the_web() -> None:
    assert set(re.findall(r"href: ([^,}]+)", ALL_SCRIPTS)) == {"url", "ownFile(file)", '"?pictures=outside"', '"?"'}
    assert ALL_SCRIPTS.count("href: url") == 1
    assert re.search(r'web\(url\)\s+\? el\("a", \{ \.\.\.attributes, href: url', ALL_SCRIPTS)
    assert r"const web = url => /^https?:\/\//i.test(url" in ALL_SCRIPTS


def test_the_page_needs_nothing_from_outside() -> None:
    assert re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", HTML) == []
    assert "@import" not in HTML
    assert "url(" not in HTML
    assert re.findall(r"<link rel=\"stylesheet\"|<script src", HTML) == [], "each part is in the page itself"


@pytest.mark.parametrize("path", ["/", "/?pictures=x"])
def test_the_browser_is_told_to_run_the_pages_own_scripts_only(server: Server, path: str) -> None:
    answer = requests.get(f"{server.address}{path}", timeout=10)
    rules = answer.headers["Content-Security-Policy"]
    assert rules == policy(HTML)
    assert "default-src 'none'" in rules
    assert re.search(rf"script-src( 'sha256-[^']+'){{{len(SCRIPTS)}}};", rules)
    assert "img-src 'self' data:;" in rules
    assert "unsafe" not in rules
    assert "fake-token" not in answer.text


def test_pictures_come_from_outside_on_the_page_that_was_asked_for_them(server: Server) -> None:
    rules = requests.get(f"{server.address}/?pictures=outside", timeout=10).headers["Content-Security-Policy"]
    assert "img-src 'self' data: http: https:;" in rules
    assert rules.replace(" http: https:", "") == policy(HTML)


@pytest.mark.parametrize("part", [*SCRIPTS, *FOLDER.glob("*.css")], ids=lambda path: path.name)
def test_each_part_is_in_the_page_and_short_enough_to_read(part: Path) -> None:
    text = part.read_text(encoding="utf-8")
    assert text in HTML
    assert len(text.splitlines()) < 300


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node to parse the scripts")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_parse(script: Path) -> None:
    subprocess.run(["node", "--check", str(script)], check=True, timeout=30)  # noqa: S607
