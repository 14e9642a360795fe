"""A page in a browser, and all that the browser says of it."""

from typing import Any

from playwright.sync_api import Browser, Page


class WatchedPage:
    """A page in a window of its own. ``wrong``: errors, warnings and dialogs; ``asked``: each address asked for."""

    patience_ms = 20_000
    """How long a step waits for what it needs."""

    def __init__(self, browser: Browser, scheme: Any, width: int, **more: Any) -> None:
        self._context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, locale="en-US", timezone_id="UTC", **more
        )
        self._context.set_default_timeout(self.patience_ms)
        self.page: Page = self._context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on(
            "console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("dialog", lambda dialog: (self.wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def close(self) -> None:
        """Close the window."""
        self._context.close()
