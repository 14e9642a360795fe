"""The names by which Flower may be reached.

A page from elsewhere may let its own name point to this machine (DNS rebinding), and would then read every alert, and
control every worker, as one origin with Flower. It cannot do so with a name of ours, nor with an address.
"""

from collections.abc import Collection
from typing import Any

from notifier.hosts import is_address


def restrict(flower: Any, names: Collection[str]) -> None:
    """Let a Flower application answer 403 to other names. With a login of Flower's own, any name will do.

    Args:
        flower: the class; Celery offers no place at which to hand it another one.
        names: beside ``localhost`` and the address to which it is bound.
    """
    from tornado.web import RequestHandler

    class NotMeantForUs(RequestHandler):
        def prepare(self) -> None:
            self.set_status(403)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish("This name is none of Flower's: see NOTIFIER_FLOWER_HOSTS\n")

    find_handler = flower.find_handler
    known = {"localhost", *(name.lower() for name in names)}

    def find_own(self: Any, request: Any, **more: Any) -> Any:
        options = self.options
        known_here = known | {str(options.address).lower()}
        if options.auth or options.basic_auth or _is_own(request.host_name, known_here):
            return find_handler(self, request, **more)
        return self.get_handler_delegate(request, NotMeantForUs)

    flower.find_handler = find_own


def _is_own(host: str, known: Collection[str]) -> bool:
    host = host.strip("[]")
    return host in known or is_address(host)
