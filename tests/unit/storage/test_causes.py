"""What Redis says has the same next step in each form in which it says it."""

import pytest
from redis.exceptions import MasterDownError, RedisError, ResponseError

from notifier.storage.causes import cause_of, may_have_begun

NO_LINK = "Link with MASTER is down and replica-serve-stale-data is set to 'no'."


@pytest.mark.parametrize(
    "error",
    [
        MasterDownError(NO_LINK),
        ResponseError(f"MASTERDOWN {NO_LINK}"),
        ResponseError(f"Error running script (call to f_0): @user_script:1: @user_script: 1: -MASTERDOWN {NO_LINK}"),
    ],
    ids=["a command", "with its code", "within a script"],
)
def test_a_replica_without_its_master_is_named_and_has_done_nothing(error: RedisError) -> None:
    words, cause = cause_of(error)
    assert NO_LINK in words
    assert "name the master" in cause.next_step
    assert not may_have_begun(error, cause)
