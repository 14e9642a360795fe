"""Speed, as ratios within one run: machines are noisy, and both sides are measured on the same one in turn."""

import pytest

from tests.benchmarks.margins import assert_some_run_is_within
from tests.benchmarks.rows import delay


@pytest.mark.slow
def test_a_call_in_a_burst_costs_less_than_bare_celerys() -> None:
    assert_some_run_is_within(delay.BURST, {".delay() in a burst, p50": 0.9})
