"""The path of one request: the edge, the faults, the API, the journal."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf
from typing import Any

from notifier.sandbox.answer import VIA, Answer, RefusalError
from notifier.sandbox.api import Admitted, Api
from notifier.sandbox.body import read_body
from notifier.sandbox.call import Call
from notifier.sandbox.edge import Edge, banned
from notifier.sandbox.events import Events
from notifier.sandbox.faults import Fault, Faults, Kind
from notifier.sandbox.journal import Journal, without_tokens
from notifier.sandbox.limits import Hit, Limits, LimitSettings
from notifier.sandbox.ratelimit import too_many
from notifier.sandbox.store import Store

INVALID = (401, 403, 429)
"""Statuses that count towards the ban, a 429 of scope ``shared`` excepted (Discord docs, rate-limits.mdx)."""

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes onto the wire. ``answer`` None: nothing, the connection is reset."""

    answer: Answer | None
    fault: Fault | None = None
    cut: bool = False
    slow_seconds: float = 0.0


class Exchange:
    """One sandbox: all its state, and how it answers."""

    def __init__(self, clock: Clock, settings: LimitSettings | None = None, sleep: Sleep = asyncio.sleep) -> None:
        self.clock = clock
        self._sleep = sleep
        self._start_settings = settings or LimitSettings()
        self.events = Events()
        self.store = Store(self.events.tell)
        self.limits = Limits(self._start_settings)
        self.faults = Faults()
        self.journal = Journal()
        self.edge = Edge()
        self._api = Api(self.store, self.limits)
        self._reset_at = -inf

    def reset(self) -> None:
        """Return to the start state; a request that is under way leaves no trace."""
        self._reset_at = self.clock()
        self.store.reset()
        self.limits.change(self._start_settings)
        self.faults.clear()
        self.journal.clear()
        self.edge.lift()
        self.events.tell("reload", None)

    async def reply(self, call: Call) -> Reply:
        """Answer a call; ``record`` is to be called with what was sent."""
        now = self.clock()
        if refusal := self.edge.check(call.user_agent, now):
            return Reply(refusal)
        if fault := self.faults.pick(call, at_edge=True):
            return await self._edge_fault(fault)
        admitted = self._api.admit(call, now)
        if isinstance(admitted, Answer):
            return Reply(admitted)
        if fault := self.faults.pick(call, at_edge=False):
            return await self._fault(fault, admitted, now)
        return Reply(self._api.perform(admitted, self.clock()))

    def record(self, call: Call, reply: Reply, started: float) -> None:
        """Note a call in the journal; too many invalid answers end in a ban."""
        if started < self._reset_at:
            return
        answer, now = reply.answer, self.clock()
        status = answer.status if answer else None
        # what the edge itself answers is not counted again: no ban prolongs itself
        invalid = status in INVALID and answer is not None and answer.scope != "shared" and not answer.edge
        if invalid and self.limits.count_invalid(call.address, now):
            self.edge.ban(self.limits.settings.invalid_ban_seconds, "text", now)
        entry = self.journal.record(self._entry(call, reply, started, now), call, invalid=invalid)
        self.events.tell("request", entry)

    def stats(self) -> dict[str, Any]:
        """Counts for the control API and the page."""
        now = self.clock()
        return {
            **self.journal.stats(),
            "messages": len(self.store.messages),
            "faults_fired": self.faults.fired,
            "ban_seconds": round(self.edge.banned_for(now), 3),
        }

    def _entry(self, call: Call, reply: Reply, started: float, now: float) -> dict[str, Any]:
        answer, version = reply.answer, call.version
        tokens = [webhook.token for webhook in self.store.webhooks.values()]
        path = call.path + (f"?{call.query}" if call.query else "")
        return {
            "at": datetime.fromtimestamp(started, UTC).isoformat(),
            "method": call.method,
            "path": without_tokens(path, tokens),
            "webhook_id": call.webhook_id,
            "version": version,
            "status": answer.status if answer else None,
            "scope": answer.scope if answer else None,
            "code": answer.code if answer else None,
            "user_agent": without_tokens(call.user_agent, tokens),
            "embeds": _embeds(call),
            "bytes": call.size,
            "seconds": round(now - started, 4),
            "fault": reply.fault.kind.value if reply.fault else None,
            "fault_id": reply.fault.id if reply.fault else None,
        }

    async def _edge_fault(self, fault: Fault) -> Reply:
        await self._pause(fault)
        if fault.kind is Kind.RESET:
            return Reply(None, fault)
        answer = banned(fault.form) if fault.kind is Kind.EDGE_BAN else fault.answer()
        return Reply(fault.dressed(answer), fault)

    async def _fault(self, fault: Fault, admitted: Admitted, started: float) -> Reply:
        if fault.kind is Kind.RATE_LIMIT:
            return Reply(fault.dressed(self._limited(fault, admitted)), fault)
        done = self._api.perform(admitted, self.clock()) if fault.when == "after" else None
        if done is not None and done.status >= 400:
            return Reply(done, fault)  # nothing was stored, so there is nothing to fail after it
        if fault.kind is not Kind.SLOW:
            await self._pause(fault)
        if started < self._reset_at:
            return Reply(None, fault)
        if fault.kind is Kind.STATUS:
            answer = fault.answer(wait_seconds=fault.seconds or 1.0)
            return Reply(fault.dressed(answer.with_headers({**admitted.headers, **VIA})), fault)
        if fault.kind is Kind.RESET:
            return Reply(None, fault)
        done = done or self._api.perform(admitted, self.clock(), keep=fault.kind is not Kind.DROP)
        if fault.kind is Kind.TRUNCATE:
            done = replace(done, body=done.body[: len(done.body) // 2])
        slow = fault.seconds if fault.kind is Kind.SLOW else 0.0
        return Reply(fault.dressed(done), fault, cut=fault.kind is Kind.CUT, slow_seconds=slow)

    def _limited(self, fault: Fault, admitted: Admitted) -> Answer:
        answer = too_many(Hit(fault.scope, fault.seconds or 1.0), admitted.call)
        if fault.scope == "global":
            return answer.with_headers(VIA)
        mine = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": f"{fault.seconds or 1.0:.3f}"}
        return answer.with_headers({**admitted.headers, **(mine if fault.scope == "user" else {}), **VIA})

    async def _pause(self, fault: Fault) -> None:
        if fault.seconds:
            await self._sleep(fault.seconds)


def _embeds(call: Call) -> int:
    try:
        payload = read_body(call.headers.get("Content-Type", ""), call.body, call.size).payload
    except RefusalError:
        return 0
    embeds = payload.get("embeds") if isinstance(payload, dict) else None
    return len(embeds) if isinstance(embeds, list) else 0
