"""The operator's page in a browser, and a pipeline with planted troubles behind it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, expect

from notifier.jobs.terms import JobTerms
from notifier.models import AlertType, NotificationMessage
from notifier.pipeline import Pipeline
from notifier.settings import Settings
from notifier.storage.connection import connect
from tests.conftest import Sandbox, run_worker
from tests.e2e.conftest import client_app
from tests.e2e.watched_page import WatchedPage
from tests.forked import start_module
from tests.no_secrets import assert_no_secrets
from tests.servers import until

READ = ("general", "error", "tracklist", "monitoring", "security")
"""The queues that the worker reads: nobody reads that of critical alerts."""
REFUSED = "Weekly report"
"""Discord refuses an alert with this text."""
expect.set_options(timeout=30_000)  # other tests run beside this one
HOSTILE = "<img src=x onerror='window.hit=1'><script>window.hit=1</script> \u202egnp.exe \x1b[31mred"
BODY = "# Heading\n**bold** and `code`\n```py\nprint('hello')\n```\n||a secret||"
PICTURE = "https://pictures.example/a.png"
PASSWORD = "fake-token-of-the-operator"
SECOND = "1000000000000000012"
"""The second webhook of monitoring."""
NOT_MET = {"code": 50035, "message": "Invalid Form Body", "errors": {"content": {"_errors": [{"message": "bad"}]}}}


class Planted:
    """A sandbox, a worker, a page, and a pipeline in which something of everything is wrong."""

    def __init__(self, sandbox: Sandbox, pipeline: Pipeline, address: str) -> None:
        self.sandbox = sandbox
        self.pipeline = pipeline
        self.address = address
        self.ids: dict[str, str] = {}
        self.session: Any = None
        """The cookies of somebody who has logged in."""

    def raise_alert(self, title: str, alert_type: AlertType = AlertType.GENERAL, **more: Any) -> str:
        """Raise one; its id."""
        message = NotificationMessage(title=title, alert_type=alert_type, **more)
        self.ids[title] = self.pipeline.client.submit(message).result.id
        return self.ids[title]

    def ended(self, *titles: str) -> None:
        """Wait until these have records."""
        ids = [self.ids[title] for title in titles]
        until(lambda: all(self.pipeline.records.read(ids)), f"the end of {titles}")

    def plant(self) -> None:
        """The troubles."""
        self.sandbox.call("PUT", "limits", enabled=False)
        self.sandbox.fault(kind="status", status=400, match=REFUSED, body=NOT_MET)
        security = self.sandbox.variables["DISCORD_WEBHOOK_SECURITY"].split("/")[-2]
        self.sandbox.call("DELETE", f"webhooks/{security}")
        fields = [{"name": "Version", "value": "4.2.0", "inline": True}]
        self.raise_alert("Deploy of the API finished", message=BODY, source="deploy", fields=fields, image=PICTURE)
        for number in range(3):
            self.raise_alert(f"{REFUSED} {number}", AlertType.TRACKLIST)
        self.raise_alert(HOSTILE, message=HOSTILE, source=HOSTILE)
        self.raise_alert("CPU above 95 % on db-1", AlertType.MONITORING, dedup_key="cpu db-1")
        self.raise_alert("Failed logins for root", AlertType.SECURITY)
        self.raise_alert("Payments are down", AlertType.CRITICAL)
        self.pipeline.silences.add({"title": "disk*"}, 3_600, by="ops", why="migration")
        self.pipeline.jobs.started("nightly import", "1", JobTerms.of("24h"))
        self.pipeline.jobs.ended("nightly import", "1", "finished", 0)
        self.ended(
            "Deploy of the API finished",
            "CPU above 95 % on db-1",
            HOSTILE,
            *(f"{REFUSED} {number}" for number in range(3)),
        )


@contextmanager
def planted(sandbox: Sandbox, redis_url: str, environment: dict[str, str], folder: Path) -> Iterator[Planted]:
    """All of it, for as long as the tests of a module run."""
    environment = {
        **environment,
        "REDIS_URL": redis_url,
        "DISCORD_UNDELIVERABLE_SECONDS": "3600",
        "NOTIFIER_WEB_PASSWORD": PASSWORD,
    }
    first = sandbox.variables["DISCORD_WEBHOOK_MONITORING"]
    second = f"{first.rsplit('/', 2)[0]}/{SECOND}/fake-token-of-the-second"
    environment["DISCORD_WEBHOOK_MONITORING"] = f"{first},{second}"
    client = connect(redis_url, 5)
    client.flushdb()
    sandbox.call("POST", "reset")
    sandbox.call("PUT", f"webhooks/{SECOND}", token="fake-token-of-the-second", channel_id="2000000000000000012")
    worker = run_worker("worker1", folder / "worker", environment, "-Q", ",".join(f"notifications.{n}" for n in READ))
    command = ["notifier", "web", "--port", "0"]
    web = start_module("web", command, folder / "web.log", env=environment, cwd=folder)
    try:
        address = web.wait_for(r"web listening on (http://\S+)")[1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REDIS_URL", redis_url)
            settings = Settings.load()
        found = Planted(sandbox, Pipeline(client_app(redis_url), settings), address)
        found.plant()
        yield found
        assert_no_secrets(redis=client, texts={"web": web.output()})
    finally:
        web.stop()
        worker.stop()
        client.flushdb()
        client.close()


class Operator(WatchedPage):
    """Somebody who looks at the page, and what the browser said of it."""

    def __init__(self, browser: Browser, stack: Planted, scheme: Any = "light", width: int = 1600) -> None:
        super().__init__(browser, scheme, width, storage_state=stack.session)
        self.address = stack.address

    @property
    def main(self) -> Locator:
        """The view."""
        return self.page.locator("main")

    def log_in(self, stack: Planted) -> None:
        """By the form; whoever comes after is logged in too."""
        self.page.goto(f"{self.address}/#/history?status=failed")
        self.page.get_by_label("User").fill("notifier")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.main.get_by_label("Status")).to_have_value("failed")  # where they wanted to be
        stack.session = self._context.storage_state()

    def look_at(self, route: str, heading: str) -> Locator:
        """Go to a view; it is there when this returns."""
        self.page.goto(f"{self.address}/#/{route}")
        expect(self.main.get_by_role("heading", level=1)).to_contain_text(heading)
        expect(self.main).to_have_attribute("aria-busy", "false")
        return self.main

    def overview(self) -> dict[str, Any]:
        """What the server answers now."""
        found: dict[str, Any] = self.page.request.get(f"{self.address}/api/overview").json()
        return found

    def row(self, text: str) -> Locator:
        """The row of a table."""
        return self.main.get_by_role("row").filter(has_text=re.compile(re.escape(text)))

    def barriers(self, *, only_colours: bool = False) -> list[str]:
        """What keeps somebody from using the view, by axe; the order of headings in a message is its author's."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(Axe().axe_script)
        rules = {"runOnly": ["color-contrast"]} if only_colours else {"rules": {"heading-order": {"enabled": False}}}
        found = self.page.evaluate(
            "rules => axe.run(rules)", {"resultTypes": ["violations"], "preload": False, **rules}
        )
        return [
            f"{each['id']}: {node['html'][:300]} {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def close(self) -> None:
        """Close the window; nothing went wrong, and nobody else was asked."""
        assert self.wrong == [], self.wrong
        assert [url for url in self.asked if not url.startswith((f"{self.address}/", "data:"))] == []
        super().close()
