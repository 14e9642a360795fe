"""An application that submits alerts pays for no part that it does not use."""

import subprocess
import sys

PROGRAM = """
import sys
from notifier.pipeline import client_pipeline
client_pipeline().client
print(*sys.modules)
"""
UNUSED = (
    "requests urllib3 jinja2 flower tornado rich sqlite3 "
    "notifier.discord notifier.worker notifier.operations notifier.sandbox notifier.templates notifier.cli"
)


def test_a_caller_imports_no_http_client_no_worker_and_no_administration() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    imported = set(done.stdout.split())
    assert "notifier.producer.client" in imported
    assert imported & set(UNUSED.split()) == set()
