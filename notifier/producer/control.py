"""Celery's remote control, whose ``revoke`` withdraws alerts in Redis itself: it needs no worker."""

from collections.abc import Callable, Sequence
from typing import Any

from celery import Celery
from celery.app.control import Control

from notifier.errors import BrokerUnavailable
from notifier.outbox.withdrawals import Withdrawal, Withdrawals
from notifier.producer.deadline import Deadline, DeadlineExceeded

Withdraw = Callable[[Sequence[str]], dict[str, Withdrawal]]


class AlertControl(Control):
    """Celery's own but for ``revoke``, which ``AsyncResult.revoke`` and ``GroupResult.revoke`` go through as well."""

    def __init__(self, app: Celery, withdraw: Withdraw) -> None:
        super().__init__(app)
        self._withdraw = withdraw

    def revoke(self, task_id: Any, *args: Any, **options: Any) -> Any:
        """Withdraw the alerts among these ids; the workers are told of the others only.

        Args:
            task_id: one id, or several.
            args, options: Celery's. ``terminate`` ends no alert's delivery, for others ride in the same request.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        ids = [task_id] if isinstance(task_id, str) else [str(each) for each in task_id or ()]
        others = [each for each, came_to in self._withdraw(ids).items() if came_to is Withdrawal.NOT_FOUND]
        if others:
            return super().revoke(others, *args, **options)
        return [] if options.get("reply") else None


def withdraw_in_time(
    withdrawals: Withdrawals, ids: Sequence[str], seconds: float, place: str, by: str = ""
) -> dict[str, Withdrawal]:
    """Withdraw each; what that came to, by id. ``seconds``: the limit of each. ``place``: where Redis is.

    ``by``: who does it, and why.

    Raises:
        BrokerUnavailable: Redis did not answer in time.
    """

    def withdraw(notification_id: str) -> Withdrawal:
        try:
            return Deadline.after(seconds).run(lambda: withdrawals.withdraw(notification_id, by))
        except DeadlineExceeded:
            silence = f"Redis at {place} did not answer within {seconds:g} s"
            raise BrokerUnavailable(f"{silence}; does it run, and is REDIS_URL right?") from None

    return {each: withdraw(each) for each in dict.fromkeys(ids)}
