"""Rate limits. Everything takes ``now`` (epoch seconds), so that a test controls the clock."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from math import ceil, floor
from typing import Literal

BUCKET_LIMIT = 5  # requests per window and webhook (staff in discord-api-docs #367; headers in the wild)
BUCKET_WINDOW_SECONDS = 2.0  # the same; reports of 1 s (#6753) and 5 s (#4043) exist, so it can be set
CHANNEL_LIMIT = 30  # messages per window over all webhooks of a channel (staff in discord-api-docs #367)
CHANNEL_WINDOW_SECONDS = 60.0  # the same
GLOBAL_LIMIT = 50  # requests per second and client address (Discord docs, rate-limits.mdx)
GLOBAL_WINDOW_SECONDS = 1.0  # the same
INVALID_LIMIT = 10_000  # invalid answers per window and client address (Discord docs, rate-limits.mdx)
INVALID_WINDOW_SECONDS = 600.0  # the same
BAN_SECONDS = 3_600.0  # about an hour was seen (discord-api-docs #5385)

ADDRESSES_KEPT = 1_000
"""Client addresses remembered at a time; memory stays bounded."""

TOLERANCE_SECONDS = 1e-6
"""Floats of epoch seconds are this coarse; a client that waited the whole ``retry_after`` is let in."""

Mode = Literal["sliding", "fixed"]


@dataclass(frozen=True, slots=True)
class BucketState:
    """What the headers of an answer say. ``reset_after``: seconds until the bucket is whole again."""

    limit: int
    remaining: int
    reset_after: float


class SlidingBucket:
    """A leaky bucket: slots come back one at a time (hikari, impl/buckets.py; discord-api-docs #7680)."""

    def __init__(self, limit: int, window_seconds: float) -> None:
        self.limit = limit
        self.window_seconds = window_seconds
        self._step = window_seconds / limit
        self._whole_at = 0.0

    def wait(self, now: float) -> float:
        """Seconds until one request may go; 0 if it may now."""
        wait = max(self._whole_at, now) + self._step - self.window_seconds - now
        return wait if wait > TOLERANCE_SECONDS else 0.0

    def take(self, now: float) -> None:
        """Use a slot."""
        self._whole_at = max(self._whole_at, now) + self._step

    def state(self, now: float) -> BucketState:
        """How full it is."""
        reset_after = max(self._whole_at - now, 0.0)
        used = ceil((reset_after - TOLERANCE_SECONDS) / self._step)
        return BucketState(self.limit, min(max(self.limit - used, 0), self.limit), reset_after)


class FixedBucket:
    """All slots come back at once, a window after the first was used."""

    def __init__(self, limit: int, window_seconds: float) -> None:
        self.limit = limit
        self.window_seconds = window_seconds
        self._resets_at = 0.0
        self._used = 0

    def wait(self, now: float) -> float:
        """Seconds until one request may go; 0 if it may now."""
        self._roll(now)
        return self._resets_at - now if self._used >= self.limit else 0.0

    def take(self, now: float) -> None:
        """Use a slot."""
        self._roll(now)
        if self._used == 0:
            self._resets_at = now + self.window_seconds
        self._used += 1

    def state(self, now: float) -> BucketState:
        """How full it is."""
        self._roll(now)
        reset_after = self._resets_at - now if self._used else 0.0
        return BucketState(self.limit, max(self.limit - self._used, 0), reset_after)

    def _roll(self, now: float) -> None:
        if self._used and now >= self._resets_at - TOLERANCE_SECONDS:
            self._used = 0


class Window:
    """At most ``limit`` events in any ``window_seconds``: a log of their times."""

    def __init__(self, limit: int, window_seconds: float) -> None:
        self.limit = limit
        self.window_seconds = window_seconds
        self._times: deque[float] = deque(maxlen=limit)

    def wait(self, now: float) -> float:
        """Seconds until one event may happen; 0 if it may now."""
        if len(self._times) < self.limit:
            return 0.0
        wait = self._times[0] + self.window_seconds - now
        return wait if wait > TOLERANCE_SECONDS else 0.0

    def take(self, now: float) -> None:
        """Note an event."""
        self._times.append(now)


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """The limits in force."""

    enabled: bool = True
    bucket_limit: int = BUCKET_LIMIT
    bucket_window_seconds: float = BUCKET_WINDOW_SECONDS
    bucket_mode: Mode = "sliding"
    bucket_shared_by_reads: bool = False
    channel_limit: int = CHANNEL_LIMIT
    channel_window_seconds: float = CHANNEL_WINDOW_SECONDS
    channel_code: int | None = None
    global_limit: int = GLOBAL_LIMIT
    invalid_limit: int = INVALID_LIMIT
    invalid_window_seconds: float = INVALID_WINDOW_SECONDS
    invalid_ban_seconds: float = BAN_SECONDS


@dataclass(frozen=True, slots=True)
class Hit:
    """A limit was hit: whose (the ``X-RateLimit-Scope``), and for how long."""

    scope: Literal["user", "shared", "global"]
    retry_after: float


@dataclass(slots=True)
class Limits:
    """All limits of the API, with their present state."""

    settings: LimitSettings = field(default_factory=LimitSettings)
    _buckets: dict[tuple[str, str], SlidingBucket | FixedBucket] = field(default_factory=dict)
    _channels: dict[str, Window] = field(default_factory=dict)
    _addresses: "OrderedDict[str, Window]" = field(default_factory=OrderedDict)
    _invalid: "OrderedDict[str, Window]" = field(default_factory=OrderedDict)

    def change(self, settings: LimitSettings) -> None:
        """Set other limits; all counters start anew."""
        self.settings = settings
        for counters in (self._buckets, self._channels, self._addresses, self._invalid):
            counters.clear()

    def hit_global(self, address: str, now: float) -> Hit | None:
        """Count a request of a client; the global limit if it is exceeded."""
        if not self.settings.enabled:
            return None
        window = _of(self._addresses, address, lambda: Window(self.settings.global_limit, GLOBAL_WINDOW_SECONDS))
        return self._take("global", [window], now)

    def hit_webhook(self, group: str, webhook_id: str, channel_id: str | None, now: float) -> Hit | None:
        """Count a request to a webhook; the limit that it exceeds, if any.

        The channel's window is counted only where a message would be posted (``channel_id`` given). A request it
        refuses leaves the bucket alone, so that the headers keep showing slots (discord-api-docs #1454).
        """
        if not self.settings.enabled:
            return None
        bucket = self._bucket(group, webhook_id)
        if wait := bucket.wait(now):
            return Hit("user", wait)
        if channel_id is not None:
            settings = self.settings
            window = self._channels.setdefault(
                channel_id, Window(settings.channel_limit, settings.channel_window_seconds)
            )
            if hit := self._take("shared", [window], now):
                return hit
        bucket.take(now)
        return None

    def bucket_group(self, group: str) -> str:
        """The group whose bucket a group of endpoints uses."""
        return "write" if self.settings.bucket_shared_by_reads else group

    def bucket_state(self, group: str, webhook_id: str, now: float) -> BucketState:
        """What the headers say about a webhook's bucket."""
        return self._bucket(group, webhook_id).state(now)

    def count_invalid(self, address: str, now: float) -> bool:
        """Count an invalid answer; whether this one is over the limit, so that the client is to be banned."""
        settings = self.settings
        if not settings.enabled:
            return False
        window = _of(self._invalid, address, lambda: Window(settings.invalid_limit, settings.invalid_window_seconds))
        window.take(now)
        full = window.wait(now) > 0
        if full:
            del self._invalid[address]
        return full

    def _take(self, scope: Literal["shared", "global"], windows: Iterable[Window], now: float) -> Hit | None:
        for window in windows:
            if wait := window.wait(now):
                return Hit(scope, wait)
            window.take(now)
        return None

    def _bucket(self, group: str, webhook_id: str) -> SlidingBucket | FixedBucket:
        settings, group = self.settings, self.bucket_group(group)
        kind = SlidingBucket if settings.bucket_mode == "sliding" else FixedBucket
        key = (group, webhook_id)
        if key not in self._buckets:
            self._buckets[key] = kind(settings.bucket_limit, settings.bucket_window_seconds)
        return self._buckets[key]


def _of(windows: "OrderedDict[str, Window]", key: str, new: Callable[[], Window]) -> Window:
    if key not in windows:
        while len(windows) >= ADDRESSES_KEPT:
            windows.popitem(last=False)
        windows[key] = new()
    windows.move_to_end(key)
    return windows[key]


def milliseconds_up(seconds: float) -> float:
    """Rounded up to a whole millisecond, so that a client that waits as told is not too early."""
    scaled = seconds * 1000
    whole = floor(scaled + 0.5)
    return (whole if abs(scaled - whole) < 1e-3 else ceil(scaled)) / 1000


def with_window(settings: LimitSettings, window_seconds: float, mode: Mode) -> LimitSettings:
    """The settings with another 5-bucket."""
    return replace(settings, bucket_window_seconds=window_seconds, bucket_mode=mode)
