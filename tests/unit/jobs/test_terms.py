"""How often a job is expected: durations as people write them, and a grace that fits."""

from typing import Any

import pytest

from notifier.errors import InvalidMessage
from notifier.jobs.terms import JobTerms


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
