"""GET /: the page that shows what arrived."""

import base64
import hashlib
import re
from pathlib import Path

from tornado.web import RequestHandler

HTML = Path(__file__).with_name("page.html").read_text(encoding="utf-8")


def policy(html: str) -> str:
    """A content policy that runs the page's own script and nothing from a message."""
    scripts = " ".join(_digest(text) for text in re.findall(r"<script>(.*?)</script>", html, re.DOTALL))
    styles = " ".join(_digest(text) for text in re.findall(r"<style>(.*?)</style>", html, re.DOTALL))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; connect-src 'self'; "
        "img-src 'self' http: https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class Page(RequestHandler):
    """One file, no assets."""

    def get(self) -> None:
        """The page."""
        self.clear_header("Server")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", policy(HTML))
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(HTML)
