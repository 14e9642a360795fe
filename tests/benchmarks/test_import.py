"""What importing us costs an application, against what it would import anyway."""

import pytest

from tests.benchmarks.margins import assert_some_run_is_within
from tests.benchmarks.rows import importing


@pytest.mark.slow
def test_importing_us_costs_at_most_a_third_more_than_importing_what_we_stand_on() -> None:
    assert_some_run_is_within(importing.BENCHMARK, {"import of the caller's side": 4 / 3})
