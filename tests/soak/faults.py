"""Does to the stage what the plan says, and undoes it."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from tests.faults.conftest import WEBHOOKS
from tests.soak.plan import Fault
from tests.soak.stage import Stage, freeze, thaw

ALL = None
DISCORD: dict[str, dict[str, Any]] = {
    "status 500": {"kind": "status", "status": 500},
    "status 502": {"kind": "status", "status": 502},
    "status 503": {"kind": "status", "status": 503},
    "stored, then 500": {"kind": "status", "status": 500, "when": "after"},
    "hangs before": {"kind": "delay", "when": "before", "seconds": 20},
    "hangs after": {"kind": "delay", "when": "after", "seconds": 20},
    "reset": {"kind": "reset"},
    "reset after": {"kind": "reset", "when": "after"},
    "cut": {"kind": "cut"},
    "truncated": {"kind": "truncate"},
    "slow": {"kind": "slow", "seconds": 3},
    "dropped": {"kind": "drop"},
    "login page": {"kind": "intercept", "status": 403},
    "429 of the webhook": {"kind": "rate_limit", "scope": "user", "seconds": 2},
    "429 of others": {"kind": "rate_limit", "scope": "shared", "seconds": 2},
    "429 of the bot": {"kind": "rate_limit", "scope": "global", "seconds": 1},
}
"""As the sandbox's control API takes them (``notifier/sandbox/faults.py``)."""

Undo = Callable[[], None]


class Faults:
    """The plan under way. A fault whose target is still down, because its return takes long, waits for that."""

    def __init__(self, stage: Stage, plan: list[Fault], seed: int) -> None:
        self._stage, self._dice = stage, Random(f"{seed}/webhooks")
        self._waiting = list(plan)
        self._down: dict[str, tuple[float, Undo]] = {}
        self.done: Counter[str] = Counter()

    def step(self, now: float) -> None:
        """Do all that is due, ``now`` seconds after the start."""
        for target, (ends, undo) in list(self._down.items()):
            if ends <= now:
                del self._down[target]
                undo()
        for fault in [each for each in self._waiting if each.at <= now]:
            if fault.target not in self._down:
                self._waiting.remove(fault)
                self._down[fault.target] = (now + fault.seconds, self._begin(fault))
                self.done[f"{fault.target.rstrip('0123456789')} {fault.kind}"] += 1

    def _begin(self, fault: Fault) -> Undo:
        if fault.target == "discord":
            return self._of_discord(fault)
        if fault.target == "redis":
            return self._of_redis(fault.kind)
        number = int(fault.target[-1])
        processes, start = (
            (self._stage.workers, self._stage.start_worker)
            if fault.target.startswith("worker")
            else (self._stage.callers, self._stage.start_caller)
        )
        process = processes[number]
        if fault.kind == "paused":
            freeze(process)
            return lambda: thaw(process)
        process.kill() if fault.kind == "killed" else process.stop()

        def back() -> None:
            processes[number] = start(number)

        return back

    def _of_redis(self, kind: str) -> Undo:
        redis = self._stage.redis
        if kind == "paused":
            redis.freeze()
            return redis.thaw
        redis.away() if kind == "killed" else redis.process.stop()
        return redis.back

    def _of_discord(self, fault: Fault) -> Undo:
        sandbox = self._stage.sandbox
        if fault.kind == "ban":
            sandbox.call("POST", "ban", seconds=fault.seconds)
            return lambda: None
        webhook_id = self._dice.choice([ALL, *WEBHOOKS.values()])
        chance = self._dice.choice([0.3, 1.0])
        added = sandbox.call("POST", "faults", webhook_id=webhook_id, probability=chance, seed=1, **DISCORD[fault.kind])
        return lambda: sandbox.call("DELETE", f"faults/{added['id']}")
