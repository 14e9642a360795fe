"""GET /: the page that shows what arrived. Its parts are files beside it, sent as one."""

import base64
import hashlib
import re
from pathlib import Path

from tornado.web import RequestHandler

FOLDER = Path(__file__).parent
STYLE = re.compile(r'<link rel="stylesheet" href="([a-z]+\.css)">')
SCRIPT = re.compile(r'<script src="([a-z]+\.js)"></script>')
WITHIN_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
WITHIN_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def whole() -> str:
    """The page with its styles and scripts in it, so that their digests can say what a browser may run."""
    page = _text("page.html")
    page = STYLE.sub(lambda found: f"<style>\n{_text(found[1])}</style>", page)
    return SCRIPT.sub(lambda found: f"<script>\n{_text(found[1])}//# sourceURL={found[1]}\n</script>", page)


def policy(html: str, *, outside: bool = False) -> str:
    """A content policy that runs the page's own scripts and nothing from a message.

    Args:
        outside: whether pictures may be loaded from other servers, which learn who reads the message.
    """
    scripts, styles = (
        " ".join(_digest(text) for text in within.findall(html)) for within in (WITHIN_SCRIPT, WITHIN_STYLE)
    )
    pictures = "img-src 'self' data: http: https:" if outside else "img-src 'self' data:"
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; connect-src 'self'; {pictures}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


HTML = whole()


class Page(RequestHandler):
    """One answer, no assets."""

    def get(self) -> None:
        """The page. ``?pictures=outside``: the one that may load pictures from other servers."""
        outside = self.get_query_argument("pictures", "") == "outside"
        self.clear_header("Server")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", policy(HTML, outside=outside))
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(HTML)
