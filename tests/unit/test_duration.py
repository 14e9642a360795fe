"""A length of time, as people write it."""

from datetime import timedelta
from typing import Any

import pytest

from notifier.duration import seconds_of


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), (" 1.5 h ", 5_400), ("30", 30), (30, 30), (0.5, 0.5)],
)
def test_a_duration_may_be_a_number_or_a_text(given: Any, seconds: float) -> None:
    assert seconds_of("expect", given) == seconds
    assert seconds_of("expect", timedelta(seconds=seconds)) == seconds
