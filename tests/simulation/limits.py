"""The limits of the Discord of the simulation: it counts requests as Discord does."""

from collections import defaultdict, deque

from notifier.outcome import RateLimitInfo
from notifier.webhook import Webhook
from tests.simulation.network import EPOCH
from tests.simulation.posts import Posts
from tests.simulation.scheduler import SECOND
from tests.simulation.webhooks import channel_of

BUCKET, PERIOD = 5, 2 * SECOND
STEP = PERIOD // BUCKET
CHANNEL, MINUTE = 30, 60 * SECOND


class Limits:
    """Those of webhooks, and of their channels.

    Args:
        sliding: requests come back one by one, or all at the end of a period.
    """

    def __init__(self, *, sliding: bool) -> None:
        self._sliding = sliding
        self._times: defaultdict[str, deque[int]] = defaultdict(deque)
        """When each channel took a request, in the last minute."""
        self.exceeded: list[str] = []
        """Requests that went above a limit, in words."""

    def count(self, webhook: Webhook, posts: Posts, now: int) -> RateLimitInfo | None:
        """What the headers say; None if the request is one too many."""
        times = self._times[channel_of(webhook)]
        while times and times[0] <= now - MINUTE:
            times.popleft()
        if len(times) >= CHANNEL:
            self.exceeded.append(f"{now / SECOND:.3f} {webhook.id}: more than {CHANNEL} in a minute")
            return None
        free_at = _sliding_until(posts, now) if self._sliding else _period_until(posts, now)
        if free_at is None:
            self.exceeded.append(f"{now / SECOND:.3f} {webhook.id}: more than {BUCKET} in {PERIOD / SECOND:g} s")
            return None
        times.append(now)
        used = -(-(free_at - now) // STEP) if self._sliding else posts.made
        left = (free_at - now) / SECOND
        return RateLimitInfo(BUCKET, BUCKET - used, left, (EPOCH + free_at) / SECOND, "bucket")


def _sliding_until(posts: Posts, now: int) -> int | None:
    """When all requests are back, each of which comes back on its own; None if none is left."""
    free_at = max(posts.free_at, now) + STEP
    if free_at - now > PERIOD:
        return None
    posts.free_at = free_at
    return free_at


def _period_until(posts: Posts, now: int) -> int | None:
    """When the period under way ends, and all are back at once; None if none is left."""
    if now >= posts.free_at:
        posts.free_at, posts.made = now + PERIOD, 0
    if posts.made >= BUCKET:
        return None
    posts.made += 1
    return posts.free_at
