"""The operator's page in a real browser: what is wrong is seen, found and mended, by every reader."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

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
MONITORING = ("monitoring", "monitoring.1")
"""The gates of its two webhooks."""
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


@pytest.fixture(scope="module", autouse=True)
def logged_in(chromium: Browser, stack: Planted) -> None:
    first = Operator(chromium, stack)
    first.log_in(stack)
    first.close()


@pytest.fixture
def operator(chromium: Browser, stack: Planted) -> Iterator[Operator]:
    """At a wide window; nothing goes wrong in it."""
    found = Operator(chromium, stack)
    yield found
    found.close()


def test_who_does_not_know_the_password_sees_nothing_and_who_leaves_is_out(chromium: Browser, stack: Planted) -> None:
    operator = Operator(chromium, stack, width=360)
    operator.look_at("overview", "Overview")
    operator.page.get_by_role("button", name="Log out").click()
    expect(operator.page.get_by_role("button", name="Log in")).to_be_visible()
    assert operator.barriers() == []
    operator.page.goto(f"{stack.address}/#/history")
    operator.page.get_by_label("User").fill("notifier")
    operator.page.get_by_label("Password").fill("wrong")
    operator.page.keyboard.press("Enter")
    expect(operator.page.get_by_role("alert")).to_contain_text("That is not the user's password.")
    operator.wrong.clear()  # the browser tells of the 401
    operator.close()


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
    some = re.compile(r"– \d\d:\d\d: [1-9]")
    expect(delivered).to_have_attribute("aria-label", re.compile(r"– \d\d:\d\d: "))
    if not some.search(str(delivered.get_attribute("aria-label"))):  # a quarter of an hour has just begun
        delivered.press("ArrowLeft")
    expect(delivered).to_have_attribute("aria-label", some)
    main.get_by_text("The same as a table").click()
    expect(main.get_by_role("region", name="The last day as a table").get_by_role("row")).not_to_have_count(0)
    main.get_by_role("link", name="no worker reads this queue").click()
    expect(operator.row("Payments are down")).to_contain_text("no worker has come for it")


def well(overview: dict[str, Any]) -> None:
    for each in overview["types"]:
        each.update(waiting=0, oldest_at=None, why=None, until=None, workers=["w"], dead_letters=0)
        each["gate"].update(quarantined=None, breaker="closed", pauses=[])


def no_worker(overview: dict[str, Any]) -> None:
    for each in overview["types"]:
        each["workers"] = []


def full(overview: dict[str, Any]) -> None:
    overview["types"][0]["waiting"] = overview["queue_size"]


def two_wrong(overview: dict[str, Any]) -> None:
    overview["redis"] = {"problem": "it may drop keys: maxmemory-policy is allkeys-lru", "warnings": []}
    overview["types"][1]["gate"]["pauses"] = [{"scope": "user", "reason": "rate_limited", "seconds": 90}]
    overview["jobs_overdue"] = ["backup"]


def one_of_two_gone(overview: dict[str, Any]) -> None:
    (monitoring,) = (each for each in overview["types"] if each["alert_type"] == "monitoring")
    monitoring["further_gates"][0].update(quarantined="webhook_unknown", name="on-call")


SITUATIONS: dict[str, tuple[Callable[[dict[str, Any]], None], list[str]]] = {
    "well": (well, ["All is well: nothing waits"]),
    "nobody": (no_worker, ["no worker runs: nothing is delivered"]),
    "full": (full, ["general: its outbox is full: 100 of 100"]),
    "left out": (one_of_two_gone, ["monitoring: Discord says that this webhook is gone: on-call is left out, and its"]),
    "wrong": (two_wrong, ["allkeys-lru", "job backup", "error: Discord has asked this webhook to wait for 1 min 30 s"]),
}


def test_what_is_wrong_is_told_once_and_in_words(operator: Operator) -> None:
    now: list[str] = []
    seen = operator.overview()

    def changed(route: Route) -> None:
        overview = deepcopy(seen)
        well(overview)
        SITUATIONS[now[-1]][0](overview)
        route.fulfill(json=overview)

    operator.page.route("**/api/overview", changed)
    for name, (_, said) in SITUATIONS.items():
        now.append(name)
        main = operator.look_at(f"overview?of={name}", "Overview")
        lines = main.locator(".well, .troubles li")
        expect(lines).to_have_count(len(said))
        expect(lines).to_contain_text(said)


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


def test_the_history_is_read_page_by_page(operator: Operator) -> None:
    main, seen = operator.look_at("history?limit=2", "History"), []
    newest = main.get_by_role("rowheader").all_inner_texts()
    while True:
        shown = main.get_by_role("rowheader").all_inner_texts()
        seen += shown
        older = main.get_by_role("link", name="Older")
        if not older.count():
            break
        older.click()
        expect(main.locator("tbody th, .empty > p").first).not_to_have_text(shown[0])
    assert len(seen) == len(set(seen)) >= 5
    main.get_by_role("link", name="Newest").click()
    expect(main.get_by_role("rowheader")).to_have_text(newest)


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
    outside = drawn.get_by_role("link", name="Load pictures from outside")
    assert outside.get_attribute("href") == f"?pictures=outside#/alert/{stack.ids[title]}"
    spoiler = drawn.get_by_role("button", name="Spoiler, hidden")
    spoiler.press("Enter")
    expect(drawn.get_by_text("a secret")).to_be_visible()
    life = main.get_by_role("region", name="Its life").get_by_role("listitem").all_inner_texts()
    assert "admitted as general" in life[0]
    assert "delivered" in life[-1]


def test_text_from_outside_is_text(operator: Operator, stack: Planted) -> None:
    for route, heading in (("history", "History"), (f"alert/{stack.ids[HOSTILE]}", "<img src=x")):
        operator.look_at(route, heading)
        shown = operator.main.get_by_text("<img src=x onerror='window.hit=1'>").first
        expect(shown).to_be_visible()
        assert operator.main.locator("img, script, [onerror]").count() == 0
        assert operator.page.evaluate("window.hit") is None
    text = operator.main.get_by_role("heading", level=1).inner_text()
    assert r"\u202egnp.exe \u001b[31mred" in text, "what turns or colours text is shown as what it is"


def test_what_cannot_be_shown_says_why(operator: Operator) -> None:
    for route, heading, said in (
        ("alert/nobody", "Alert", "no alert has the id 'nobody'"),
        ("alert/%", "Alert", "no alert has the id '%'"),
        ("history?status=well", "History", "status: expected one of delivered"),
    ):
        operator.page.goto("about:blank")
        expect(operator.look_at(route, heading).get_by_role("alert")).to_contain_text(said)
    operator.wrong[:] = [each for each in operator.wrong if "Failed to load resource" not in each]
    operator.page.goto("about:blank")
    operator.look_at("constructor", "Overview")


def test_what_only_shows_offers_no_action(operator: Operator) -> None:
    shown = {**operator.overview(), "read_only": True}
    operator.page.route("**/api/overview", lambda route: route.fulfill(json=shown))
    for route, heading in VIEWS.items():
        main = operator.look_at(route, heading)
        names = main.get_by_role("button").all_inner_texts()
        assert [name for name in names if name != "Copy a link to this"] == [], route
        assert main.get_by_role("checkbox").count() == 0
    expect(operator.page.locator("#readonly")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1600), ("dark", 360)], ids=["wide", "narrow"])
def test_it_fits_every_window_and_every_reader(chromium: Browser, stack: Planted, scheme: str, width: int) -> None:
    operator = Operator(chromium, stack, scheme, width)
    page, title = operator.page, "Deploy of the API finished"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for route, heading in {**VIEWS, f"alert/{stack.ids[title]}": title}.items():
        operator.look_at(route, heading)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), route
        for theme in (scheme, {"light": "dark", "dark": "light"}[scheme]):
            page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            assert operator.barriers(only_colours=theme != scheme) == [], route
            if theme != scheme and route not in ("overview", "dead"):
                continue
            page.screenshot(
                path=SCREENSHOTS / f"web-{route.split('/')[0]}-{theme}-{width}.png", full_page=True, caret="initial"
            )
    operator.look_at("silences", "Silences").get_by_role("button", name="Begin a silence").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert operator.barriers() == []
    page.keyboard.press("Escape")
    page.locator("#skip").press("Enter")
    expect(operator.main).to_be_focused()
    operator.close()


def test_the_page_says_since_when_there_is_no_connection(chromium: Browser, stack: Planted) -> None:
    operator = Operator(chromium, stack)
    operator.look_at("overview", "Overview")
    status = operator.page.locator("#connection")

    def look() -> None:
        operator.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(status).to_have_text("live")
    refusal = '{"problem": "no Redis at localhost:6379", "reason": "broker_unavailable"}'
    operator.page.route("**/api/**", lambda route: route.fulfill(status=503, body=refusal))
    look()
    expect(status).to_contain_text("Redis does not answer since")
    expect(operator.page.get_by_role("alert")).to_have_text("no Redis at localhost:6379")
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


def test_a_page_that_is_opened_while_redis_is_read_only_says_so(chromium: Browser, stack: Planted) -> None:
    operator = Operator(chromium, stack)
    refusal = '{"problem": "READONLY: REDIS_URL names a replica", "reason": "broker_unavailable"}'
    operator.page.route("**/api/overview", lambda route: route.fulfill(status=503, body=refusal))  # all else answers
    operator.page.goto(f"{stack.address}/#/overview")
    expect(operator.main.get_by_role("alert")).to_contain_text("READONLY: REDIS_URL names a replica")
    operator.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(operator.page.locator("#connection")).to_contain_text("Redis is read-only since")
    expect(operator.page.locator("#problem")).to_have_text("READONLY: REDIS_URL names a replica")
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


def turn_gate(operator: Operator, turn: str, name: str) -> None:
    """Close or open a gate as anna, for a reason."""
    operator.main.get_by_role("button", name=f"{turn} the gate of {name}").click()
    asked = operator.page.get_by_role("dialog", name=f"{turn} the gate of {name}?")
    asked.get_by_label("Who are you?").fill("anna")
    asked.get_by_label("Why?").fill("to try")
    asked.get_by_role("button", name=turn).click()
    expect(asked).to_have_count(0)


def test_each_webhook_of_a_type_has_a_gate_of_its_own(operator: Operator) -> None:
    main = operator.look_at("gates", "Gates")
    states = [main.get_by_role("region", name=each, exact=True).locator(".state") for each in MONITORING]
    expect(states[0]).to_have_text("open")
    turn_gate(operator, "Close", "monitoring.1")
    expect(states[1]).to_contain_text("closed by hand")
    expect(states[0]).to_have_text("open")
    turn_gate(operator, "Close", "monitoring.0")
    expect(states[0]).to_contain_text("closed by hand")
    turn_gate(operator, "Open", "monitoring.0")
    expect(states[0]).to_have_text("open")
    operator.look_at("overview", "Overview")
    expect(operator.row("monitoring").locator(".pill")).to_contain_text(["open", "closed by hand"])
    closed = main.get_by_role("region", name="troubles").get_by_role("listitem").filter(has_text="closed by anna")
    expect(closed).to_have_count(1)
    expect(closed).to_contain_text("monitoring: the gate of ")
    operator.look_at("gates", "Gates")
    turn_gate(operator, "Open", "monitoring.1")
    expect(states[1]).to_have_text("open")


def test_incidents_silences_jobs_and_alerts_that_wait_are_settled(operator: Operator, stack: Planted) -> None:
    page = operator.page

    def do(button: str, said: str, **given: str) -> None:
        operator.main.get_by_role("button", name=button).first.click()
        asked = page.get_by_role("dialog")
        for label, text in given.items():
            asked.get_by_label(label).fill(text)
        asked.get_by_role("button").last.click()
        expect(page.locator("#said")).to_contain_text(said)

    operator.look_at("incidents", "Incidents")
    do("Acknowledge CPU above", "acknowledged", **{"Who are you?": "anna"})
    expect(operator.row("CPU above")).to_contain_text("anna")
    do("Resolve CPU above", "resolved")
    expect(operator.row("CPU above")).to_contain_text("resolved")
    operator.look_at("silences", "Silences")
    do("Begin a silence", "begun", Title="net*", **{"Why?": "new switch"})
    expect(operator.row("title = net*")).to_contain_text("new switch")
    do("End the silence title = net*", "ended")
    expect(operator.row("title = net*")).to_have_count(0)
    operator.look_at("jobs", "Jobs")
    do("Forget nightly import", "forgotten")
    expect(operator.main).to_contain_text("No job is known.")
    operator.look_at(f"alert/{stack.ids['Payments are down']}", "Payments are down")
    do("Withdraw", "withdrawn")
    expect(operator.main.get_by_role("region", name="Its life")).to_contain_text("withdrawn")
    operator.look_at("actions", "Log of actions")
    for done in ("acknowledged an incident", "began a silence", "forgot a job", "withdrew an alert"):
        expect(operator.row(done)).to_contain_text("anna")
