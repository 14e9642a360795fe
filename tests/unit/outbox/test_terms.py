"""Celery's ``countdown``, ``eta`` and ``expires`` become an alert's terms, or are refused by name."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from notifier.errors import InvalidMessage
from notifier.outbox.terms import NO_TERMS, Terms, read_terms

DAY = 86_400.0
SLACK = 30
"""Seconds that a test may be held up."""


def moment(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_without_options_there_are_none() -> None:
    assert read_terms(DAY, countdown=None, eta=None, expires=None) == NO_TERMS
    assert read_terms(DAY, countdown=0, eta="") == NO_TERMS
    assert read_terms(DAY, callbacks="[]") == Terms(callbacks="[]")


@pytest.mark.parametrize(
    "given",
    [
        lambda: {"countdown": 3_600},
        lambda: {"countdown": 3_600.0, "eta": moment(7_200)},
        lambda: {"eta": moment(3_600)},
        lambda: {"eta": moment(3_600).replace(tzinfo=None)},
        lambda: {"eta": moment(3_600).astimezone(timezone(timedelta(hours=5))).isoformat()},
        lambda: {"eta": moment(3_600).replace(tzinfo=None).isoformat()},
    ],
    ids=["countdown", "countdown outweighs", "eta", "naive eta is UTC", "text with offset", "naive text"],
)
def test_an_hour_is_an_hour_however_it_is_said(given: Callable[[], dict[str, Any]]) -> None:
    terms = read_terms(DAY, **given())
    assert 3_600 - SLACK < terms.after_seconds <= 3_600
    assert terms.expires_seconds is None


@pytest.mark.parametrize(
    "expires",
    [lambda: 3_600, lambda: moment(3_600), lambda: moment(3_600).isoformat()],
    ids=["seconds", "time", "text"],
)
def test_so_is_an_expiry(expires: Callable[[], object]) -> None:
    terms = read_terms(DAY, expires=expires())
    assert 3_600 - SLACK < float(terms.expires_seconds or 0) <= 3_600
    assert terms.after_seconds == 0


def test_what_is_past_is_no_error() -> None:
    assert read_terms(DAY, eta=moment(-60)).after_seconds == 0
    ended = read_terms(DAY, eta=moment(-120), expires=moment(-60))
    assert (ended.after_seconds, float(ended.expires_seconds or 0) < 0) == (0, True)
    assert read_terms(DAY, expires=0).expires_seconds == 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"countdown": "soon"}, "countdown: expected a number of seconds, not 'soon'"),
        ({"countdown": float("nan")}, "countdown: expected a number"),
        ({"countdown": True}, "countdown: expected a number"),
        ({"countdown": 1e300}, "countdown: 1e+300 seconds are too many"),
        ({"eta": 12}, "eta: expected a datetime or its text, not 12"),
        ({"eta": "tomorrow"}, "eta: expected a time in ISO 8601, not 'tomorrow'"),
        ({"expires": "soon"}, "expires: expected a time in ISO 8601, not 'soon'"),
        ({"expires": float("inf")}, "expires: expected a number"),
        ({"expires": []}, "expires: expected a datetime or its text"),
        ({"countdown": 60, "expires": 60}, "countdown: the alert would expire before that (expires)"),
        ({"eta": moment(7_200), "expires": 3_600}, "eta: the alert would expire before that (expires)"),
        ({"countdown": DAY}, "countdown: the alert would expire before that (DISCORD_EXPIRE_SECONDS)"),
        ({"eta": moment(2 * DAY)}, "eta: the alert would expire before that (DISCORD_EXPIRE_SECONDS)"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_the_name_of_the_option(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidMessage) as raised:
        read_terms(DAY, **given)
    assert str(raised.value).startswith(says)
