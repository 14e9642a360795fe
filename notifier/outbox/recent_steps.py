"""What this process has done lately, for a Redis that forgets its last second when its host is lost.

With ``appendfsync everysec`` a crash of the host takes up to two seconds of writes, and a replica that takes over may
lack as much. An alert whose commit is forgotten would be posted again.
"""

import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import redis

from notifier.models import AlertType
from notifier.outbox.claim import Batch
from notifier.storage.connection import MICROSECONDS, broker_errors
from notifier.storage.keys import Keys
from notifier.storage.scripts import script

COMMITS_MAX = 100
BYTES_MAX = 4 * 2**20
"""Ours: bounds of what is remembered. In two seconds Discord takes 100 requests of an address."""
FASTEST = 1
"""Of zlib's levels. The records of a batch are much alike: an eighth of them is left, by the slowest no less."""
BETWEEN = "\0"
"""Stands in no argument of a commit: each is JSON, which escapes it, or nothing."""
REMEMBERED_SECONDS = 60
"""Ours: what is committed again was committed at most so long before the server's end was noticed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a script. ``wake_up``: the token of the wake-up that it may arm. ``at``: monotonic clock."""

    alert_type: AlertType
    keys: Sequence[str]
    args: Sequence[str]
    wake_up: str = ""
    at: float = field(default_factory=time.monotonic)


class _Packed(NamedTuple):
    """A step that has ended, as small as it can quickly be made: it is seldom read again."""

    step: Step
    args: bytes

    @classmethod
    def of(cls, step: Step) -> "_Packed":
        return cls(replace(step, args=()), zlib.compress(BETWEEN.join(step.args).encode(), FASTEST))

    def unpacked(self) -> Step:
        return replace(self.step, args=zlib.decompress(self.args).decode().split(BETWEEN))


class RecentSteps:
    """The latest commits, and the batches under way, of the threads of one process.

    Raises (what asks Redis):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, lease_seconds: float, life_seconds: int) -> None:
        self._keys = keys
        self._lease = round(lease_seconds * MICROSECONDS)
        self._life_seconds = life_seconds
        self._resume = client.register_script(script("gate/clock.lua", "outbox/resume.lua"))
        self._lock = threading.Lock()
        self._commits: deque[_Packed] = deque()
        self._size = 0
        self._under_way: dict[str, Step] = {}

    def claimed(self, batch: Batch, worker: str) -> None:
        """A batch is under way."""
        ids = (each.message.id for each in batch.items)
        args = [batch.token, worker, str(self._lease), self._keys.notification(""), str(self._life_seconds), *ids]
        with self._lock:
            self._under_way[batch.token] = Step(batch.alert_type, self._keys.outbox_parts(batch.outbox), args)

    def committed(self, batch: Batch, commit: Step) -> None:
        """It is no longer."""
        packed = _Packed.of(commit)
        with self._lock:
            self._under_way.pop(batch.token, None)
            self._commits.append(packed)
            self._size += len(packed.args)
            while len(self._commits) > 1 and self._is_too_much(commit.at):
                self._size -= len(self._commits.popleft().args)

    def _is_too_much(self, now: float) -> bool:
        is_old = self._commits[0].step.at < now - REMEMBERED_SECONDS
        return is_old or len(self._commits) > COMMITS_MAX or self._size > BYTES_MAX

    def ended(self, batch: Batch) -> None:
        """It is no longer under way, committed or not."""
        with self._lock:
            self._under_way.pop(batch.token, None)

    def commits(self, until: float) -> list[Step]:
        """Those that may be forgotten if the server ended soon after ``until`` (monotonic clock), oldest first."""
        with self._lock:
            found = [each for each in self._commits if each.step.at >= until - REMEMBERED_SECONDS]
        return [each.unpacked() for each in found]

    def commit_again(self, commit: Callable[..., Any], until: float) -> list[tuple[Step, int]]:
        """Repeat those; returns each with the microseconds until the wake-up that it has armed, or -1."""
        with broker_errors():
            return [(each, commit(keys=each.keys, args=each.args)[1]) for each in self.commits(until)]

    def resume(self) -> bool:
        """Lease again what this process has under way. False if other workers have to commit again first."""
        with self._lock:
            steps = list(self._under_way.values())
        with broker_errors():
            answers = [self._resume(keys=each.keys, args=each.args) for each in steps]
        return all(answers)
