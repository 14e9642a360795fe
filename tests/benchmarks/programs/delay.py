"""Raises alerts with ours and with the peers in turn; prints the seconds of each call of each, as JSON."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

import redis

from tasks import send_notification
from tests.benchmarks.programs.peers import PAYLOAD, PEERS, URL

LASTING = (b":sequence", b":memory")
"""How the keys end that stay when nothing waits."""


def sides(names: list[str]) -> dict[str, Callable[[], object]]:
    """What is called for each; a peer that is not installed is left out."""
    found: dict[str, Callable[[], object]] = {"ours": lambda: send_notification.delay(alert_type="error", **PAYLOAD)}
    for name in names:
        try:
            found[name] = PEERS[name]()
        except ModuleNotFoundError:
            continue
    return found


def in_turn(
    calls: Mapping[str, Callable[[], object]], rounds: int, before: Callable[[], object], block: int = 1
) -> dict[str, list[float]]:
    """The seconds of each call. Each side makes ``block`` in a row, first as often as the others: all see one noise."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    for number in range(rounds // block):
        for position in range(len(order)):
            name = order[(position + number) % len(order)]
            for _ in range(block):
                before()
                start = time.perf_counter()
                calls[name]()
                times[name].append(time.perf_counter() - start)
    return {name: each[rounds // 10 :] for name, each in times.items()}


def idle_again(client: "redis.Redis") -> None:
    """As if all that waited had been delivered."""
    if found := [key for key in client.scan_iter(count=1_000) if not key.endswith(LASTING)]:
        client.delete(*found)


def main(rounds: int, peers: list[str], *, idle: bool, block: int) -> None:
    """With ``idle``, each call finds a pipeline in which nothing waits; without, one in which all before it do."""
    other = redis.Redis.from_url(URL)
    measured = in_turn(sides(peers), rounds, partial(idle_again, other) if idle else lambda: None, block)
    print(json.dumps(measured))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
