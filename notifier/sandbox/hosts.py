"""Whom a request was meant for: its ``Host`` has to be one of the sandbox's own names.

A page from elsewhere may let its own name point to this machine (DNS rebinding); to a browser it then is one origin
with the sandbox. It cannot do so with a name of ours, nor with an address.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler

API = "/api"
"""Discord's own part: a client calls it by any name, and needs a token."""


class NotMeantForUs(RequestHandler):
    """Answers whatever was meant for another name."""

    def prepare(self) -> None:
        """Answer."""
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("This name is none of the sandbox's: see --allow-host\n")


class OwnNames(Application):
    """A web application that answers to its own names, and to addresses."""

    def __init__(self, handlers: list[Any], names: Iterable[str], **settings: Any) -> None:
        super().__init__(handlers, **settings)
        self._names = {"localhost", *(name.lower().strip("[]") for name in names)}

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """As Tornado's."""
        if request.path == API or request.path.startswith(f"{API}/") or self._is_own(request.host_name):
            return super().find_handler(request, **kwargs)
        return self.get_handler_delegate(request, NotMeantForUs)

    def _is_own(self, host: str) -> bool:
        return host.strip("[]") in self._names or _is_address(host.strip("[]"))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
