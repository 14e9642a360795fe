"""An application that submits alerts pays for no part that it does not use."""

import subprocess
import sys

import pytest

PROGRAMS = [
    "from notifier.pipeline import client_pipeline; client_pipeline().client",
    "from tasks import send_notification; send_notification['error'].name",
]
UNUSED = (
    "requests urllib3 jinja2 flower tornado rich sqlite3 "
    "notifier.discord notifier.worker notifier.operations notifier.sandbox notifier.templates notifier.cli "
    "notifier.outcome notifier.producer.direct notifier.producer.straight notifier.outbox.heartbeat "
    "notifier.outbox.withdrawals notifier.notification_result pydantic.functional_serializers"
)


@pytest.mark.parametrize("program", PROGRAMS, ids=["pipeline", "tasks"])
def test_a_caller_imports_no_http_client_no_worker_and_no_administration(program: str) -> None:
    program += "\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    imported = set(done.stdout.split())
    assert "notifier.producer.client" in imported, "it submits alerts"
    assert imported & set(UNUSED.split()) == set()


def test_an_alert_without_a_text_loads_nothing_that_reads_exceptions() -> None:
    """A fork while a thread imports leaves the child a lock that nobody gives back."""
    program = "import sys; from notifier.models import NotificationMessage; NotificationMessage(title='t')"
    program += "; print('notifier.given_exception' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"
