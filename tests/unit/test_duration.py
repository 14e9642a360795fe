"""A length of time, as people write it."""

from datetime import timedelta
from typing import Any

import pytest

from notifier.duration import moment_of, seconds_of
from notifier.errors import InvalidMessage


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), (" 1.5 h ", 5_400), ("30", 30), (30, 30), (0.5, 0.5)],
)
def test_a_duration_may_be_a_number_or_a_text(given: Any, seconds: float) -> None:
    assert seconds_of("expect", given) == seconds
    assert seconds_of("expect", timedelta(seconds=seconds)) == seconds


@pytest.mark.parametrize("given", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:00-14:00", "soon", "", "1e9d"])
def test_a_moment_that_is_none_or_outside_the_calendar_is_refused(given: str) -> None:
    with pytest.raises(InvalidMessage, match=r"^since: "):
        moment_of("since", given)
