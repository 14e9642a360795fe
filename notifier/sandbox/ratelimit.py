"""How limits are reported: headers and bodies (Discord docs, rate-limits.mdx)."""

from math import ceil
from typing import Any

from notifier.sandbox.answer import Answer, json_answer
from notifier.sandbox.call import Call
from notifier.sandbox.limits import BucketState, Hit, milliseconds_up

HASHES = {
    "write": "f1f2f3f4a5a6a7a8b9b0c1c2d3d4e5e6",
    "webhook": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "read": "a0b1c2d3e4f5061728394a5b6c7d8e9f",
}
"""One hash per group for every webhook, as Discord does (#6753): a client that keys on the hash alone fails visibly."""

LIMITED = "You are being rate limited."
SHARED = "The resource is being rate limited."
CHANNEL_WRITES = (
    "The write action you are performing on the channel has hit the write rate limit."  # discord-api-docs #8290
)


def bucket_headers(state: BucketState, group: str, call: Call, now: float) -> dict[str, str]:
    """What an answer says of its bucket; before v8 in whole seconds (Discord docs, change-log.mdx)."""
    after = milliseconds_up(state.reset_after)
    exact = not call.in_milliseconds
    return {
        "X-RateLimit-Limit": str(state.limit),
        "X-RateLimit-Remaining": str(state.remaining),
        "X-RateLimit-Reset": f"{now + after:.3f}" if exact else str(ceil(now + after)),
        "X-RateLimit-Reset-After": f"{after:.3f}" if exact else str(ceil(after)),
        "X-RateLimit-Bucket": HASHES[group],
    }


def too_many(hit: Hit, call: Call, code: int | None = None) -> Answer:
    """429. ``Retry-After`` is the body's value rounded up; both are milliseconds before v8."""
    seconds = milliseconds_up(hit.retry_after)
    wait: float = round(seconds * 1000) if call.in_milliseconds else seconds
    shared = hit.scope == "shared"
    body: dict[str, Any] = {
        "message": SHARED if shared else LIMITED,
        "retry_after": wait,
        "global": hit.scope == "global",
    }
    if code is not None:
        body |= {"message": CHANNEL_WRITES, "code": code}
    answer = json_answer(429, body)
    headers = {"Retry-After": str(ceil(wait)), "X-RateLimit-Scope": hit.scope}
    if hit.scope == "global":
        headers["X-RateLimit-Global"] = "true"
    return Answer(429, answer.body, {**answer.headers, **headers}, code=code, scope=hit.scope)
