"""A guest in its host: a program that uses Celery for itself, and this package for its alerts.

Each host is a process of its own, and runs with the package from the checkout and with the built wheel.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from notifier.storage.connection import connect
from tests.conftest import Sandbox
from tests.e2e.guest import Guest
from tests.servers import until

RunHost = Callable[..., dict[str, object]]

HOST = """
from celery import Celery, shared_task

app = Celery("host", broker=HOST_URL, backend=HOST_URL)
app.conf.update(task_default_queue="bills", broker_connection_retry_on_startup=True)


@shared_task(name="host.bill")
def bill(number):
    return number


@app.task(name="host.order")
def order(number):
    alert = send_notification.delay(alert_type="error", title=f"order {number}", message="m")
    paid = bill.delay(number)
    from celery import current_app
    return [current_app.main, bill.app.main, alert.id, paid.id]
"""
FOREIGN = {
    "CELERY_RESULT_BACKEND": "django-db",
    "CELERY_BROKER_READ_URL": "redis://127.0.0.1:1/0",
    "CELERY_BROKER_WRITE_URL": "redis://127.0.0.1:1/0",
    "CELERY_CONFIG_MODULE": "no_such_module",
    "CELERY_LOADER": "no.such:Loader",
    "CELERY_APP": "no_such_app",
    "DJANGO_SETTINGS_MODULE": "no_such_settings",
}
ONE_VARIABLE, *MORE_VARIABLES = FOREIGN
STATE = """
import json, logging, os, signal, sys, threading
import celery.signals
from celery import _state

def in_thread(look):
    found = []
    thread = threading.Thread(target=lambda: found.append(look()))
    thread.start()
    thread.join()
    return found[0]

def loggers():
    # Celery gives each module's logger a NullHandler, whoever imports the module
    found = {
        name: (each.level, each.propagate, [repr(h) for h in each.handlers if type(h) is not logging.NullHandler])
        for name, each in [("", logging.root), *logging.root.manager.loggerDict.items()]
        if isinstance(each, logging.Logger)
    }
    return {name: each for name, each in found.items() if each != (logging.NOTSET, True, [])}

def state():
    return {
        "default": repr(_state.default_app),
        "current": repr(_state._tls.current_app),
        "elsewhere": in_thread(lambda: repr(_state._tls.current_app)),
        "signals": [repr(signal.getsignal(number)) for number in signal.valid_signals()],
        "celery signals": {
            name: len(each.receivers or ()) for name, each in vars(celery.signals).items() if hasattr(each, "receivers")
        },
        "loggers": loggers(),
        "hooks": [repr(sys.excepthook), repr(threading.excepthook), repr(logging.getLoggerClass())],
        "environment": dict(os.environ),
        "path": list(sys.path),
    }
"""


@pytest.fixture
def host_url(redis_url: str) -> Iterator[str]:
    """The Redis database of the host alone."""
    url = redis_url.rsplit("/", 1)[0] + "/7"
    client = connect(url, 5)
    client.flushdb()
    yield url
    client.flushdb()
    client.close()


@pytest.fixture
def run_host(binaries: Path, configured: dict[str, str], tmp_path: Path) -> RunHost:
    """Runs a host's program in the host's folder; what it printed last, as JSON."""

    def run(program: str, **environment: str) -> dict[str, object]:
        (tmp_path / "host_program.py").write_text(program)
        done = subprocess.run(
            [str(binaries / "python"), "host_program.py"],
            cwd=tmp_path, env={**configured, **environment}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return found

    return run


def host(url: str) -> str:
    """The host's application, on its own Redis database."""
    return HOST.replace("HOST_URL", repr(url))


def queued(url: str) -> list[str]:
    """The names of the tasks that wait in the host's queue."""
    client = connect(url, 5)
    try:
        return [json.loads(each)["headers"]["task"] for each in client.lrange("bills", 0, -1)]
    finally:
        client.close()


def test_a_host_keeps_its_application_and_its_shared_tasks(run_host: RunHost, host_url: str) -> None:
    found = run_host(
        STATE + host(host_url) + "before, registered = state(), sorted(app.tasks)\n"
        "from notifier import send_notification\n"
        "send_notification.delay(alert_type='error', title='T')\n"
        "after = state()\n"
        "bill.delay(17)\n"
        "in_thread(lambda: app.set_current() or bill.delay(18))\n"
        "from celery import current_app\n"
        "print(json.dumps({'before': before, 'after': after, 'current': current_app.main, 'registered': registered,\n"
        "    'tasks': sorted(app.tasks), 'bills': bill.app.main}))",
    )
    assert found["after"] == found["before"]
    assert found["current"] == found["bills"] == "host"
    assert found["tasks"] == found["registered"], "none of our tasks is the host's"
    assert queued(host_url) == ["host.bill", "host.bill"]


def test_a_host_that_imports_us_first_keeps_its_own_as_well(run_host: RunHost, host_url: str) -> None:
    found = run_host(
        "from notifier import send_notification\n"
        "send_notification.delay(alert_type='error', title='T')\n"
        + host(host_url)
        + "import json; from celery import current_app\n"
        "bill.delay(17)\n"
        "print(json.dumps({'current': current_app.main, 'tasks': [t for t in app.tasks if 'notif' in t]}))"
    )
    assert found == {"current": "host", "tasks": []}
    assert queued(host_url) == ["host.bill"]


