"""An application of the soak: raises alerts until it is told to end.

python -m tests.soak.caller NAME SEED PER_SECOND FOLDER
"""

import signal
import sys
import time
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

from notifier.errors import NotifierError
from notifier.models import AlertType
from tasks import send_notification
from tests.soak.ledger import Ledger
from tests.soak.load import CALLBACK_TYPE, Alert, alerts

over = Event()


def main() -> None:
    """Raise them, and write each into the ledger."""
    name, seed, per_second, folder = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    ledger, dice = Ledger(folder / f"{name}.ledger"), Random(f"{seed}/{name}/pauses")
    print("raising", flush=True)
    for alert in alerts(name, seed):
        ledger.begun(alert)
        start = time.monotonic()
        try:
            result, error = _raise(alert), ""
        except NotifierError as refused:
            result, error = None, refused.reason
        ledger.ended(alert, time.monotonic() - start, error)
        if alert.kind != "burst" and over.wait(dice.expovariate(per_second)):
            break
        if result is not None and alert.kind == "withdrawn":
            _withdraw(result)
        if over.is_set():
            break


def _raise(alert: Alert) -> Any:
    task, terms = send_notification[AlertType(alert.alert_type)], dict(alert.terms)
    if alert.callback:
        after = send_notification[AlertType(CALLBACK_TYPE)].si(title=f"{alert.callback} callback", message="after it")
        terms["link"] = after.set(task_id=alert.callback)
    return task.apply_async(kwargs=alert.fields, task_id=alert.id, **terms)


def _withdraw(result: Any) -> None:
    try:
        result.revoke()
    except NotifierError:
        return  # Redis is away; the alert goes at its time


if __name__ == "__main__":
    main()
