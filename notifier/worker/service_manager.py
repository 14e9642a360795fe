"""Tells systemd that this worker is ready and goes round (sd_notify(3)), if its unit asks for that."""

import logging
import os
import socket

from notifier.pulse import Pulse

logger = logging.getLogger(__name__)


class ServiceManager:
    """``address``: that of NOTIFY_SOCKET; None or empty: there is nobody to be told."""

    def __init__(self, address: str | None = None) -> None:
        given = os.environ.get("NOTIFY_SOCKET") if address is None else address
        # an abstract socket is written with @
        self._address = f"\0{given[1:]}" if given and given.startswith("@") else given
        self._status = ""
        self._is_ready = False
        self._is_well = True

    def tell(self, pulse: Pulse) -> None:
        """Tell what is new; while the worker moves, also that it does, for WatchdogSec=.

        What fails is logged once, and told again.
        """
        if not self._address:
            return
        states = [] if pulse.stuck else ["WATCHDOG=1"]
        becomes_ready = not (pulse.unready or self._is_ready)
        if becomes_ready:
            states.append("READY=1")
        status = pulse.stuck or pulse.unready or f"delivers {', '.join(pulse.types)}"
        if status != self._status:
            states.append(f"STATUS={status}")
        if self._send("\n".join(states)):
            self._is_ready, self._status = self._is_ready or becomes_ready, status

    def stopping(self) -> None:
        """The worker ends what it has begun, and takes no more."""
        if self._address:
            self._send("STOPPING=1")

    def _send(self, text: str) -> bool:
        """Whether it was told."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as to:
                to.sendto(text.encode(), self._address or "")
            self._is_well = True
        except OSError as error:
            if self._is_well:
                logger.warning("NOTIFY_SOCKET: the service manager was not told (%s)", type(error).__name__)
            self._is_well = False
        return self._is_well
