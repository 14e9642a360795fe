"""A wrong setting stops who needs it, in one line that names it; who only raises alerts is warned, and works."""

import json
import string
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import StartWorker
from tests.e2e.conftest import Notifier, RunPython
from tests.no_secrets import assert_no_secrets
from tests.servers import until

WRONG = {"DISCORD_WEBHOOK_CRITICAL": "https://discord.com/fake-token"}
REFUSED = "DISCORD_WEBHOOK_CRITICAL: expected https://discord.com/api/webhooks/<id>/<token>"
RAISE = """
from notifier import send_notification
for kind in ("general", "critical"):
    print(send_notification[kind].delay(title="T").id != "")
"""


@pytest.mark.parametrize(
    ("application", "variable", "value"),
    [
        ("notifier", "DISCORD_WEBHOOK_CRITICAL", "https://discord.com/fake-token"),
        pytest.param("tasks", "DISCORD_WEBHOOK_CRITICAL_FILE", "/nowhere/fake-token", marks=pytest.mark.slow),
        pytest.param("notifier", "REDIS_URL", "redis://:fake/word@localhost", marks=pytest.mark.slow),
    ],
)
def test_a_worker_refuses_to_start_in_one_line(
    application: str, variable: str, value: str, configured: dict[str, str], tmp_path: Path
) -> None:
    changed = {name: each for name, each in configured.items() if not variable.startswith(name)}
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", application, "worker"]  # it warns of root
    done = subprocess.run(
        command, env={**changed, variable: value}, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    output = done.stdout + done.stderr
    assert_no_secrets(texts={"output": output})
    assert done.returncode == 1
    assert (len(output.splitlines()), output.startswith(f"{variable}: ")) == (1, True), output
    assert "fake" not in output


def test_a_program_that_only_raises_alerts_is_warned_once_and_works(run_python: RunPython) -> None:
    done = run_python(RAISE, **WRONG)
    assert done.stdout == "True\nTrue\n"
    (warning,) = done.stderr.splitlines()
    assert warning.startswith(REFUSED)
    assert "fake" not in warning


@pytest.mark.slow
def test_a_program_that_imports_us_gets_the_error_itself(run_python: RunPython) -> None:
    done = run_python(
        "import celery.bin.celery\n"
        "from notifier import ConfigurationError\n"
        "try:\n    from notifier import send_notification\n"
        "except ConfigurationError as error:\n    print(error)",
        REDIS_URL="redis://:fake/word@localhost",
    )
    assert done.stdout.startswith("REDIS_URL: "), done.stderr


@pytest.mark.slow
def test_checks_report_it(notifier: Notifier, run_python: RunPython) -> None:
    done = notifier("check", **WRONG)
    assert done.returncode == 1
    assert any(line.startswith(f"Problem: {REFUSED}") for line in done.stdout.splitlines())
    report = json.loads(notifier("check", "--json", **WRONG).stdout)
    assert (report["valid"], report["healthy"]) == (False, False)
    problems = {each["alert_type"]: (each["problem"], each["wrong"] or "") for each in report["webhooks"]}
    assert problems["critical"][0] == "configuration_error"
    assert problems["critical"][1].startswith(REFUSED)
    assert problems["general"] == (None, "")
    validated = run_python(
        "import asyncio\nfrom notifier import DiscordNotificationService\n"
        "print(asyncio.run(DiscordNotificationService().validate_configuration()))",
        **WRONG,
    )
    assert validated.stdout == "False\n"
    assert REFUSED in validated.stderr


@pytest.mark.slow
def test_an_alert_that_the_program_itself_would_have_to_post_is_refused_with_the_variables_name(
    run_python: RunPython,
) -> None:
    away = {"REDIS_URL": "redis://127.0.0.1:1/0", "DISCORD_DIRECT_FALLBACK": "critical"}
    program = (
        "from notifier import BrokerUnavailable, send_notification\n"
        "try:\n    send_notification['critical'].delay(title='T')\n"
        "except BrokerUnavailable as error:\n    print(error)"
    )
    assert REFUSED in run_python(program, **away, **WRONG).stdout
    unset = run_python(program, **away, DISCORD_WEBHOOK_CRITICAL="").stdout
    assert "webhook_not_configured (DISCORD_WEBHOOK_CRITICAL is not set)" in unset


@pytest.mark.slow
def test_what_stays_around_a_value_is_no_reason_to_refuse_it(
    notifier: Notifier, configured: dict[str, str], tmp_path: Path
) -> None:
    quoted = {name: f'"{value}"' for name, value in configured.items() if name.startswith(("DISCORD_", "REDIS_"))}
    done = notifier("check", "--json", **quoted)
    assert json.loads(done.stdout)["valid"], done.stdout


@pytest.mark.slow
def test_tokens_that_would_travel_without_tls_are_warned_of_by_worker_check_and_caller(
    configured: dict[str, str], start_worker: StartWorker, notifier: Notifier, run_python: RunPython
) -> None:
    webhook = f"https://discord.com/api/webhooks/123456789/fake-token-{string.ascii_letters}12345"
    there = dict.fromkeys((name for name in configured if name.startswith("DISCORD_WEBHOOK")), webhook)
    there["DISCORD_API_URL"] = "http://nowhere.invalid:1/api/v10"
    warning = "DISCORD_API_URL: without TLS"
    assert warning in notifier("check", **there).stdout
    told = json.loads(notifier("check", "--json", **there).stdout)["settings"]["warnings"]
    assert told[0].startswith(warning)
    worker = start_worker(**there)
    until(lambda: warning in worker.output(), "the worker's warning")
    raise_one = "from tasks import send_notification; send_notification.delay(title='T')"
    assert warning not in run_python(raise_one, **there).stderr, "it posts nothing"
    assert warning in run_python(raise_one, **there, DISCORD_DIRECT_FALLBACK="critical").stderr
