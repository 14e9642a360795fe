"""Scripted faults: which, how often, for which requests."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from notifier.sandbox.answer import HTML, INTERNAL, JSON, TEXT, Answer, encode, refuse
from notifier.sandbox.call import Call
from notifier.sandbox.edge import BanForm

FAULTS_KEPT = 1_000
LONGEST_SECONDS = 600.0
SHOWN = (
    "id", "kind", "webhook_id", "method", "match", "when", "status", "body", "headers", "seconds", "scope", "form",
    "times", "probability", "seed", "fired",
)  # fmt: skip

When = Literal["before", "after"]

FIRST_GATEWAY_STATUS = 502
"""From here up nothing behind the gateway answered: the request reached no limit and no store (opcodes.mdx)."""

UPSTREAM = "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
"""The body of a real 503 (CSSS/wall_e#664)."""


class Kind(StrEnum):
    """The kinds of fault."""

    STATUS = "status"
    """Another status. With ``when: after`` the message was stored first; with ``seconds`` the answer is late."""
    DELAY = "delay"
    """The right answer, late; ``when`` says whether the time passes before or after the storing."""
    RESET = "reset"
    """The connection is reset without an answer."""
    CUT = "cut"
    """The connection is reset in the middle of the answer; the message is stored."""
    TRUNCATE = "truncate"
    """A complete HTTP answer whose JSON ends in the middle; the message is stored."""
    SLOW = "slow"
    """The right answer, its body sent piece by piece over ``seconds``."""
    DROP = "drop"
    """Storing fails: 204 and no message without ``wait``, 500 with it (Discord docs, webhook.mdx)."""
    EDGE_BAN = "edge_ban"
    """Cloudflare's refusal instead of the answer."""
    INTERCEPT = "intercept"
    """Something in between answers, as a filter or a login page does: ``status``, with ``body`` or an HTML page."""
    RATE_LIMIT = "rate_limit"
    """A 429 of the API: ``scope``, and ``seconds`` as its retry_after."""


@dataclass(slots=True)
class Fault:
    """One fault and how often it fired. ``times`` None: until cleared."""

    id: str
    kind: Kind
    webhook_id: str | None = None
    method: str | None = None
    match: str | None = None
    when: When = "before"
    status: int = 500
    body: Any = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    seconds: float = 0.0
    scope: Literal["user", "shared", "global"] = "user"
    form: BanForm = "text"
    times: int | None = None
    probability: float = 1.0
    seed: int | None = None
    fired: int = 0
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  reproducible on purpose, nothing secret

    @property
    def at_edge(self) -> bool:
        """Whether it fires before the API has seen the request, so that no limit counts it."""
        if self.kind in (Kind.EDGE_BAN, Kind.INTERCEPT):
            return True
        gateway = self.kind is Kind.STATUS and self.status >= FIRST_GATEWAY_STATUS
        return self.when == "before" and (gateway or self.kind is Kind.RESET)

    def fits(self, call: Call) -> bool:
        """Whether it applies to this call; a fault with a probability draws its random number here."""
        if self.times is not None and self.fired >= self.times:
            return False
        if self.webhook_id not in (None, call.webhook_id) or self.method not in (None, call.method):
            return False
        if self.match is not None and not _contains(call, self.match):
            return False
        return self.probability >= 1 or self._random.random() < self.probability

    def answer(self, *, wait_seconds: float = 1.0) -> Answer:
        """The answer of a ``status`` or ``intercept`` fault."""
        intercepted = self.kind is Kind.INTERCEPT
        usual = _page(self.status) if intercepted else _usual(self.status, wait_seconds)
        body, headers = usual.body, dict(usual.headers)
        if isinstance(self.body, str):
            body, headers["Content-Type"] = self.body.encode(), HTML if intercepted else TEXT
        elif self.body is not None:
            body, headers["Content-Type"] = encode(self.body), JSON
        return Answer(self.status, body, headers, code=usual.code, edge=self.at_edge)

    def dressed(self, answer: Answer) -> Answer:
        """The answer with the fault's own headers; a null removes one."""
        changed = {name.lower() for name in self.headers}
        kept = {name: text for name, text in answer.headers.items() if name.lower() not in changed}
        ours = {name: text for name, text in self.headers.items() if text is not None}
        return Answer(answer.status, answer.body, {**kept, **ours}, answer.code, answer.scope, answer.edge)

    def as_object(self) -> dict[str, Any]:
        """For the control API."""
        return {name: getattr(self, name) for name in SHOWN}


class Faults:
    """The faults in force, oldest first; the first that applies fires."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._added = 0
        self.fired = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(self, **parts: Any) -> Fault:
        """Add a fault; the oldest is removed if there are too many."""
        self._added += 1
        fault = Fault(id=str(self._added), **parts)
        self._faults = [*self._faults, fault][-FAULTS_KEPT:]
        return fault

    def remove(self, fault_id: str) -> bool:
        """Remove a fault. Returns whether it was there."""
        kept = [fault for fault in self._faults if fault.id != fault_id]
        found = len(kept) < len(self._faults)
        self._faults = kept
        return found

    def clear(self) -> None:
        """Remove all faults and forget the counts."""
        self._faults.clear()
        self.fired = 0

    def pick(self, call: Call, *, at_edge: bool) -> Fault | None:
        """The fault that fires for this call, counted; None if none does."""
        for fault in self._faults:
            if fault.at_edge == at_edge and fault.fits(call):
                fault.fired += 1
                self.fired += 1
                return fault
        return None


def _contains(call: Call, text: str) -> bool:
    body = call.body.decode("utf-8", "replace")
    if text in body:
        return True
    try:  # a client may have escaped what it sent
        return text in json.dumps(json.loads(body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return False


def _page(status: int) -> Answer:
    page = f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"
    return Answer(status, page.encode(), {"Content-Type": HTML})


def _usual(status: int, wait_seconds: float) -> Answer:
    match status:
        case 429:
            body = {"message": "You are being rate limited.", "retry_after": wait_seconds, "global": False}
            return Answer(429, encode(body), {"Content-Type": JSON, "Retry-After": str(-int(-wait_seconds // 1))})
        case 500:
            return refuse(INTERNAL)
        case 503:
            return Answer(status, UPSTREAM.encode(), {"Content-Type": TEXT})
        case _ if status >= FIRST_GATEWAY_STATUS:
            return _page(status)  # 502 and 504 are rarely JSON (DinkPlugin#589)
        case 204:
            return Answer(status)
        case _:
            return Answer(status, encode({"message": f"{status}: scripted", "code": 0}), {"Content-Type": JSON}, code=0)
