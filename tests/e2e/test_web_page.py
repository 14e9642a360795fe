"""The operator's page in a real browser: what is wrong is seen, found and mended, by every reader."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.chromium import browser
from tests.conftest import Sandbox
from tests.e2e.page_of_web import HOSTILE, REFUSED, Operator, Planted, planted
from tests.published import ROOT
from tests.servers import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCREENSHOTS = ROOT / "artefacts" / "screenshots"
"""For people to look at; git ignores them."""
VIEWS = {
    "overview": "Overview",
    "waiting": "Waiting",
    "dead": "Dead letters",
    "incidents": "Incidents",
    "history": "History",
    "gates": "Gates",
    "silences": "Silences",
    "jobs": "Jobs",
    "actions": "Log of actions",
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def stack(
    sandbox_process: Sandbox,
    redis_server: str,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Planted]:
    folder, url = tmp_path_factory.mktemp("page"), redis_server.removesuffix("0") + "3"
    with planted(sandbox_process, url, environment, folder) as found:
        yield found


@pytest.fixture
def operator(chromium: Browser, stack: Planted) -> Iterator[Operator]:
    """At a wide window; nothing goes wrong in it."""
    found = Operator(chromium, stack.address)
    yield found
    found.close()


def test_the_overview_says_what_is_wrong_worst_first(operator: Operator) -> None:
    main = operator.look_at("overview", "Overview")
    troubles = main.get_by_role("region", name="troubles").get_by_role("listitem")
    expect(troubles.filter(has_text="critical: no worker reads this queue, 1 alert waits")).to_have_count(1)
    expect(troubles.filter(has_text="security: Discord says that this webhook is gone")).to_have_count(1)
    expect(troubles.filter(has_text="tracklist: 3 dead letters were not delivered")).to_have_count(1)
    levels = [text.split()[0] for text in troubles.all_inner_texts()]
    assert levels == sorted(levels)
    types = main.get_by_role("rowheader").all_inner_texts()
    assert types.index("security") < types.index("tracklist") < types.index("error")
    assert "none" in operator.row("critical").inner_text()
    assert "quarantined" in operator.row("security").inner_text()
    delivered = main.get_by_role("img", name="Delivered in the last day")
    delivered.press("End")
    expect(delivered).to_have_attribute("aria-label", re.compile(r"– \d\d:\d\d: [1-9]"))
    main.get_by_text("The same as a table").click()
    expect(main.get_by_role("region", name="The last day as a table").get_by_role("row")).not_to_have_count(0)
    main.get_by_role("link", name="no worker reads this queue").click()
    expect(operator.row("Payments are down")).to_contain_text("no worker has come for it")


def test_the_history_is_searched_and_a_search_can_be_shared(operator: Operator) -> None:
    operator.look_at("overview", "Overview")
    operator.page.keyboard.press("/")
    search = operator.page.get_by_role("searchbox", name="Search")
    expect(search).to_be_focused()
    operator.page.keyboard.type("deploy")
    expect(operator.row("Deploy of the API finished")).to_have_count(1)
    expect(operator.row(REFUSED)).to_have_count(0)
    expect(search).to_be_focused()
    operator.page.get_by_label("Status").select_option("failed")
    expect(operator.main).to_contain_text("Nothing fits.")
    address = operator.page.url
    operator.page.goto("about:blank")
    operator.page.goto(address)
    expect(operator.page.get_by_role("searchbox", name="Search")).to_have_value("deploy")
    expect(operator.main).to_contain_text("Nothing fits.")
    operator.main.get_by_role("link", name="Show everything").click()
    expect(operator.row(REFUSED)).to_have_count(3)


def test_what_happens_is_shown_and_nothing_of_the_readers_is_touched(operator: Operator, stack: Planted) -> None:
    operator.look_at("history", "History")
    search = operator.page.get_by_role("searchbox", name="Search")
    search.focus()
    operator.page.evaluate("window.row = document.querySelector('tbody tr')")
    stack.raise_alert("Disc replaced")
    expect(operator.row("Disc replaced")).to_contain_text("delivered")
    expect(search).to_be_focused()
    assert operator.page.evaluate("window.row.isConnected"), "a row that was there stays the same element"


def test_an_alert_is_drawn_as_discord_shows_it_with_its_life(operator: Operator, stack: Planted) -> None:
    title = "Deploy of the API finished"
    main = operator.look_at(f"alert/{stack.ids[title]}", title)
    drawn = main.locator(".discord")
    expect(drawn.locator(".title")).to_have_text(title)
    expect(drawn.locator(".description strong")).to_have_text("bold")
    expect(drawn.locator("pre[data-language=py]")).to_contain_text("print('hello')")
    expect(drawn.locator(".field dd")).to_have_text("4.2.0")
    spoiler = drawn.get_by_role("button", name="Spoiler, hidden")
    spoiler.press("Enter")
    expect(drawn.get_by_text("a secret")).to_be_visible()
    life = main.get_by_role("region", name="Its life").get_by_role("listitem").all_inner_texts()
    assert "admitted as general" in life[0]
    assert "delivered" in life[-1]


def test_text_from_outside_is_text(operator: Operator, stack: Planted) -> None:
    for route in ("history", f"alert/{stack.ids[HOSTILE]}"):
        operator.look_at(route, "")
        shown = operator.main.get_by_text("<img src=x onerror='window.hit=1'>").first
        expect(shown).to_be_visible()
        assert operator.main.locator("img, script, [onerror]").count() == 0
        assert operator.page.evaluate("window.hit") is None
    text = operator.main.get_by_role("heading", level=1).inner_text()
    assert r"\u202egnp.exe \u001b[31mred" in text, "what turns or colours text is shown as what it is"


def test_what_only_shows_offers_no_action(operator: Operator) -> None:
    def read_only(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "read_only": True})

    operator.page.route("**/api/overview", read_only)
    for route, heading in VIEWS.items():
        main = operator.look_at(route, heading)
        names = main.get_by_role("button").all_inner_texts()
        assert [name for name in names if name != "Copy a link to this"] == [], route
        assert main.get_by_role("checkbox").count() == 0
    expect(operator.page.locator("#readonly")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1600), ("dark", 360)], ids=["wide", "narrow"])
def test_it_fits_every_window_and_every_reader(chromium: Browser, stack: Planted, scheme: str, width: int) -> None:
    operator = Operator(chromium, stack.address, scheme, width)
    page, title = operator.page, "Deploy of the API finished"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for route, heading in {**VIEWS, f"alert/{stack.ids[title]}": title}.items():
        operator.look_at(route, heading)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), route
        for theme in (scheme, {"light": "dark", "dark": "light"}[scheme]):
            page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            assert operator.barriers(only_colours=theme != scheme) == [], route
            page.screenshot(
                path=SCREENSHOTS / f"web-{route.split('/')[0]}-{theme}-{width}.png", full_page=True, caret="initial"
            )
    operator.close()


def test_the_page_says_since_when_there_is_no_connection(chromium: Browser, stack: Planted) -> None:
    operator = Operator(chromium, stack.address)
    operator.look_at("overview", "Overview")
    status = operator.page.locator("#connection")

    def look() -> None:
        operator.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(status).to_have_text("live")
    refusal = '{"problem": "no Redis at localhost:6379", "reason": "broker_unavailable"}'
    operator.page.route("**/api/**", lambda route: route.fulfill(status=503, body=refusal))
    look()
    expect(status).to_contain_text("Redis does not answer since")
    operator.page.unroute("**/api/**")
    look()
    expect(status).to_have_text("live")
    operator.page.route("**/api/**", lambda route: route.abort())
    look()
    expect(status).to_contain_text("not connected since")
    expect(operator.main).to_contain_text("no worker reads this queue")
    operator.page.unroute("**/api/**")
    look()
    expect(status).to_have_text("live")
    operator.wrong.clear()  # the browser tells of each request that fails
    operator.close()


def test_a_dead_letter_is_replayed_by_keyboard_and_arrives(operator: Operator, stack: Planted) -> None:
    stack.sandbox.call("DELETE", "faults")
    title, press = f"{REFUSED} 0", operator.page.keyboard.press
    operator.look_at("dead?type=tracklist", "Dead letters")
    expect(operator.main.get_by_role("checkbox", name="Choose Weekly")).to_have_count(3)
    operator.main.get_by_role("checkbox", name=f"Choose {title}").press("Space")
    expect(operator.main).to_contain_text("3 dead letters, 1 chosen")
    operator.main.get_by_role("button", name="Replay chosen").press("Enter")
    asked = operator.page.get_by_role("dialog", name="Replay 1 dead letter?")
    expect(asked.get_by_label("Who are you?")).to_be_focused()
    press("Escape")
    expect(asked).to_have_count(0)
    expect(operator.main.get_by_role("button", name="Replay chosen")).to_be_focused()
    press("Enter")
    operator.page.keyboard.type("anna")
    press("Enter")
    expect(operator.page.locator("#said")).to_have_text("1 dead letter queued again")
    expect(operator.row(title)).to_have_count(0)
    until(lambda: title in stack.sandbox.titles(), "the replay")
    operator.main.get_by_role("button", name="Drop all 2 that match").click()
    operator.page.get_by_role("dialog", name="Drop 2 dead letters?").get_by_role("button", name="Drop 2").click()
    expect(operator.main).to_contain_text("No dead letter fits.")
    operator.look_at("actions", "Log of actions")
    expect(operator.row("replayed dead letters")).to_contain_text("anna")
    expect(operator.row("dropped dead letters")).to_contain_text("anna")


def test_a_gate_is_closed_and_opened_by_somebody_for_a_reason(operator: Operator) -> None:
    main, page = operator.look_at("gates", "Gates"), operator.page
    card = main.get_by_role("region", name="error", exact=True)
    for turn, state in (("Close", "closed by hand"), ("Open", "open")):
        card.get_by_role("button", name=f"{turn} the gate of error").click()
        asked = page.get_by_role("dialog", name=f"{turn} the gate of error?")
        asked.get_by_label("Who are you?").fill("anna")
        asked.get_by_role("button", name=turn).click()
        expect(asked).to_have_count(1)  # nothing is done without a reason
        asked.get_by_label("Why?").fill(f"to {turn} it")
        asked.get_by_role("button", name=turn).click()
        expect(card.locator(".state")).to_contain_text(state)
        if turn == "Close":
            expect(card).to_contain_text("by anna: to Close it")
            expect(operator.page.get_by_role("link", name="Overview")).to_contain_text("trouble")
    operator.look_at("actions", "Log of actions")
    expect(operator.row("closed a gate")).to_contain_text("to Close it")
    expect(operator.row("opened a gate")).to_contain_text("error")
