"""What it costs to look for secrets, against what it costs anyway to check an alert and to draw it."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from notifier.models import NotificationMessage
from notifier.render.batch import compose
from notifier.secrets import mask

LINES = (Path(__file__).parent.parent / "data" / "ordinary_lines.txt").read_text(encoding="utf-8")
TEXTS = [LINES[start : start + 2_000] for start in range(0, len(LINES) - 2_000, 2_000)]
LIMIT = 10
RUNS = 6


def milliseconds(call: Callable[[str], object]) -> float:
    """The median over all texts of 2 kB, each at its best of three."""
    best = []
    for text in TEXTS:
        times = []
        for _ in range(3):
            began = time.perf_counter()
            call(text)
            times.append(time.perf_counter() - began)
        best.append(min(times) * 1e3)
    return statistics.median(best)


@pytest.mark.slow
def test_looking_for_secrets_costs_at_most_ten_times_what_checking_and_drawing_a_message_does() -> None:
    ratios = []
    for _ in range(RUNS):
        masking = milliseconds(mask)
        anyway = milliseconds(lambda text: compose([NotificationMessage(title="T", message=text)]))
        ratios.append(masking / anyway)
        print(f"\n2 kB: masked in {masking:.3f} ms, checked and drawn in {anyway:.3f} ms, ratio {ratios[-1]:.2f}")
        if ratios[-1] <= LIMIT:
            return
    pytest.fail(f"more than {LIMIT} in each of {RUNS} runs: {ratios}")
