"""Flower on this application: it answers to its own names alone. Only a worker of ours and Flower import this.

A page from elsewhere may let its own name point to this machine (DNS rebinding), and would then read every alert, and
control every worker, as one origin with Flower. It cannot do so with a name of ours, nor with an address.
"""

import sys
from ipaddress import ip_address
from typing import Any

from notifier.settings import settings


def restrict(flower: Any) -> None:
    """Let a Flower application answer 403 to other names. With a login of Flower's own, any name will do.

    Args:
        flower: the class; Celery offers no place at which to hand it another one.
    """
    from tornado.web import RequestHandler

    class NotMeantForUs(RequestHandler):
        def prepare(self) -> None:
            self.set_status(403)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish("This name is none of Flower's: see NOTIFIER_FLOWER_HOSTS\n")

    find_handler = flower.find_handler

    def find_own(self: Any, request: Any, **more: Any) -> Any:
        options = self.options
        if options.auth or options.basic_auth or _is_own(request.host_name, str(options.address)):
            return find_handler(self, request, **more)
        return self.get_handler_delegate(request, NotMeantForUs)

    flower.find_handler = find_own


def _is_own(host: str, bound: str) -> bool:
    host = host.strip("[]")
    if host in {"localhost", bound.lower(), *(name.lower() for name in settings().flower_hosts)}:
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


if "flower.app" in sys.modules:  # imported by Flower, for the tasks of this application
    restrict(sys.modules["flower.app"].Flower)
