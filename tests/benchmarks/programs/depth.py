"""Admits, claims and commits in turn with few and with many waiting; prints what each took Redis, as JSON."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import redis

from notifier.storage.connection import connect
from tests.benchmarks.programs.clocked import clocked
from tests.integration.conftest import Bench

MINUTE = 60
RIDE = 10
"""Alerts in one request."""
MEMORY_BYTES = 4 * 2**30
Micros = dict[str, list[float]]


def scripts_us(client: "redis.Redis") -> int:
    """Microseconds of Redis' in scripts so far, as it counts them itself."""
    found: Any = client.info("commandstats")
    return sum(int(each["usec"]) for name, each in found.items() if name in ("cmdstat_evalsha", "cmdstat_eval"))


def took(client: "redis.Redis", call: Callable[[], Any]) -> tuple[float, Any]:
    """Microseconds of a step, and what it returned."""
    before = scripts_us(client)
    answer = call()
    return scripts_us(client) - before, answer


def step(bench: Bench, name: str, times: Micros) -> None:
    """One batch goes and as many come, so that as many wait as before."""
    admitted, _ = took(bench.redis, lambda: bench.admit(f"{name} 0"))
    claimed, batch = took(bench.redis, bench.batch)
    committed, _ = took(bench.redis, lambda: bench.commit(batch))
    bench.admit(*(f"{name} {number}" for number in range(1, RIDE)))
    for what, value in (("admit", admitted), ("claim", claimed), ("commit", committed)):
        times[what].append(value)


def main(few: int, many: int, rounds: int) -> None:
    """The first rounds load scripts; they are left out."""
    client = connect(os.environ["REDIS_URL"], 30)
    benches = {}
    for count in (few, many):
        bench = clocked(client, key_prefix=f"notifier:{count}:", queue_size=2 * count, memory_bytes_max=MEMORY_BYTES)
        bench.admit("first")
        bench.open_gate()
        bench.admit(*(f"waits {number}" for number in range(count)))
        benches[count] = bench
    times: dict[int, Micros] = {count: {"admit": [], "claim": [], "commit": []} for count in benches}
    for number in range(rounds):
        client.incrby("test:clock", MINUTE * 1_000_000)
        for count in sorted(benches, reverse=bool(number % 2)):
            step(benches[count], f"round {number}", times[count])
    client.close()
    print(json.dumps([{what: each[rounds // 10 :] for what, each in times[count].items()} for count in benches]))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
