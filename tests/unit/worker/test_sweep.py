"""A sweep does all its steps, whatever becomes of one."""

import logging
from typing import Any
from unittest.mock import MagicMock

import pytest

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from notifier.routing import Partition
from notifier.worker.sweep import Sweep


def sweep(**parts: Any) -> tuple[Sweep, dict[str, Any]]:
    """A sweep whose parts do nothing unless said otherwise."""
    made = {name: parts.get(name, MagicMock()) for name in ("outbox", "digests", "publisher", "prune", "report")}
    made["outbox"].partitions.of.side_effect = lambda kind: [Partition(kind)]
    return Sweep(made["outbox"], made["digests"], made["publisher"], (made["prune"], made["report"])), made


@pytest.mark.parametrize("error", [BrokerUnavailable("Redis is away"), ValueError("a fault")])
def test_a_type_that_fails_holds_up_no_other_and_no_other_step(error: Exception) -> None:
    outbox = MagicMock()
    outbox.sweep.side_effect = [error, *[None] * 5]
    run, parts = sweep(outbox=outbox)
    run(list(AlertType))
    assert outbox.sweep.call_count == len(AlertType)
    for step in (parts["prune"], parts["report"]):
        step.assert_called_once_with()


def test_the_same_problem_of_every_step_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    away = BrokerUnavailable("Redis is away")
    run, parts = sweep()
    for step in (parts["outbox"].sweep, parts["prune"], parts["report"]):
        step.side_effect = away
    with caplog.at_level(logging.WARNING):
        run(list(AlertType))
    assert [record.message for record in caplog.records] == ["sweep: Redis is away"]


def test_digests_are_admitted_only_for_types_that_this_worker_serves() -> None:
    run, parts = sweep()
    run([AlertType.CRITICAL])
    parts["digests"].admit.assert_called_once_with(AlertType.CRITICAL)
    served = {call.args[0] for call in parts["outbox"].sweep.call_args_list if call.kwargs["served"]}
    assert served == {AlertType.CRITICAL}


def test_a_wake_up_that_is_missing_is_sent() -> None:
    outbox = MagicMock()
    outbox.sweep.side_effect = lambda kind, *_, **__: f"wake-up of {kind}"
    run, parts = sweep(outbox=outbox)
    run([])
    assert [call.args for call in parts["publisher"].wake_up.call_args_list] == [
        (f"wake-up of {kind}",) for kind in AlertType
    ]
