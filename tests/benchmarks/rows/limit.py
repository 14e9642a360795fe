"""How close a burst for one webhook comes to what Discord's limits allow."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from notifier.storage.keys import Keys
from tests.benchmarks.lab import Lab, Place
from tests.benchmarks.programs import burst, clients
from tests.benchmarks.row import Benchmark, Row, ratio
from tests.conftest import Sandbox
from tests.servers import until

KEYS = Keys("notifier:")
ALERTS_A_REQUEST = 10
BUCKET, BUCKET_SECONDS = 5, 2.0
CHANNEL, CHANNEL_SECONDS = 30, 60.0
"""Discord's limits, of a webhook and of a channel; notifier/sandbox/limits.py names the sources."""
SHORT, LONG = 100, 1_000
PATIENCE = 2
"""Ours: how often the least that the limits allow a client of others may take; then it is stopped."""


def least_seconds(requests: int) -> float:
    """From the first request to the last, each as early as a leaky bucket and the channel's window allow."""
    step, whole_at = BUCKET_SECONDS / BUCKET, 0.0
    sent: list[float] = []
    for number in range(requests):
        at = max(0.0, whole_at + step - BUCKET_SECONDS)
        if number >= CHANNEL:
            at = max(at, sent[number - CHANNEL] + CHANNEL_SECONDS)
        whole_at = max(whole_at, at) + step
        sent.append(at)
    return sent[-1]


def measure_short(lab: Lab) -> Sequence[Row]:
    """100 alerts."""
    limit = least_seconds(SHORT // ALERTS_A_REQUEST)
    with lab.place() as place:
        seconds, counted = ours(place, place.sandbox(), SHORT, settle_seconds=3)
    what = "burst of 100, one webhook, two workers"
    return [
        Row(what, round(seconds, 2), "s", 2.4, f"Discord's limits: {limit:g} s", counted),
        Row(f"{what}: 429s", counted["429s:"], "requests", 0, "none"),
    ]


def measure_others(lab: Lab) -> Sequence[Row]:
    """100 alerts with each client, all at once: each has a webhook and a channel of its own."""
    count = lab.rounds(SHORT, 3)
    limit = least_seconds(SHORT)
    with lab.place() as place:
        sandbox = place.sandbox()
        api, places = sandbox.variables["DISCORD_API_URL"], ("GENERAL", "TRACKLIST")
        paths = ["/".join(sandbox.variables[f"DISCORD_WEBHOOK_{each}"].split("/")[-2:]) for each in places]
        given = {"api": api, "count": count, "within": PATIENCE * limit}
        with ThreadPoolExecutor() as pool:
            runs = {
                name: pool.submit(place.run, clients, client=name, path=path, **given)
                for name, path in zip(clients.CLIENTS, paths, strict=True)
            }
            took = {name: run.result() for name, run in runs.items()}
    return [_of_client(name, found, count, limit) for name, found in took.items()]


def _of_client(name: str, found: dict[str, float], count: int, limit: float) -> Row:
    against = f"Discord's limits, one alert in each request: {limit:g} s"
    posted = {} if found["posted"] == count else {"posted until then, when it was stopped, alerts": found["posted"]}
    return Row(f"burst of 100, one webhook, with {name}", round(found["seconds"], 1), "s", None, against, posted)


def measure_long(lab: Lab) -> Sequence[Row]:
    """1,000 alerts: three minutes."""
    limit = least_seconds(LONG // ALERTS_A_REQUEST)
    with lab.place() as place:
        seconds, counted = ours(place, place.sandbox(), LONG, settle_seconds=CHANNEL_SECONDS + 1)
    what = "burst of 1,000, one webhook, two workers"
    counted = {"ours s": seconds, **counted}
    return [
        Row(what, ratio(seconds, limit), "×", 1.01, f"Discord's limits: {limit:g} s", counted),
        Row(f"{what}: 429s", counted["429s:"], "requests", 0, "none"),
    ]


def ours(place: Place, sandbox: Sandbox, count: int, settle_seconds: float) -> tuple[float, dict[str, float]]:
    """Seconds from the first call to the last request's arrival, and what arrived."""
    place.set(DISCORD_QUEUE_SIZE=str(count))
    for name in ("one", "two"):
        place.worker(name=name)

    def delivered() -> int:
        return int(place.redis.zcard(KEYS.history("error", "delivered")))

    place.run(burst, side="ours", count=1, types=["error"])
    until(lambda: delivered() == 1, "the first alert")
    time.sleep(settle_seconds)  # the window is empty again: the burst has all of it
    before = sandbox.stats()
    began = place.run(burst, side="ours", count=count, types=["error"])["began"]
    until(lambda: delivered() == count + 1, f"{count} alerts", 400, poll_seconds=0.2)
    after = sandbox.stats()
    last = max(datetime.fromisoformat(each["at"]).timestamp() for each in sandbox.posts())
    counted = {
        "requests:": float(after["executes"] - before["executes"]),
        "429s:": float(after["rate_limited"] - before["rate_limited"]),
    }
    return last - began, counted


SHORT_BURST = Benchmark(
    "burst-100",
    "100 alerts for one webhook under Discord's limits",
    measure_short,
    "An application raises 100 alerts of one type while two workers run and the sandbox keeps Discord's limits: five requests in two seconds for a webhook, "
    "thirty a minute for a channel. Seconds from the first call to the arrival of the last request.",
)
OTHERS = Benchmark(
    "burst-others",
    "the same 100 with published clients for Discord",
    measure_others,
    "discord.py and python-discord-webhook post 100 alerts each, one after another, with their own waiting for rate limits; at the same time, to webhooks of different channels of one sandbox. "
    f"One that has not ended after {PATIENCE} times what the limits allow is stopped, and its row says how many it has posted.",
    is_long=True,
)
LONG_BURST = Benchmark(
    "burst-1000",
    "1,000 alerts for one webhook under Discord's limits",
    measure_long,
    "The same with 1,000 alerts, as a multiple of the least that the limits allow: 30 requests in each minute, ten alerts in each.",
    is_long=True,
)
