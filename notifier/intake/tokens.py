"""Who may post to the intake, and how often."""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from time import monotonic

WINDOW_SECONDS = 60


class Tokens:
    """Secrets, each with a budget of its own.

    Args:
        tokens: who has one of them may post.
        per_minute: requests of one token.
        clock: seconds that only grow.
    """

    def __init__(self, tokens: Iterable[str], per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self._hashes = {each: hashlib.sha256(each.encode()).digest() for each in tokens}
        self._per_minute, self._clock = per_minute, clock
        self._windows: dict[str, tuple[float, int]] = {}

    def known(self, given: str) -> str | None:
        """The token, or None; how long that takes tells nothing of any."""
        digest = hashlib.sha256(given.encode(errors="replace")).digest()
        matches = [each for each, known in self._hashes.items() if hmac.compare_digest(digest, known)]
        return matches[0] if matches else None

    def signer(self, signature: str, body: bytes) -> str | None:
        """The token with which a body is signed (HMAC with SHA-256, in hexadecimal), or None."""
        given = signature.strip().lower().encode(errors="replace")
        matches = [
            each
            for each in self._hashes
            if hmac.compare_digest(given, hmac.new(each.encode(), body, hashlib.sha256).hexdigest().encode())
        ]
        return matches[0] if matches else None

    def wait_seconds(self, token: str) -> int:
        """How long it has to wait; 0: this request is counted and may go on."""
        began, count = self._windows.get(token, (self._clock(), 0))
        if (passed := self._clock() - began) >= WINDOW_SECONDS:
            began, count, passed = self._clock(), 0, 0.0
        if count >= self._per_minute:
            return max(1, round(WINDOW_SECONDS - passed))
        self._windows[token] = (began, count + 1)
        return 0
