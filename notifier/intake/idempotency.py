"""``Idempotency-Key``: the same request, sent again, is taken once; another one with the same key is a mistake."""

import hashlib
import threading
from collections import OrderedDict

from notifier.errors import NotifierError

KEPT_MAX = 10_000
"""Ours: keys of which it is known what they were used with."""


class KeyReused(NotifierError):
    """It was used with another body; that alert would be taken for the one before, and be lost."""

    reason = "key_reused"


class UsedKeys:
    """What this process has taken, by token and key. May be asked from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digests: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def check(self, token: str, key: str, body: bytes) -> None:
        """See whether it may be used with this body. Raises KeyReused."""
        with self._lock:
            known = self._digests.get((token, key))
        if known is not None and known != _digest(body):
            raise KeyReused("Idempotency-Key: it was used with another body")

    def note(self, token: str, key: str, body: bytes) -> None:
        """It is used."""
        with self._lock:
            self._digests[token, key] = _digest(body)
            if len(self._digests) > KEPT_MAX:
                self._digests.popitem(last=False)


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
