"""The footer's note says why an alert is late, double or elsewhere, in few words; else there is none."""

import pytest

from notifier.render.limits import NOTE_CHARACTERS_MAX
from notifier.render.notes import LATE_SECONDS, duration, note


def test_an_alert_that_is_in_time_has_no_note() -> None:
    assert note() == ""
    assert note(delayed_seconds=LATE_SECONDS, delayed_by="rate_limited") == ""


def test_a_late_one_says_how_late_and_why_in_words() -> None:
    assert note(delayed_seconds=61, delayed_by="channel_rate_limited") == "delayed 1 min: channel rate limited"
    assert note(delayed_seconds=7_300) == "delayed 2 h: no worker was there"


def test_all_that_is_to_be_said_stands_in_one_line_what_matters_most_first() -> None:
    assert note(meant_for="error", maybe_posted=True, delayed_seconds=90, delayed_by="breaker_open") == (
        "for error, whose webhook is gone or not configured"
        " · may be a duplicate: the answer to an earlier request was lost"
        " · delayed 1 min: breaker open"
    )


def test_a_long_reason_does_not_take_the_room_of_the_alert() -> None:
    said = note(delayed_seconds=90, delayed_by="x" * 5_000)
    assert said.startswith("delayed 1 min: xxx")
    assert len(said) <= NOTE_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0, "0 s"), (0.0514, "0.0514 s"), (3.2, "3.2 s"), (59.94, "59.9 s")),
        *((60, "1 min"), (119, "1 min"), (3_599, "59 min"), (3_600, "1 h"), (86_399, "23 h")),
        *((86_400, "1 d"), (8_640_000, "100 d")),
    ],
)
def test_a_wait_is_told_in_the_largest_unit_that_it_reaches(seconds: float, said: str) -> None:
    assert duration(seconds) == said
