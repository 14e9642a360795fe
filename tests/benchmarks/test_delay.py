"""Speed, as ratios within one run: machines are noisy, and both sides are measured on the same one in turn."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNS = 6
"""Noise affects one run or another; a cost of this code shows in all of them."""
LIMIT = 4 / 3
PROGRAM = Path(__file__).with_name("delay_in_turn.py")


@pytest.mark.slow
def test_delay_costs_at_most_a_third_more_than_bare_celerys(redis_url: str) -> None:
    environment = {**os.environ, "REDIS_URL": redis_url, "DISCORD_QUEUE_SIZE": "100000"}
    ratios = []
    for _ in range(RUNS):
        done = subprocess.run(
            [sys.executable, str(PROGRAM)], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        ours, theirs = json.loads(done.stdout)
        ratios.append(ours / theirs)
        print(f"\n.delay() p50: ours {ours * 1e6:.0f} µs, bare Celery {theirs * 1e6:.0f} µs, ratio {ratios[-1]:.2f}")
        if ratios[-1] <= LIMIT:
            return
    pytest.fail(f"more than {LIMIT:.2f} in each of {RUNS} runs: {ratios}")
