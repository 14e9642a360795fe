"""lease.lua alone: a request for whose answer others wait counts as lost soon after its worker has died."""

import pytest

from tests.integration.gate.conftest import SECOND, START, LoadLua

LENGTH, WITNESS = 35 * SECOND, 2 * SECOND
WORKERS = {"prefix": "worker:", "witness": WITNESS}


@pytest.mark.parametrize("step", [0, 15 * SECOND, 19 * SECOND])
def test_a_death_that_was_noticed_before_the_clock_stepped_back_is_waited_for_no_longer(
    load_lua: LoadLua, step: int
) -> None:
    call = load_lua("gate/clock.lua", "gate/lease.lua")

    def left(now: int) -> int:
        return int(call("lease_left", "key", "probe", now, LENGTH, WORKERS))

    call("lease_begin", "key", "probe", START, LENGTH, "dead")
    noticed_at = START + 20 * SECOND
    assert left(noticed_at) == WITNESS
    assert left(noticed_at - step) == WITNESS
    assert left(noticed_at - step + WITNESS) == 0
