"""How often a job is expected: durations as people write them, and a grace that fits."""

from datetime import timedelta
from typing import Any

import pytest

from notifier.errors import InvalidMessage
from notifier.jobs.terms import JobTerms, seconds_of


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), (" 1.5 h ", 5_400), ("30", 30), (30, 30), (0.5, 0.5)],
)
def test_a_duration_may_be_a_number_or_a_text(given: Any, seconds: float) -> None:
    assert seconds_of("expect", given) == seconds
    assert seconds_of("expect", timedelta(seconds=seconds)) == seconds


@pytest.mark.parametrize(
    "given", ["", "soon", "24 hours", "-1h", -1, True, float("nan"), float("inf"), "400d", b"1h", []]
)
def test_anything_else_is_refused_by_name(given: Any) -> None:
    with pytest.raises(InvalidMessage, match=r"expect: .* no duration such as 90s"):
        JobTerms.of(given)


@pytest.mark.parametrize(("expect", "grace"), [("24h", 3_600), ("1h", 360), ("20d", 3_600)])
def test_without_a_grace_it_has_a_tenth_and_at_most_an_hour(expect: str, grace: float) -> None:
    assert JobTerms.of(expect).grace_seconds == grace
    assert JobTerms.of(expect, "5s").grace_seconds == 5


def test_what_is_not_expected_is_never_late() -> None:
    assert JobTerms.of() == JobTerms(None, 0, "")
    with pytest.raises(InvalidMessage, match="grace"):
        JobTerms.of(None, "1h")
    with pytest.raises(InvalidMessage, match="expect: more than no time"):
        JobTerms.of(0)
