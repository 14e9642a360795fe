"""A worker starts right, or ends with one line that names what is wrong, and exit code 1."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.test_acl import PASSWORD, Guarded
from tests.no_secrets import assert_no_secrets
from tests.servers import OwnRedis, free_port

NO_REDIS = """
import socket
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
while True:
    connection, _ = listening.accept()
    connection.sendall(b"220 mail.example.com ESMTP\\r\\n")
"""


@pytest.mark.slow
def test_each_fault_is_one_line_and_an_exit_code(
    configured: dict[str, str], tmp_path: Path, own_redis: OwnRedis
) -> None:
    guarded = Guarded(tmp_path / "guarded")
    mail = subprocess.Popen([sys.executable, "-c", NO_REDIS], stdout=subprocess.PIPE, text=True)
    assert mail.stdout is not None
    closed = free_port()
    here = {"REDIS_URL": own_redis.url}
    refused = "Connection refused; does Redis run there, and is REDIS_URL right?; waited for 1 s: this worker ends"
    cases: list[tuple[dict[str, str], list[str], str, str]] = [
        ({"REDIS_URL": guarded.url("nobody")}, [], "REDIS_URL: ", "check the user name and the password"),
        ({"REDIS_URL": f"redis://127.0.0.1:{mail.stdout.readline().strip()}/0"}, [], "REDIS_URL: ", "Redis' protocol"),
        ({**here, "NOTIFIER_TEMPLATES_DIR": "/nowhere"}, [], "NOTIFIER_TEMPLATES_DIR: ", "no folder /nowhere"),
        (
            here,
            ["-Q", "notifications.eror"],
            "-Q, -X: ",
            "no queue notifications.eror; there are notifications.critical",
        ),
        ({"REDIS_URL": f"redis://127.0.0.1:{closed}/0", "NOTIFIER_START_SECONDS": "1"}, [], "", refused),
    ]
    started = []
    try:
        for application, (changed, arguments, _, _) in zip(["notifier", "tasks"] * 4, cases, strict=False):
            command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", application, "worker", *arguments]
            started.append(
                subprocess.Popen(
                    command, env={**configured, **changed}, cwd=tmp_path,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                )
            )  # fmt: skip
        for process, (_, _, variable, words) in zip(started, cases, strict=True):
            output = process.communicate(timeout=150)[0]
            assert process.returncode == 1, output
            assert words in output
            assert "Traceback" not in output
            assert PASSWORD not in output
            assert_no_secrets(texts={"output": output})
            if variable:
                assert (len(output.splitlines()), output.startswith(variable)) == (1, True), output
            else:
                (line,) = [line for line in output.splitlines() if "CRITICAL" in line]
                assert f"127.0.0.1:{closed}" in line
    finally:
        for each in (*started, mail):
            each.kill()
            each.communicate()
        guarded.server.stop()
