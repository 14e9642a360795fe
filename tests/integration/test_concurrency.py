"""Many processes at once let through exactly as many requests as one would: counted with real processes."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from notifier.models import AlertType
from notifier.operations.counters import read_counters
from notifier.outcome import Failed, RateLimitInfo, Reason
from notifier.storage.connection import connect
from tests.integration import claimers
from tests.integration.conftest import WEBHOOK, MakeBench
from tests.names import names

CHECKOUT = Path(__file__).parents[2]
PROCESSES = 4
CLAIMS_EACH = 50


def claim_from_many_processes(redis_url: str, what: str) -> tuple[int, Counter[str]]:
    """Start them, and add up their claims and answers."""
    command = [sys.executable, "-m", claimers.__name__, redis_url, str(PROCESSES), str(CLAIMS_EACH), what]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) for _ in range(PROCESSES)]
    told: Counter[str] = Counter()
    claims = 0
    try:
        for process in running:
            output, _ = process.communicate(timeout=200)
            assert process.returncode == 0
            answer = json.loads(output)
            claims += answer["claims"]
            told.update(answer["told"])
    finally:
        for process in running:
            process.kill()
            process.wait()
    return claims, told


def full_outboxes(make_bench: MakeBench, redis_url: str, learned: RateLimitInfo) -> None:
    """Full outboxes; the channel of the webhook is known and its bucket learned."""
    bench = make_bench(queue_size=1_000, rate_limit_per_minute=1_000)
    for kind in AlertType:
        bench.admit(*(f"{kind}{number}" for number in range(60)), alert_type=kind, message="x" * 5_000)
    bench.commit(bench.batch(), rate_limit=learned)


@pytest.mark.slow
def test_two_hundred_concurrent_claims_admit_exactly_what_the_budget_allows(
    make_bench: MakeBench, redis_url: str
) -> None:
    # the period is so long that nothing comes back while the test runs
    now = connect(redis_url, 5)
    full_outboxes(make_bench, redis_url, RateLimitInfo(limit=24, remaining=23, reset_after_seconds=3_600))
    claims, told = claim_from_many_processes(redis_url, "commit")
    assert claims >= PROCESSES * CLAIMS_EACH
    assert told["batch"] == 23
    assert told[Reason.RATE_LIMITED] >= PROCESSES
    counted = read_counters(now, names)
    assert sum(counted.total("delivered", kind) for kind in AlertType) == 24, "with the one that taught the budget"
    deferred = [count for (_, reason), count in counted.of("deferred") if reason == Reason.RATE_LIMITED]
    assert sum(deferred) == told[Reason.RATE_LIMITED]


@pytest.mark.slow
def test_the_channel_window_admits_exactly_thirty_however_many_ask(make_bench: MakeBench, redis_url: str) -> None:
    full_outboxes(make_bench, redis_url, RateLimitInfo(limit=500, remaining=499, reset_after_seconds=3_600))
    _, told = claim_from_many_processes(redis_url, "commit")
    assert told["batch"] == 29, "thirty with the one that taught the budget"
    assert told[Reason.CHANNEL_RATE_LIMITED] >= PROCESSES


@pytest.mark.slow
def test_a_half_open_breaker_lets_exactly_one_probe_through(make_bench: MakeBench, redis_url: str) -> None:
    full_outboxes(make_bench, redis_url, RateLimitInfo(limit=500, remaining=499, reset_after_seconds=1))
    bench = make_bench()
    for _ in range(5):
        bench.tick(1)
        bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY))
    assert bench.gate.state(WEBHOOK).breaker == "open"
    bench.tick(100)  # its minute is over
    _, told = claim_from_many_processes(redis_url, "hold")
    assert told["batch"] == 1
    assert told[Reason.PROBE_IN_FLIGHT] > 0
