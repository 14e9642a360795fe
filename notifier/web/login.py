"""Who may use the page: one user with a password, by HTTP Basic or by a session in a cookie."""

import base64
import binascii
import hashlib
import hmac
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

SESSION_SECONDS = 12 * 3_600
"""Ours: then the browser asks for the password again."""
FAILURES_MAX, FAILURES_SECONDS = 10, 60
"""Ours: wrong passwords that are looked at from one address, and in what time."""
ADDRESSES_MAX = 10_000
"""Ours: addresses that are remembered."""
KEY_ROUNDS = 200_000
"""Ours: who has stolen a session guesses the password no faster than this."""


class Attempts:
    """Wrong passwords, by address. Behind a proxy all come from its address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_seconds(self, address: str) -> int:
        """How long nobody can log in from there; 0: a password is looked at."""
        began, count = self._windows.get(address, (0.0, 0))
        left = began + FAILURES_SECONDS - self._clock()
        return max(1, math.ceil(left)) if count >= FAILURES_MAX and left > 0 else 0

    def failed(self, address: str) -> None:
        """A password was wrong."""
        began, count = self._windows.pop(address, (0.0, 0))
        now = self._clock()
        self._windows[address] = (began, count + 1) if count and now < began + FAILURES_SECONDS else (now, 1)
        if len(self._windows) > ADDRESSES_MAX:
            self._windows.popitem(last=False)


class Login:
    """Checks passwords, sessions and the token of the metrics; how long that takes tells nothing of them.

    Args:
        user, password: the one login; without a password everybody is that user.
        metrics_token: who has it may read the metrics.
        now: seconds since 1970.
    """

    def __init__(
        self,
        user: str,
        password: str | None,
        metrics_token: str | None = None,
        *,
        now: Callable[[], float] = time.time,
        attempts: Attempts | None = None,
    ) -> None:
        self.user, self.needed = user, password is not None
        self.attempts = attempts or Attempts()
        self._now = now
        self._digest = _digest(f"{user}:{password or ''}")
        self._metrics = None if metrics_token is None else _digest(metrics_token)
        self._key = (
            b"" if password is None else hashlib.pbkdf2_hmac("sha256", password.encode(), user.encode(), KEY_ROUNDS)
        )

    def takes(self, user: str, password: str) -> bool:
        """Whether that is the login."""
        return self.needed and hmac.compare_digest(_digest(f"{user}:{password}"), self._digest)

    def takes_token(self, authorization: str) -> bool:
        """Whether this header has the token of the metrics."""
        scheme, _, token = authorization.strip().partition(" ")
        is_known = hmac.compare_digest(_digest(token.strip()), self._metrics or b"")
        return is_known and scheme.lower() == "bearer"

    def new_session(self) -> str:
        """A session of the user, for a cookie."""
        ends_at = f"{self._now() + SESSION_SECONDS:.0f}.{secrets.token_urlsafe(16)}"
        return f"{ends_at}.{self._signature(ends_at)}"

    def knows_session(self, session: str) -> bool:
        """Whether it is one, and not over."""
        signed, _, signature = session.rpartition(".")
        if not self.needed or not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            return False
        return self._now() < int(signed.partition(".")[0])

    def _signature(self, text: str) -> str:
        return hmac.new(self._key, text.encode(errors="replace"), hashlib.sha256).hexdigest()


def basic_login(authorization: str) -> tuple[str, str] | None:
    """User and password of a header (RFC 7617); None: it has none."""
    scheme, _, given = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, separator, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if separator else None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
