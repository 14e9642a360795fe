"""The log of a real worker where no terminal is: JSON, on the console and in the file; ``grep -i discord`` finds it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartWorker
from tests.e2e.conftest import Application
from tests.hostile import FORGED, TEXT
from tests.servers import until


def documents(text: str) -> list[dict[str, Any]]:
    whole = text[: text.rfind("\n") + 1]  # the last line may be on its way
    return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_every_line_is_one_document_and_tells_of_each_alert(
    application: Application, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker(NOTIFIER_LOG_FORMAT="auto")  # at DEBUG: Celery's own lines show the arguments of tasks
    (alert,) = application.raise_alerts(TEXT)
    application.wait([alert])
    file = tmp_path / "worker1" / "logs" / "notifications.log"

    def delivered(text: str) -> list[dict[str, Any]]:
        return [each for each in documents(text) if each.get("step") == "delivered"]

    until(lambda: bool(delivered(worker.output())) and bool(delivered(file.read_text())), "its line")
    (told,) = delivered(worker.output())
    assert (told["id"], told["type"], told["level"]) == (alert, "general", "INFO")
    assert told["message_id"]
    written = file.read_text()
    assert len(documents(written)) == written.count("\n"), "nothing else is in the file"
    assert FORGED not in worker.output().splitlines()
    found = [each["message"] for each in documents(worker.output()) if "discord" in str(each).lower()]
    assert [each for each in found if each.startswith(f"Discord alert {alert} (general): delivered")]
