"""What a client meets: a clock that moves as things take time; a Redis, a Discord and a disk that behave as told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from notifier.errors import BrokerUnavailable, QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.admission import Admitted
from notifier.outbox.terms import Terms
from notifier.outcome import Delivered, Failed, Reason, Unknown
from notifier.producer import deadline as deadline_module
from notifier.producer import ways as ways_module
from notifier.producer.client import Client
from notifier.producer.deadline import DeadlineExceeded
from notifier.producer.straight import Posted
from notifier.settings import Settings

T = TypeVar("T")
LIMIT_SECONDS = 2.0
MOMENT_SECONDS = 0.01
DIRECT = AlertType.SECURITY
LEFT = AlertType.CRITICAL


class Silent(Exception):
    """A call that never ends by itself."""


@dataclass
class Clock:
    """A monotonic clock. Calls with a deadline run in this thread; one that never ends takes all of its time."""

    now: float = 1_000.0
    given: list[float] = field(default_factory=list)

    def run(self, seconds: float, act: Callable[[], T], *, before: Callable[[], Any], after: Callable[[], Any]) -> T:
        """Stands in for ``run_with_deadline``, which is tested with real threads."""
        self.given.append(round(seconds, 6))
        ends_at, begun = self.now + seconds, False
        try:
            before()
            begun = True
            result = act()
        except Silent:
            self.now = ends_at
            raise DeadlineExceeded(begun=begun) from None
        try:
            after()
        except Silent:
            self.now = ends_at
        return result


@dataclass
class Redis:
    """Stands in for the publisher."""

    clock: Clock
    tried: list[str]
    behaves: str = "takes"
    holds: list[str] = field(default_factory=list)
    admitted: Admitted = Admitted.NOW

    def ping(self) -> None:
        """The first step."""
        self._step("ping", "refuses", "silent")

    def admit(self, message: NotificationMessage, terms: object = None, *, with_task: bool = False) -> Admitted:
        """The second; ``loses``: it takes the alert, and its answer is lost."""
        if self.behaves in ("takes", "loses", "hangs", "stalls"):
            self.holds.append(message.id)
        if self.behaves == "full":
            raise QueueFull("full")
        self._step("admit", "loses", "hangs")
        return self.admitted

    def dispatch(self, message: NotificationMessage, again: bool = True) -> None:
        """The third."""
        self._step("dispatch again" if again else "dispatch", "", "stalls")

    def submit_spooled(self, spooled: str) -> None:
        """What a flusher calls."""
        self.holds.append(spooled)

    def _step(self, name: str, failing: str, silent: str) -> None:
        self.tried.append(name)
        self.clock.now += MOMENT_SECONDS
        if self.behaves == failing:
            raise BrokerUnavailable("Redis failed", maybe_stored=failing == "loses")
        if self.behaves == silent:
            raise Silent


@dataclass
class Discord:
    """Stands in for the poster, and for what builds it."""

    clock: Clock
    tried: list[str]
    behaves: str = "takes"
    builds: int = 0
    holds: list[str] = field(default_factory=list)

    def build(self) -> "Discord":
        """An import and a client, that may take long."""
        self.builds += 1
        if self.behaves == "slow to build":
            raise Silent
        return self

    def post(self, message: NotificationMessage, *, maybe_admitted: bool) -> Posted:
        """One request."""
        self.tried.append("post, maybe a duplicate" if maybe_admitted else "post")
        self.clock.now += MOMENT_SECONDS
        if self.behaves in ("takes", "loses", "silent"):
            self.holds.append(message.id)
        if self.behaves == "silent":
            raise Silent
        if self.behaves == "loses":
            return Posted(Unknown(Reason.CONNECTION_LOST))
        return Posted(Delivered("1", "2") if self.behaves == "takes" else Failed(Reason.BAD_GATEWAY))


@dataclass
class Disk:
    """Stands in for the spool."""

    clock: Clock
    tried: list[str]
    behaves: str = "takes"
    rows: list[tuple[str, AlertType]] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)

    @property
    def exists(self) -> bool:
        """Whether there is a file."""
        return True

    def put(self, message: NotificationMessage, terms: Terms, *, maybe_posted: bool = False) -> None:
        """Keep one."""
        self.terms.append(terms)
        self.tried.append("spool, maybe posted" if maybe_posted else "spool")
        if self.behaves in ("full", "broken"):
            raise BrokerUnavailable(f"the spool is {self.behaves}")
        self.rows.append((message.id, message.alert_type))

    def count(self, alert_type: AlertType | None = None) -> int:
        """How many there are."""
        if self.behaves == "broken":
            raise BrokerUnavailable("the spool is broken")
        return len([kind for _, kind in self.rows if alert_type in (None, kind)])

    def holds(self, notification_id: str) -> bool:
        """Whether it is there."""
        return notification_id in [each for each, _ in self.rows]


@dataclass
class Flusher:
    """Stands in for the thread that empties the spool: at once, or never if Redis is silent."""

    spool: Disk
    hand_over: Callable[[str], None]
    starts: int = 0

    def start(self) -> "Flusher":
        """Count it; it is its own run."""
        self.starts += 1
        return self

    def wait(self, seconds: float) -> None:
        """Until it has gone through the spool."""
        if not self.starts or self.hand_over.__self__.behaves != "takes":  # type: ignore[attr-defined]
            self.spool.clock.now += seconds
            return
        for each, _ in self.spool.rows:
            self.hand_over(each)
        self.spool.rows.clear()


class Surroundings:
    """Builds a client among them. ``tried``: what was done, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.tried: list[str] = []
        self.redis = Redis(self.clock, self.tried)
        self.discord = Discord(self.clock, self.tried)
        self.disk = Disk(self.clock, self.tried)
        self.configuration = SimpleNamespace(task_always_eager=False)
        controlled = SimpleNamespace(monotonic=lambda: self.clock.now)
        for module in (deadline_module, ways_module):
            monkeypatch.setattr(module, "time", controlled)
        monkeypatch.setattr(deadline_module, "run_with_deadline", self.clock.run)
        monkeypatch.setattr(ways_module, "run_with_deadline", lambda _, act: act())  # a disk that answers

    def client(self, *, disk: bool = False, direct: bool = False, redis_url: str = "redis://nowhere") -> Client:
        """A client with or without a disk; with or without direct posts of ``DIRECT`` and ``LEFT`` alerts."""
        settings = Settings.load().model_copy(
            update={
                "publish_timeout_seconds": LIMIT_SECONDS,
                "direct_fallback": frozenset({DIRECT, LEFT} if direct else ()),
                "unknown_leave": frozenset({LEFT}),
                "redis_url": SecretStr(redis_url),
            }
        )
        app: Any = SimpleNamespace(
            AsyncResult=lambda notification_id: f"result of {notification_id}", conf=self.configuration
        )
        flusher = Flusher(self.disk, self.redis.submit_spooled) if disk else None
        found: Any = (self.redis, settings, flusher, self.discord.build)
        return Client(app, *found, another=lambda: Client(app, *found, another=self._no_third))

    @staticmethod
    def _no_third() -> Client:
        raise AssertionError("one call within another is enough")

    def set(self, *, redis: str = "takes", discord: str = "takes", disk: str = "takes") -> None:
        """How they behave from now on."""
        self.redis.behaves, self.discord.behaves, self.disk.behaves = redis, discord, disk
