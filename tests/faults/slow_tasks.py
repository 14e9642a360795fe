"""Tasks that a worker runs beside ours; Celery stores their results, and a test decides when."""

import os
import time
from pathlib import Path
from typing import Any

from notifier import DiscordNotificationService, NotificationMessage, app
from notifier.storage import result_backend

FOLDER = Path(os.environ["SLOW_TASKS_FOLDER"])
result_backend.STORE_SECONDS = float(os.environ.get("SLOW_TASKS_STORE_SECONDS", result_backend.STORE_SECONDS))


@app.task(name="wait_for_file")  # type: ignore[untyped-decorator]
def wait_for_file(number: int, gate: str) -> int:
    """Say that it runs, and end once that file is there."""
    (FOLDER / f"{gate}-{number}").touch()
    while not (FOLDER / gate).exists():
        time.sleep(0.05)
    return number


@app.task(name="raise_alert")  # type: ignore[untyped-decorator]
def raise_alert(title: str, allowed: bool) -> dict[str, Any]:
    """Raise an alert and wait for its outcome, as a task must not; ``allowed``: unless Celery is told that it may."""
    from contextlib import nullcontext

    from celery.result import allow_join_result

    with allow_join_result() if allowed else nullcontext():
        result = DiscordNotificationService().send_and_wait(NotificationMessage(id=title, title=title), 20)
    return {"status": result.status, "success": result.success, "error": result.error}
