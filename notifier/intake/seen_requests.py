"""Requests that were here before: what is sent again is taken once."""

import hashlib
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from notifier.errors import NotifierError

KEPT_MAX = 10_000
"""Ours: keys of which it is known what they were used with, and requests that were refused."""
RETRY_SECONDS = 600
"""Ours: the same request within so long after it was refused is taken for its repetition."""


class KeyReused(NotifierError):
    """It was used with another body; that alert would be taken for the one before, and be lost."""

    reason = "key_reused"


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One request. ``seed``: the ids of its alerts are made of it; it may hold a token."""

    seed: str
    has_key: bool
    digest: bytes


class Requests:
    """What this process has taken and refused. May be asked from several threads."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._used: OrderedDict[str, bytes] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def begin(self, token: str, key: str, place: str, body: bytes) -> Request:
        """What this request is. ``key``: its ``Idempotency-Key``. Raises KeyReused."""
        seed = f"{token}\n{key}"
        if key:
            digest = hashlib.sha256(body).digest()
            with self._lock:
                known = self._used.get(seed)
            if known not in (None, digest):
                raise KeyReused("Idempotency-Key: it was used with another body")
            return Request(seed, True, digest)
        digest = hashlib.sha256(f"{token}\n{place}\n".encode(errors="replace") + body).digest()
        with self._lock:
            refused, until = self._refused.get(digest, ("", 0.0))
        return Request(refused if self._clock() < until else str(uuid.uuid4()), False, digest)

    def note_taken(self, request: Request) -> None:
        """All of it is safe."""
        with self._lock:
            if request.has_key:
                self._used[request.seed] = request.digest
                _bound(self._used)
            else:
                self._refused.pop(request.digest, None)

    def note_refused(self, request: Request) -> None:
        """A part of it may be safe all the same: it was admitted before, or an answer was lost."""
        if request.has_key:
            return
        with self._lock:
            self._refused[request.digest] = request.seed, self._clock() + RETRY_SECONDS
            _bound(self._refused)


def _bound(known: "OrderedDict[str, bytes] | OrderedDict[bytes, tuple[str, float]]") -> None:
    if len(known) > KEPT_MAX:
        known.popitem(last=False)
