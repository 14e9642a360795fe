"""What the page's scripts are made of: nothing that a text from outside could become, and the pipeline's own words."""

import re
from pathlib import Path

import pytest

from notifier.models import AlertType
from notifier.outcome import NEVER_STORED, Reason, Status
from notifier.web.page_files import PAGE, files

SCRIPTS = sorted(PAGE.glob("*.js"))
PARSED = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\b"
    r"|new Function"
)
IMPORTED = re.compile(r'from "\./([a-z_-]+\.js)"')


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_parses_text_as_html_or_code(script: Path) -> None:
    assert PARSED.findall(script.read_text()) == []


def test_no_page_has_a_script_or_style_of_its_own() -> None:
    for page in PAGE.glob("*.html"):
        text = page.read_text()
        assert re.findall(r"<style|<script(?![^>]* src=)| style=| on[a-z]+=", text) == [], page.name
        assert re.findall(r"(?:src|href)=\"(?:https?:)?//", text) == [], page.name


def test_every_file_is_there_and_every_file_is_used() -> None:
    html = "".join(page.read_text() for page in PAGE.glob("*.html"))
    used = {
        *re.findall(r'(?:src|href)="([a-z_-]+\.(?:js|css))"', html),
        *re.findall(r'url\("([a-z.]+)"\)', (PAGE / "page.css").read_text()),
    }
    for script in SCRIPTS:
        used |= set(IMPORTED.findall(script.read_text()))
    assert used - set(files()) == set()
    assert {path.name for path in PAGE.iterdir() if path.suffix != ".html"} - used == set()


def _listed(name: str) -> set[str]:
    found = re.search(rf"export const {name} = \[(.*?)\]", (PAGE / "words.js").read_text(), re.DOTALL)
    assert found
    return set(re.findall(r'"([a-z_]+)"', found[1]))


def test_the_filters_offer_what_there_is() -> None:
    assert _listed("TYPES") == {kind.value for kind in AlertType}
    assert _listed("STATUSES") == {each.value for each in Status if each not in NEVER_STORED}
    assert _listed("REASONS") <= {reason.value for reason in Reason}


def test_no_file_is_longer_than_300_lines() -> None:
    assert [path.name for path in SCRIPTS if len(path.read_text().splitlines()) >= 300] == []
