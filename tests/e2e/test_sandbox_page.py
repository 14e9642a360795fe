"""The sandbox's page in a real browser: what arrives is drawn as Discord draws it, for every reader."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.chromium import browser
from tests.conftest import Sandbox
from tests.e2e.page_of_sandbox import Channel, Seen, forum, png
from tests.published import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCREENSHOTS = ROOT / "artefacts" / "screenshots"
"""For people to look at; git ignores them."""
TEXT = """# Heading one
## Heading two
-# subtext
Plain **bold** *italic* __underline__ ~~strike~~ `code` ||a spoiler||
> a quote
- one
  - nested
1. first
[a link](https://example.com/x) <@12345> <@&77> <#2000000000000000002> @everyone <t:1700000000:R>
```py
print("hello")
```"""
EMBED = {
    "title": "Payment **failed**",
    "url": "https://example.com/orders/17",
    "color": 0xE74C3C,
    "author": {"name": "payments", "url": "https://example.com", "icon_url": "https://pictures.example/i.png"},
    "description": "The provider answered **503**.",
    "thumbnail": {"url": "attachment://thumb.png"},
    "image": {"url": "attachment://chart.png"},
    "fields": [
        *({"name": f"Field {number}", "value": f"value {number}", "inline": True} for number in range(5)),
        {"name": "Long", "value": "- not\n- inline"},
    ],
    "footer": {"text": "api-gateway", "icon_url": "https://pictures.example/f.png"},
    "timestamp": "2026-11-28T07:00:00Z",
}
LINK = {"type": 2, "style": 5, "label": "Runbook", "emoji": {"name": "📕"}, "url": "https://example.com/r"}
POLL = {
    "question": {"text": "Roll back?"},
    "answers": [{"poll_media": {"text": "Yes", "emoji": {"name": "✅"}}}, {"poll_media": {"text": "No"}}],
}
LOG = "\n".join(f"line {number}" for number in range(30)).encode()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture
def discord(sandbox: Sandbox) -> Sandbox:
    sandbox.call("PUT", "limits", enabled=False)
    return sandbox


@pytest.fixture
def seen(chromium: Browser, discord: Sandbox) -> Iterator[Seen]:
    """The page; it has logged no error, and asked nobody but the sandbox."""
    page = Seen(chromium, discord.address)
    yield page
    assert page.wrong == []
    assert [url for url in page.asked if not url.startswith(f"{discord.address}/")] == []
    page.close()


def texts(found: Any, form: str) -> list[str]:
    return [text.strip() for text in found.locator(form).all_inner_texts()]


def test_an_embed_is_drawn_as_discord_does(seen: Seen, discord: Sandbox) -> None:
    files = [("thumb.png", png(80, 80, (88, 101, 242))), ("chart.png", png(400, 160, (60, 160, 90)))]
    sent = Channel(discord, "ERRORS").post({"username": "api-gateway", "embeds": [EMBED], "flags": 4096}, files)
    drawn = seen.article(sent)
    embed = drawn.locator(".embed")
    assert embed.evaluate("node => getComputedStyle(node).borderLeftColor") == "rgb(231, 76, 60)"
    assert texts(embed, ".author-name") == ["payments"]
    assert embed.locator("a.title").get_attribute("href") == EMBED["url"]
    assert texts(embed, "a.title strong") == ["failed"]
    places = embed.locator(".field").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert len(set(places[:3])) == 1
    assert places[3] == places[4] > places[0]
    assert places[5] > places[4]
    assert texts(embed, ".field:last-child li") == ["not", "inline"]
    for name, width in ((".thumbnail img", 80), (".gallery img", 400)):
        picture = embed.locator(name)
        expect(picture).to_have_js_property("naturalWidth", width)  # the upload itself
    thumbnail, title = embed.locator(".thumbnail").bounding_box(), embed.locator(".title").bounding_box()
    assert thumbnail["x"] > title["x"] + title["width"], "at the right"
    assert texts(embed, ".footer")[0].startswith("api-gateway • ")
    assert drawn.locator(".uploads").count() == 0, "a file that the embed shows is not shown again"
    assert drawn.get_by_label("silent: nobody is notified").count() == 1


def test_files_polls_buttons_and_mentions_are_drawn(seen: Seen, discord: Sandbox) -> None:
    channel = Channel(discord, "CRITICAL")
    files = [("a.png", png(30, 20, (200, 120, 60))), ("worker.log", LOG), ("SPOILER_b.png", png(9, 9, (0, 0, 0)))]
    drawn = seen.article(
        channel.post({"content": "files", "attachments": [{"id": 0, "description": "a graph"}]}, files)
    )
    assert drawn.get_by_alt_text("a graph").count() == 1
    assert drawn.locator(".spoiler img").count() == 1
    expect(drawn.locator("pre")).to_have_text("\n".join(f"line {number}" for number in range(6)))
    drawn.get_by_role("button", name="Show 30 lines").click()
    expect(drawn.locator("pre")).to_contain_text("line 29")
    assert drawn.get_by_label("Download worker.log").get_attribute("download") == "worker.log"

    poll = seen.article(channel.post({"poll": POLL})).locator(".poll")
    assert (texts(poll, ".question"), texts(poll, ".answer")) == (["Roll back?"], ["Yes", "No"])
    assert texts(poll, ".poll-emoji") == ["✅"]
    assert "0 votes · ends in " in poll.inner_text()

    row = seen.article(channel.post({"content": "x", "components": [{"type": 1, "components": [LINK]}]}))
    assert row.get_by_role("link", name="Runbook").get_attribute("href") == LINK["url"]

    mentions = {"content": "<@5> <#2000000000000000002>", "allowed_mentions": {"users": ["5"]}}
    pinged = seen.article(channel.post(mentions))
    assert texts(pinged, ".mention") == ["@user-5", "#tracktion-errors"]
    assert "pings" in pinged.get_attribute("class")


def test_what_arrives_is_shown_and_said_without_a_reload(seen: Seen, discord: Sandbox) -> None:
    channel = Channel(discord, "GENERAL")
    first = channel.post({"content": "one ||secret||"})
    expect(seen.page.locator("#news")).to_contain_text("one ||secret||")
    spoiler = seen.article(first).locator(".spoiler")
    spoiler.click()
    second = channel.post({"content": "two"})
    seen.article(second)
    assert "open" in spoiler.get_attribute("class"), "what was revealed stays so when more arrives"
    assert seen.page.evaluate("document.activeElement.className") == "spoiler open", "and the focus where it was"
    channel.change("PATCH", second, {"content": "changed"})
    expect(seen.article(second)).to_contain_text("changed (edited)")
    channel.change("DELETE", second)
    expect(seen.page.locator(f"#m{second['id']}")).to_have_count(0)
    expect(seen.page.locator("#nothing")).to_be_hidden()


def test_threads_and_posts_are_listed_below_their_channel(seen: Seen, discord: Sandbox) -> None:
    channel, elsewhere = forum(discord), Channel(discord, "GENERAL").post({"content": "elsewhere"})
    post = channel.post({"thread_name": "Database is down", "content": "first"})
    channel.post({"content": "second"}, thread_id=post["channel_id"])
    channel.post({"thread_name": "Certificate expires", "content": "third"})
    discord.call("PUT", "threads/77", channel_id="2000000000000000001", name="a thread", locked=True)
    side = seen.page.get_by_role("navigation", name="Channels")
    expect(side.get_by_role("button", name="Database is down 2 messages")).to_be_visible()
    expect(side.get_by_role("button", name="incidents forum 3 messages")).to_be_visible()
    expect(side.get_by_role("button", name="a thread locked")).to_be_visible()
    discord.call("PUT", "threads/78", channel_id="2000000000000000001", name="a later one")
    expect(side.get_by_role("button", name="a later one")).to_be_visible()
    side.get_by_role("button", name="Database is down").click()
    expect(seen.page.locator("article")).to_have_count(2)
    expect(seen.page.get_by_role("heading", name="Database is down")).to_be_visible()
    expect(seen.page.locator(f"#m{elsewhere['id']}")).to_have_count(0)
    side.get_by_role("button", name="incidents").click()
    expect(seen.page.locator("article")).to_have_count(3)


HOSTILE = (
    "<script>window.hit=1;alert(1)</script><img src=x onerror='window.hit=1'>[x](javascript:alert(1))"
    '"><svg onload=alert(1)> <style>*{display:none}</style>'
)


def test_hostile_text_stays_text(seen: Seen, discord: Sandbox) -> None:
    scripts = seen.page.locator("script").count()
    embed = {
        "title": HOSTILE,
        "description": f"{HOSTILE}\n```{HOSTILE}```",
        "author": {"name": HOSTILE},
        "footer": {"text": HOSTILE},
        "fields": [{"name": HOSTILE, "value": HOSTILE}],
    }
    files = [
        ("<img src=x onerror=alert(1)>.html", b"<script>alert(1)</script>"),
        ("x.svg", b"<svg onload='alert(1)'/>"),
    ]
    drawn = seen.article(
        Channel(discord, "SECURITY").post(
            {
                "content": HOSTILE,
                "username": HOSTILE[:80],
                "embeds": [embed],
                "poll": {**POLL, "question": {"text": HOSTILE}},
            },
            files,
        )
    )
    assert HOSTILE in drawn.locator(".author-name").inner_text()
    assert seen.page.locator("script").count() == scripts
    assert drawn.locator("style, svg:not(.icon), img, iframe, [onerror], [onload], [style*=display]").count() == 0
    assert (
        drawn.locator("a:not([href^='http://']):not([href^='https://']):not([href^='sandbox/attachments/'])").count()
        == 0
    )
    assert seen.page.evaluate("window.hit") is None
    answer = seen.page.request.get(f"{discord.address}/{drawn.locator('.file a').first.get_attribute('href')}")
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


class Elsewhere(BaseHTTPRequestHandler):
    """A picture on another server, which counts who asks for it."""

    asked: list[Any] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(dict(self.headers))
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(png(20, 20, (1, 2, 3)))

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    Elsewhere.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_pictures_of_other_servers_are_loaded_when_the_reader_asks(
    chromium: Browser, discord: Sandbox, elsewhere: str
) -> None:
    url = f"{elsewhere}/a.png"
    embed = {
        "title": "t",
        "image": {"url": url},
        "thumbnail": {"url": url},
        "author": {"name": "a", "icon_url": url},
        "footer": {"text": "f", "icon_url": url},
    }
    sent = Channel(discord, "GENERAL").post({"avatar_url": url, "embeds": [embed]})
    seen = Seen(chromium, discord.address)
    drawn = seen.article(sent)
    where = elsewhere.removeprefix("http://")
    said = f"A picture from {where}, not loaded. Load pictures from outside"
    expect(drawn.locator(".gallery .lost")).to_have_text(said)
    assert drawn.locator("img").count() == 0
    assert Elsewhere.asked == []
    drawn.locator(".gallery .lost").click()
    expect(seen.article(sent).locator(".embed img")).to_have_count(4)
    expect(seen.article(sent).locator(".gallery img")).to_have_js_property("naturalWidth", 20)
    assert Elsewhere.asked
    assert [headers for headers in Elsewhere.asked if "Referer" in headers] == []
    seen.page.get_by_role("link", name="Load no pictures from outside").click()
    expect(seen.article(sent).locator(".embed img")).to_have_count(0)
    seen.close()


def test_all_of_it_can_be_done_with_the_keyboard(chromium: Browser, discord: Sandbox) -> None:
    sent = Channel(discord, "GENERAL").post({"content": "||hidden [a link](https://example.com)||"})
    seen = Seen(chromium, discord.address, width=390)
    page, press = seen.page, seen.page.keyboard.press
    spoiler = seen.article(sent).locator(".spoiler")
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the messages")).to_be_focused()
    press("Tab")
    expect(page.get_by_role("button", name="Channels", exact=True)).to_be_focused()
    press("Enter")
    expect(page.get_by_role("navigation", name="Channels")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("navigation", name="Channels")).to_be_hidden()
    expect(page.get_by_role("button", name="Channels", exact=True)).to_be_focused()
    page.get_by_role("tab", name="Messages").focus()
    press("ArrowRight")
    expect(page.get_by_role("tabpanel", name="Requests")).to_be_visible()
    press("End")
    expect(page.get_by_role("tab", name="Faults")).to_be_focused()
    press("Home")
    press("Tab")
    expect(page.locator("#messages")).to_be_focused()
    press("Tab")
    expect(spoiler).to_be_focused()
    assert spoiler.get_attribute("aria-label") == "Spoiler, hidden"
    press("Enter")
    assert "open" in str(spoiler.get_attribute("class"))
    press("Tab")
    expect(page.get_by_role("link", name="a link")).to_be_focused()
    seen.close()


def everything(discord: Sandbox) -> None:
    """One of each, for the looks of it."""
    files = [("thumb.png", png(80, 80, (88, 101, 242))), ("chart.png", png(400, 160, (60, 160, 90)))]
    Channel(discord, "GENERAL").post({"content": TEXT, "allowed_mentions": {"parse": []}})
    errors = Channel(discord, "ERRORS")
    errors.post({"username": "api-gateway", "content": "<@5> look", "embeds": [EMBED], "flags": 4096}, files)
    outside = {"description": "outside", "image": {"url": "https://pictures.example/a.png"}}
    errors.post({"username": "api-gateway", "embeds": [{"title": "Only a title", "color": 0xF1C40F}, outside]})
    critical = Channel(discord, "CRITICAL")
    critical.change("PATCH", critical.post({"content": "before"}), {"content": "after an edit"})
    critical.post({"poll": POLL})
    critical.post({"content": "A button", "components": [{"type": 1, "components": [LINK]}]})
    Channel(discord, "TRACKLIST").post({"content": "Files"}, [*files, ("worker.log", LOG), ("data.bin", b"\0" * 700)])
    inside = [
        {"type": 10, "content": "## Components\nof the newer kind"},
        {"type": 9, "components": [{"type": 10, "content": "A section"}], "accessory": LINK},
        {"type": 14},
        {"type": 12, "items": [{"media": {"url": f"https://pictures.example/{number}.png"}} for number in range(2)]},
    ]
    container = {"type": 17, "accent_color": 0x3498DB, "components": inside}
    Channel(discord, "MONITORING").post({"flags": 32768, "components": [container]})
    posts = forum(discord)
    first = posts.post({"thread_name": "Database is down", "content": "first", "tts": True})
    loud = {"content": "@here " + "averylongword" * 20, "allowed_mentions": {"parse": ["everyone"]}}
    posts.post(loud, thread_id=first["channel_id"])


@pytest.mark.parametrize("width", [1280, 390], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_fits_every_window_and_every_reader(chromium: Browser, discord: Sandbox, scheme: str, width: int) -> None:
    everything(discord)
    seen = Seen(chromium, discord.address, scheme, width)
    page = seen.page
    expect(page.locator("article")).to_have_count(10)
    expect(page.locator(".attachment pre")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("#messages").evaluate("box => box.scrollWidth <= box.clientWidth")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    for tab in ("Requests", "Faults", "Messages")[0 if width > 720 else 2 :]:
        page.get_by_role("tab", name=tab).click()
        # the order of headings in a message is its author's
        found = Axe().run(page, options={"rules": {"heading-order": {"enabled": False}}})
        assert found.violations_count == 0, found.generate_report()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    name = f"{scheme}-{'wide' if width > 720 else 'narrow'}"
    if width < 720:
        page.get_by_role("button", name="Channels", exact=True).click()
        page.screenshot(path=SCREENSHOTS / f"{name}-channels.png")
        page.get_by_role("button", name="Channels", exact=True).click()
    height = int(page.evaluate("document.getElementById('messages').scrollHeight"))
    page.set_viewport_size({"width": width, "height": height + 160})
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    assert seen.wrong == []
    seen.close()


def test_the_theme_can_be_changed(seen: Seen) -> None:
    button = seen.page.get_by_role("button", name="Light")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
