"""What a delivered alert costs the machines that carry it: a burst over six webhooks."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from notifier.cli.processes import Process
from notifier.models import AlertType
from notifier.routing import ROUTES
from notifier.storage.keys import Keys
from tests.benchmarks import bare_tasks
from tests.benchmarks.lab import Lab, Place, median, processor_seconds
from tests.benchmarks.programs import burst
from tests.benchmarks.row import Benchmark, Row, ratio
from tests.conftest import Sandbox
from tests.servers import until

KEYS = Keys("notifier:")
POLL_SECONDS = 0.5
SETTLE_SECONDS = 3
"""The sandbox's buckets are full again; then so long for what an idle worker asks of Redis."""
PROCESSOR = "processor time of worker and Redis per delivered alert, burst of 900 over six webhooks"
AGAINST = "a bare Celery task each, with a requests.Session"


@dataclass(frozen=True)
class Cost:
    """Of one alert."""

    worker_ms: float
    redis_ms: float
    commands: float
    requests: float

    @property
    def together_ms(self) -> float:
        """Worker and Redis."""
        return self.worker_ms + self.redis_ms


def measure(lab: Lab) -> Sequence[Row]:
    """Both sides in turn, each round with servers of its own."""
    count = lab.rounds(900, 360)
    ours, bare = [], []
    for number in range(lab.rounds(3)):
        lab.says(f"round {number + 1}, ours")
        with lab.place() as place:
            ours.append(of_ours(place, count))
        lab.says(f"round {number + 1}, bare Celery")
        with lab.place() as place:
            bare.append(of_bare(place, count))
    return [_processor(ours, bare), _commands(ours, bare)]


def _processor(ours: Sequence[Cost], bare: Sequence[Cost]) -> Row:
    took = {}
    for name, side in (("ours", ours), ("bare", bare)):
        took[f"{name}: worker ms"] = median([each.worker_ms for each in side])
        took[f"{name}: Redis ms"] = median([each.redis_ms for each in side])
    took["of bare ×"] = median([ratio(a.together_ms, b.together_ms) for a, b in zip(ours, bare, strict=True)])
    figure = median([each.together_ms for each in ours])
    return Row(PROCESSOR, float(f"{figure:.3g}"), "ms", 1.5, AGAINST, took)


def _commands(ours: Sequence[Cost], bare: Sequence[Cost]) -> Row:
    counted = {
        "bare commands": median([each.commands for each in bare]),
        "alerts per request:": 1 / median([each.requests for each in ours]),
    }
    figure = median([each.commands for each in ours])
    what = "Redis commands per delivered alert, the same burst"
    return Row(what, float(f"{figure:.3g}"), "commands", 15, AGAINST, counted)


def of_ours(place: Place, count: int, begins: Callable[[], object] = lambda: None) -> Cost:
    """A burst through the outbox, under Discord's limits. ``begins`` is called before its first alert."""
    sandbox = place.sandbox()
    place.set(DISCORD_QUEUE_SIZE="1000")
    worker = place.worker()

    def delivered() -> int:
        return sum(int(place.redis.zcard(KEYS.history(kind, "delivered"))) for kind in AlertType)

    def raise_them(number: int) -> None:
        begins()
        place.run(burst, side="ours", count=number, types=[kind.value for kind in AlertType])

    return _cost(place, sandbox, worker, count, raise_them, delivered, asks=len(AlertType))


def of_bare(place: Place, count: int) -> Cost:
    """The same burst as one task and one request each; Discord's limits are off, or most would be refused."""
    sandbox = place.sandbox(limits=False)
    worker = place.worker("-Q", "bare", "-c", "8", app=bare_tasks.__name__)
    urls = [f"{sandbox.variables[ROUTES[kind].webhook_variables[0]]}?wait=true" for kind in AlertType]

    def delivered() -> int:
        waiting = int(place.redis.llen("bare")) + int(place.redis.hlen("unacked"))
        return 0 if waiting else int(sandbox.stats()["executes"])

    def raise_them(number: int) -> None:
        place.run(burst, side="bare", count=number, urls=urls)

    return _cost(place, sandbox, worker, count, raise_them, delivered, asks=2)


def _cost(
    place: Place, sandbox: Sandbox, worker: Process, count: int,
    raise_them: Callable[[int], None], delivered: Callable[[], int], *, asks: int,
) -> Cost:  # fmt: skip
    """What the burst added. ``asks``: commands that ``delivered`` itself takes."""
    first = len(AlertType)
    raise_them(first)  # what is done once for a webhook, or imported once, is no part of it
    until(lambda: delivered() == first, "the first alerts", poll_seconds=POLL_SECONDS)
    time.sleep(SETTLE_SECONDS)
    idle = place.commands()
    time.sleep(SETTLE_SECONDS)
    idle_per_second = (place.commands() - idle) / SETTLE_SECONDS
    asked = 0

    def all_delivered() -> bool:
        nonlocal asked
        asked += asks
        return delivered() == first + count

    before, began = _used(place, worker, sandbox), time.monotonic()
    raise_them(count)
    until(all_delivered, f"{count} alerts", 300, poll_seconds=POLL_SECONDS)
    own = asked + idle_per_second * (time.monotonic() - began)
    used = [after - start for after, start in zip(_used(place, worker, sandbox), before, strict=True)]
    return Cost(*(each / count for each in (used[0] * 1e3, used[1] * 1e3, used[2] - own, used[3])))


def _used(place: Place, worker: Process, sandbox: Sandbox) -> tuple[float, ...]:
    """Seconds of the worker and of Redis, commands, requests: so far."""
    requests = float(sandbox.stats()["executes"])
    return processor_seconds(worker), place.redis_seconds(), place.commands(), requests


BENCHMARK = Benchmark(
    "burst",
    "what a delivered alert costs worker and Redis",
    measure,
    "An application raises 900 alerts, 150 of each type, while a worker runs; the sandbox has Discord's limits. Counted from the first call to the last "
    "record: the worker's processor time, that of the Redis server (`INFO cpu`), and the commands that it ran (`INFO commandstats`: those inside of scripts, and "
    "those of the application's calls, count too; what the worker asks while idle does not). The other side is one Celery task for each alert, which posts it with a `requests.Session`; Discord's limits "
    "are off for it, or most of its requests would be refused. Three rounds of each in turn, each with a new Redis, sandbox and worker.",
)
