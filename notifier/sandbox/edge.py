"""Cloudflare in front of the API: bans, and blocked clients. Its answers have no ``Via``."""

from typing import Literal, get_args

from notifier.sandbox.answer import HTML, JSON, TEXT, Answer, encode

BanForm = Literal["text", "html", "json"]
BAN_FORMS: tuple[BanForm, ...] = get_args(BanForm)

BLOCKED_AGENT = "Python-urllib/"
"""Refused before it reaches the API (Suwayomi-Tsumiru#339, rotki#12752)."""

STATIC_JSON = {
    "message": "You are being blocked from accessing our API temporarily due to exceeding our rate limits frequently. "
    "Please read our docs at https://discord.com/developers/docs/topics/rate-limits to prevent this moving forward.",
    "code": 0,
}
"""discord-api-docs #5385, #5810."""

PAGE = (
    "<!DOCTYPE html><html><head><title>Access denied | discord.com used Cloudflare to restrict access</title></head>"
    "<body><h1>Error 1015</h1><p>You are being rate limited</p></body></html>"
)


def banned(form: BanForm) -> Answer:
    """The answer to a banned client: no ``Retry-After``, no rate limit headers (discord-api-docs #5385)."""
    bodies = {"text": (TEXT, b"error code: 1015"), "html": (HTML, PAGE.encode()), "json": (JSON, encode(STATIC_JSON))}
    kind, body = bodies[form]
    return Answer(429, body, {"Content-Type": kind}, edge=True)


class Edge:
    """Decides which requests reach the API."""

    def __init__(self) -> None:
        self._until = 0.0
        self._form: BanForm = "text"

    def ban(self, seconds: float, form: BanForm, now: float) -> None:
        """Ban everybody for a while; all requests of a test come from one address."""
        self._until = now + seconds
        self._form = form

    def lift(self) -> None:
        """End the ban."""
        self._until = 0.0

    def banned_for(self, now: float) -> float:
        """Seconds the ban still lasts; 0 without one."""
        return max(self._until - now, 0.0)

    def check(self, user_agent: str, now: float) -> Answer | None:
        """The edge's own answer, or None: let it through."""
        if self.banned_for(now):
            return banned(self._form)
        if not user_agent.strip() or user_agent.startswith(BLOCKED_AGENT):
            return Answer(403, b"error code: 1010", {"Content-Type": TEXT}, edge=True)
        return None
