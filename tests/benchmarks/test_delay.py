"""Speed, as ratios within one run: machines are noisy, and both sides are measured on the same one in turn."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("delay_in_turn.py")


@pytest.mark.slow
def test_delay_costs_at_most_a_fifth_more_than_bare_celerys(redis_url: str) -> None:
    environment = {**os.environ, "REDIS_URL": redis_url, "DISCORD_QUEUE_SIZE": "100000"}
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ours, theirs = json.loads(done.stdout)
    print(f"\n.delay() p50: ours {ours * 1e6:.0f} µs, bare Celery {theirs * 1e6:.0f} µs, ratio {ours / theirs:.2f}")
    assert ours <= 1.2 * theirs
