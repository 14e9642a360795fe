"""Speed, as ratios within one run: machines are noisy, and both sides are measured on the same one in turn."""

from functools import partial
from unittest.mock import patch

import pytest

from tests.benchmarks.lab import Lab
from tests.benchmarks.margins import assert_some_run_is_within
from tests.benchmarks.programs.delay import in_turn
from tests.benchmarks.rows import delay


@pytest.mark.slow
def test_a_call_in_a_burst_costs_less_than_bare_celerys() -> None:
    assert_some_run_is_within(delay.BURST, {".delay() in a burst, p50": 0.6})


def test_a_side_makes_its_calls_in_a_row_and_each_side_is_first_as_often_as_the_others() -> None:
    made: list[str] = []
    calls = {name: partial(made.append, name) for name in "ab"}
    times = in_turn(calls, 6, lambda: None, block=3)
    assert ("".join(made), [len(each) for each in times.values()]) == ("aaabbb" + "bbbaaa", [6, 6])


def test_the_figure_of_a_burst_says_beside_it_what_single_calls_between_others_take() -> None:
    def runs(_lab: object, _peers: object, *, block: int = 1) -> list[dict[str, list[float]]]:
        return [{"ours": [0.3 if block > 1 else 0.5], "bare Celery": [1.0]}]

    with patch.object(delay, "_runs", runs):
        (row,) = delay.BURST.measure(Lab())
    assert (row.figure, row.beside) == (0.3, {delay.ALTERNATING: 0.5})