def test_a_host_without_an_application_has_none_afterwards(run_host: RunHost) -> None:
    found = run_host(
        STATE + "before = state()\n"
        "from notifier import send_notification\n"
        "send_notification.delay(alert_type='error', title='T')\n"
        "from celery import current_app\n"
        "after = state()\n"
        "print(json.dumps({'before': before, 'after': after, 'current': current_app.main}))"
    )
    assert found["after"] == found["before"]
    assert found["current"] == "default", "what Celery gives where nobody has made one"


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_task_of_a_hosts_worker_raises_an_alert_and_sends_a_shared_task(
    binaries: Path, configured: dict[str, str], host_url: str, tmp_path: Path, pool: str, worker: Process,
    sandbox: Sandbox,
) -> None:  # fmt: skip
    (tmp_path / "shop.py").write_text("from notifier import send_notification\n" + host(host_url))
    (tmp_path / "order.py").write_text("import json, shop; print(json.dumps(shop.order.delay(1).get(timeout=40)))")
    command = [str(binaries / "celery"), "-A", "shop", "worker", "--pool", pool, "-c", "2", "-l", "INFO"]
    process = Process("host", command, tmp_path / "host.log", env=configured, cwd=tmp_path)
    try:
        process.wait_for(r"ready\.")
        done = subprocess.run(
            [str(binaries / "python"), "order.py"],
            cwd=tmp_path, env=configured, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + process.tail()
        current, bills, _, paid = json.loads(done.stdout)
        assert (current, bills) == ("host", "host")
        process.wait_for(rf"host\.bill\[{paid}\] succeeded")
        until(lambda: sandbox.titles() == ["order 1"], "the alert")
        assert "send_notification." not in process.output()
    finally:
        process.stop()


@pytest.mark.parametrize(
    "variable", [ONE_VARIABLE, *(pytest.param(each, marks=pytest.mark.slow) for each in MORE_VARIABLES)]
)
def test_no_variable_of_the_hosts_celery_reaches_ours(
    run_host: RunHost, variable: str, worker: Process, sandbox: Sandbox
) -> None:
    found = run_host(
        "import json\nfrom notifier import send_notification\n"
        "result = send_notification.delay(alert_type='error', title='T')\n"
        "print(json.dumps({'status': result.get(timeout=30)['status']}))",
        **{variable: FOREIGN[variable]},
    )
    assert found == {"status": "delivered"}


def test_a_hosts_modules_of_the_same_names_stay_its_own(
    run_host: RunHost, tmp_path: Path, worker: Process, sandbox: Sandbox
) -> None:
    """And ours are found beside them, in one copy."""
    (tmp_path / "celeryconfig.py").write_text("broker_url = 'redis://127.0.0.1:1/0'\nmine = True\n")
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "__init__.py").write_text("mine = True\n")
    (tmp_path / "tasks.py").write_text("mine = True\n")
    found = run_host(
        "import json, sys\nfrom notifier import DiscordNotificationService, client_pipeline, send_notification\n"
        "import celeryconfig, services, tasks\n"
        "result = send_notification.delay(alert_type='error', title='T')\n"
        "ours = sys.modules['notifier.tasks.celery']\n"
        "one = {id(ours.pipeline), id(client_pipeline()), id(DiscordNotificationService()._pipeline)}\n"
        "print(json.dumps({'status': result.get(timeout=30)['status'], 'pipelines': len(one),\n"
        "    'mine': [celeryconfig.mine, services.mine, tasks.mine]}))"
    )
    assert found == {"status": "delivered", "pipelines": 1, "mine": [True, True, True]}


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["module", "package"])
def test_a_worker_an_inspection_and_flower_start_beside_a_hosts_modules(
    guest: Guest, tmp_path: Path, sandbox: Sandbox, shape: str
) -> None:
    (tmp_path / "celeryconfig.py").write_text("broker_url = 'redis://127.0.0.1:1/0'\n")
    if shape == "module":
        (tmp_path / "tasks.py").write_text("mine = True\n")
    else:
        (tmp_path / "tasks").mkdir()
        (tmp_path / "tasks" / "__init__.py").write_text("mine = True\n")
    guest.worker(**FOREIGN)
    patient = ("--json", "--timeout", "30", "--destination", f"guest@{socket.gethostname()}")  # it ends with the answer
    registered = guest.run(*guest.celery, "inspect", "registered", *patient, **FOREIGN)
    assert "send_notification.error" in registered.stdout, registered.stdout + registered.stderr
    ping = guest.run(*guest.celery, "inspect", "ping", *patient, **FOREIGN)
    assert [list(answer.values()) for answer in [json.loads(ping.stdout)]] == [[{"ok": "pong"}]]
    flower = guest.flower(**FOREIGN)
    until(flower.up, "Flower")
    assert flower.get("/").ok


@pytest.mark.parametrize("first", ["tasks", "notifier"])
def test_both_imports_of_a_checkout_give_one_copy(first: str, configured: dict[str, str], tmp_path: Path) -> None:
    second = {"tasks": "notifier", "notifier": "tasks"}[first]
    program = (
        f"from {first} import send_notification as one\nfrom {second} import send_notification as other\n"
        "import sys\nassert one is other\nassert 'notifier.tasks' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, env=configured, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
