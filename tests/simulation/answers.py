"""What Discord, or something in its place, may answer instead of taking a message: each row of the table of outcomes.

What has a status is read by the real ``outcome_of``, as if it had come over the network.
"""

from collections.abc import Callable, Mapping
from typing import Any

from notifier.discord.outcomes import outcome_of
from notifier.outcome import Answer, Deferred, Failed, Reason, Rejected, Scope, Unknown

PAGE = "<html><title>Sign in</title></html>"
"""What others answer with: a proxy, a filter, a login page."""


def said(status: int, body: dict[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """What an answer comes to. Without a body it is a page, of Cloudflare if a header says so."""
    headers = headers or {}
    text = "error code: 1015" if "CF-RAY" in headers else PAGE
    return Answer(outcome_of(status, headers, body, text=text), None, status)


def refused(code: int, status: int = 400) -> Answer:
    """Discord's own words for what it does not take."""
    return said(status, {"code": code, "message": f"says Discord by {code}"})


def _limited(wait: float, scope: str) -> Answer:
    return said(429, {"retry_after": wait, "global": scope == "global"}, {"X-RateLimit-Scope": scope})


NEVER_ARRIVES: Mapping[str, Callable[[], Answer]] = {
    "request_lost": lambda: Answer(Unknown(Reason.READ_TIMEOUT)),
    "hangs_unposted": lambda: Answer(Unknown(Reason.READ_TIMEOUT)),
    "connect_failed": lambda: Answer(Failed(Reason.CONNECTION_FAILED)),
    "no_network": lambda: Answer(Deferred(0, Reason.NO_NETWORK, Scope.MACHINE)),
    "redirected": lambda: said(302),
    "no_message": lambda: said(200),
    "login_page": lambda: said(401),
    "filtered": lambda: said(404),
    "wants_login": lambda: said(511),
    "proxy_wants_login": lambda: said(407),
    "not_trusted": lambda: Answer(Deferred(0, Reason.CERTIFICATE_NOT_TRUSTED, Scope.MACHINE)),
    "no_ca_file": lambda: Answer(Deferred(0, Reason.MACHINE_MISCONFIGURED, Scope.MACHINE)),
    "unsendable": lambda: Answer(Rejected(Reason.UNSENDABLE, "InvalidHeader")),
}
"""Nothing of these reaches Discord."""
NOT_TAKEN: Mapping[str, Callable[[float], Answer]] = {
    "bad_gateway": lambda _: said(502),
    "unavailable": lambda _: said(503),
    "server_error": lambda _: said(500),
    "global": lambda wait: _limited(wait, "global"),
    "banned": lambda wait: said(429, None, {"CF-RAY": "1", "Retry-After": f"{wait}"}),
    "refused_unnamed": lambda _: refused(50035),
    "forbidden": lambda _: refused(50013, 403),
    "gone": lambda _: refused(10015, 404),
    "too_large": lambda _: refused(40005, 413),
    "client_error": lambda _: refused(50001, 405),
    "shared": lambda wait: _limited(wait, "shared"),
    "token_invalid": lambda _: refused(50027, 401),
    "not_allowed": lambda _: refused(40001, 401),
    "blocked": lambda _: said(403, None, {"CF-RAY": "1"}),
    "thread_gone": lambda _: refused(10003, 404),
    "timed_out": lambda _: said(408),
}
"""Discord gets the request, and posts nothing. Given seconds: for how long it asks to wait."""
ENDS_THE_WEBHOOK = ("gone", "token_invalid")
"""From then on Discord knows the webhook no more, or not by this URL."""
LOSES_ITS_ANSWER: Mapping[str, Callable[[], Answer]] = {
    "answer_lost": lambda: Answer(Unknown(Reason.CONNECTION_LOST)),
    "hangs": lambda: Answer(Unknown(Reason.READ_TIMEOUT)),
    "no_message_posted": lambda: said(200),
    "server_error_posted": lambda: said(500),
}
"""Discord posts the message, and its answer never comes."""
HANGS = ("hangs", "hangs_unposted")
HANG_SECONDS = 32.0
OTHERS = ("limited", "slow", "twice", "moved", "cleared")
"""A 429 of the webhook, for others have used it; an answer that takes long; a request that arrives two times; from here
on the webhook posts to a forum, or to a channel that is none; all that it has posted is deleted before."""
SELDOM = ("too_large", "client_error", "shared")
FURTHER = (
    *("login_page", "filtered", "wants_login", "proxy_wants_login", "not_trusted", "no_ca_file", "unsendable"),
    *("token_invalid", "not_allowed", "blocked", "thread_gone", "timed_out", "server_error_posted", "moved", "cleared"),
)
"""Both have a part in few plans."""
ANSWERS = tuple(
    each for each in (*NEVER_ARRIVES, *NOT_TAKEN, *LOSES_ITS_ANSWER, *OTHERS) if each not in (*SELDOM, *FURTHER)
)
OF_A_LOOK_UP = (*(each for each in (*NEVER_ARRIVES, *NOT_TAKEN) if each not in HANGS), "slow")
"""What Get Webhook may be answered with."""
