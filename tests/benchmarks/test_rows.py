"""The quick form of the rows that have no test of their own: what it counts is within a limit with room for noise.

With a nightly profile all of them run, else those that take seconds.
"""

import os

import pytest

from tests.benchmarks import million
from tests.benchmarks.figures import Figure
from tests.benchmarks.lab import Lab
from tests.benchmarks.margins import assert_some_run_is_within
from tests.benchmarks.row import Row
from tests.benchmarks.rows import BENCHMARKS, kept, scale

IN_OWN_FILES = {"delay-burst", "idle-way", "import"}
LIMITS: dict[str, dict[str, float]] = {
    "depth": {f"{step} with 100,000 waiting": 1.5 for step in ("admit", "claim", "commit")},
    "bytes": {
        "Redis bytes per waiting alert of 200 characters": 1_000,
        "Redis bytes per finished alert of 200 characters": 2_000,
    },
    "far": {
        "round trips to Redis of .delay() alone on an idle outbox": 2,
        "round trips to Redis of .delay() in a burst": 1,
        "round trips to Redis of a process' first .delay()": 3,
    },
}
NIGHTLY: dict[str, dict[str, float]] = {
    "delay-idle": {".delay() alone on an idle outbox, p50": 4 / 3},
    "burst": {"Redis commands per delivered alert, the same burst": 30},
    "burst-100": {"burst of 100, one webhook, two workers: 429s": 0},
    "burst-1000": {"burst of 1,000, one webhook, two workers: 429s": 0},
    "burst-others": {},
    "worker-memory": {"memory of a worker after 100,000 alerts": 1.2},
    "flood": {
        f"critical under a flood of 10,000 general alerts with a hanging webhook, {share}": limit
        for share, limit in (("p50", 2), ("p99", 3))
    },
    "history": {
        "history of 1,000,000 records: a page of 50 by type and time, p50; of that of 10,000 ×": 1.5,
        "the same: one page of a text search that finds nothing, p50": 1.5,
    },
    "scale": {"the same, sixty webhooks": 2},
}
NOW = LIMITS | (NIGHTLY if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else {})


def test_every_row_has_a_quick_form_that_is_tested() -> None:
    assert {each.name for each in BENCHMARKS} == IN_OWN_FILES | LIMITS.keys() | NIGHTLY.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", NOW)
def test_a_row_is_within_its_limits(name: str) -> None:
    (benchmark,) = (each for each in BENCHMARKS if each.name == name)
    assert_some_run_is_within(benchmark, NOW[name])


def test_a_round_has_fewer_repetitions_if_it_is_to_be_quick() -> None:
    assert (Lab().rounds(100, 5), Lab(quick=True).rounds(100, 5)) == (100, 5)


def test_a_million_alerts_are_reckoned_from_what_was_measured() -> None:
    def figure(what: str, value: float, **measured: float) -> Figure:
        return Figure(Row(what, value, "", None, "", measured), "any", "2026-01-01", "any")

    figures = [figure(scale.SIX, 432.0), figure(kept.NAMES["finished"], 500.0)]
    assert list(million.cells(figures)) == [
        ("Redis' processor, the steps alone", "1,000,000 × 432 µs", "7 minutes a day: 0.5% of a processor"),
        ("Redis' memory for a day of history", "1,000,000 × 500 bytes", "0.5 GB"),
        ("Redis' memory for the 7 days that are kept", "7 × 1,000,000 × 500 bytes", "3.5 GB"),
    ]
    assert list(million.cells([])) == []
