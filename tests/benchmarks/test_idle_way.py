"""How long an alert that nothing holds back takes from the call to its result."""

import pytest

from tests.benchmarks.margins import assert_some_run_is_within
from tests.benchmarks.rows import idle_way


@pytest.mark.slow
def test_an_idle_alert_has_its_result_not_much_later_than_a_bare_task() -> None:
    assert_some_run_is_within(idle_way.BENCHMARK, {"one alert on an idle pipeline, .delay() to .get(), p50": 2})
