"""What a browser gets: the page, its login form, and the drawing of messages that the sandbox's page has too."""

from pathlib import Path
from urllib.parse import parse_qs

from notifier.web.answering import COOKIE, Answering

HERE = Path(__file__).parent
PAGE = HERE / "page"
DRAWING = HERE.parent / "sandbox"
DRAWN_BY = ("dom.js", "ansi.js", "markdown.js", "message.js", "tables.js", "message.css")
"""The sandbox's files that draw a message. They are data: nothing of the sandbox is imported."""
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src {pictures}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def files() -> dict[str, Path]:
    """Those that there are, by name."""
    own = {path.name: path for path in PAGE.iterdir() if path.suffix in (".css", ".js")}
    return {**{name: DRAWING / name for name in DRAWN_BY}, **own}


class File(Answering):
    """``GET /NAME.css`` and ``/NAME.js``: they hold no secret, and the login form needs them."""

    needs_login = False

    def get(self, name: str) -> None:
        """The file."""
        if (path := files().get(name)) is None:
            return self.refuse(404, "there is no such file", "not_found")
        self.set_header("Content-Type", f"{TYPES[path.suffix]}; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(path.read_bytes())
        return None

    head = get


class Html(Answering):
    """A page of ours, with a policy that runs our scripts alone."""

    def show(self, name: str, problem: str = "") -> None:
        """Send a page. ``?pictures=outside``: one that may load pictures from other servers, who see its reader."""
        outside = self.get_query_argument("pictures", "") == "outside"
        pictures = "'self' data: http: https:" if outside else "'self' data:"
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", POLICY.format(pictures=pictures))
        self.finish((PAGE / name).read_text(encoding="utf-8").replace("<!--problem-->", problem))


class Page(Html):
    """``GET /``."""

    def ask_to_log_in(self) -> None:
        """Show the form."""
        self.redirect("login", status=303)

    def get(self) -> None:
        """The page."""
        self.show("index.html")

    head = get


class LoginForm(Html):
    """``GET /login``: a form; ``POST /login``: it is filled in."""

    needs_login = False

    def get(self) -> None:
        """The form."""
        if not self.shared.login.needed:
            return self.redirect("./", status=303)
        return self.show("login.html")

    def posted(self) -> None:
        """A session, if the password is right."""
        given = parse_qs(bytes(self._body).decode(errors="replace"), keep_blank_values=True)
        user, password = (given.get(name, [""])[-1] for name in ("user", "password"))
        if not self.may_try():
            return None
        if not self.shared.login.takes(user, password):
            self.count_failure()
            self.set_status(401)
            return self.show("login.html", "That is not the user's password.")
        is_secure = "https" in (self.request.protocol, self.request.headers.get("X-Forwarded-Proto", ""))
        self.set_cookie(
            COOKIE, self.shared.login.new_session(), path="/", httponly=True, secure=is_secure, samesite="Lax"
        )
        return self.redirect("./", status=303)


class Logout(Answering):
    """``POST /logout``."""

    needs_login = False

    def posted(self) -> None:
        """Forget the session in this browser."""
        self.clear_cookie(COOKIE, path="/")
        self.redirect("login", status=303)
