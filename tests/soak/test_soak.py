"""Two minutes of the soak."""

import json
import sys
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from tests.soak.stage import CHECKOUT

MINUTES = "2"
ENDS_SECONDS = 800
"""What hangs is ended: two minutes, and as long as the alerts may take to their end."""


@pytest.mark.slow
@pytest.mark.timeout(ENDS_SECONDS + 30)
def test_two_minutes_of_every_fault_lose_no_alert_double_none_unmarked_and_earn_no_429(tmp_path: Path) -> None:
    command = ["-m", "tests.soak", "--minutes", MINUTES, "--json", "--report", str(tmp_path / "soak.md")]
    log, folder = tmp_path / "soak.log", tmp_path / "soak"
    process = Process("soak", [sys.executable, *command, "--folder", str(folder)], log, cwd=CHECKOUT, grace_seconds=30)
    process.wait_for(r"The report is in", ENDS_SECONDS)
    process.stop()
    text = log.read_text()
    figures = json.loads(text[text.index("{") : text.rindex("}") + 1])
    assert figures["wrong"] == {}
    assert (figures["lost"], figures["unasked"]) == (0, 0)
    assert figures["accepted"] > 200
    assert sum(figures["faults"].values()) > 20
