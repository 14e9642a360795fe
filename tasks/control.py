"""Remote control: ``revoke`` and ``terminate`` withdraw alerts, ``stats`` tells no password.

Only a worker of ours imports this.
"""

from typing import Any

import celery.worker.control
from celery.worker.control import control_command, inspect_command

from notifier.errors import BrokerUnavailable
from notifier.outbox.withdrawals import Withdrawal
from notifier.storage.masking import masked
from notifier.worker.step_log import log_step

from .celery import pipeline

celeries: Any = celery.worker.control  # the types of its module are of the decorators alone


@control_command(variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
def revoke(state: Any, task_id: Any, terminate: bool = False, signal: Any = None, **options: Any) -> dict[str, Any]:
    """Withdraw alerts by id; revoke other tasks."""
    # a revoked task's id would stay in this worker's memory, and REVOKED would stand where the record belongs
    ids = [task_id] if isinstance(task_id, str) else [str(each) for each in task_id or ()]
    try:
        came_to = {each: pipeline.withdrawals.withdraw(each) for each in dict.fromkeys(ids)}
    except BrokerUnavailable as error:
        return {"error": str(error)}
    for each, result in came_to.items():
        if result is Withdrawal.WITHDRAWN:
            log_step("withdrawn", each, None)
    others = [each for each, result in came_to.items() if result is Withdrawal.NOT_FOUND]
    answer: dict[str, Any] = celeries.revoke(state, others, terminate, signal, **options) if others else {}
    alerts = [f"{each} {result}" for each, result in came_to.items() if result is not Withdrawal.NOT_FOUND]
    return {"ok": "; ".join(filter(None, [", ".join(alerts), str(answer.get("ok", ""))]))}


@control_command(variadic="task_id", args=[("signal", str)], signature="<signal> [id1 [id2 [... [idN]]]]")
def terminate(state: Any, signal: str, task_id: Any, **_: Any) -> dict[str, Any]:
    """Withdraw alerts by id; terminate other tasks."""
    answer: dict[str, Any] = revoke(state, task_id, terminate=True, signal=signal)
    return answer


@inspect_command()
def stats(state: Any, **_: Any) -> dict[str, Any]:
    """Request worker statistics/information."""
    answer: dict[str, Any] = masked(celeries.stats(state))  # how the broker is reached is among them
    return answer
