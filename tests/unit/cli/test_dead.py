"""Many dead letters at once: one that fails holds up no other, and each is reported."""

import pytest

from notifier.cli.dead import _each
from notifier.errors import BrokerUnavailable, NotificationNotFound


@pytest.mark.parametrize(
    ("error", "done", "left"), [(NotificationNotFound("gone"), ["a", "c"], 0), (BrokerUnavailable("away"), ["a"], 2)]
)
def test_what_failed_is_reported_and_the_rest_goes_on_unless_redis_is_away(
    error: Exception, done: list[str], left: int
) -> None:
    def act(notification_id: str) -> None:
        if notification_id == "b":
            raise error

    end = _each("trying", ["a", "b", "c"], act, quiet=True)
    assert (end.done, end.left, end.exit_code) == (done, left, 1)
    assert end.failed == {"b": str(error)}


def test_an_interrupt_says_how_many_are_left() -> None:
    def act(notification_id: str) -> None:
        if notification_id == "b":
            raise KeyboardInterrupt

    end = _each("trying", ["a", "b", "c"], act, quiet=True)
    assert (end.done, end.left, end.exit_code) == (["a"], 2, 130)
