"""The wheel works outside the checkout: everything it needs is inside it."""

from pathlib import Path

import pytest

from notifier.gate.gate import GATE_SCRIPTS
from tests.e2e.installation import Installation, inside


@pytest.mark.parametrize(
    "needed",
    [
        "notifier/_templates/tracklist_generated.toml",
        "notifier/outbox/claim.lua",
        *(f"notifier/{name}" for name in GATE_SCRIPTS),
        "notifier/sandbox/page.html",
        "notifier/sandbox/markdown.js",
        "notifier/sandbox/message.css",
        "notifier/web/page/index.html",
        "notifier/web/page/login.html",
        "notifier/web/page/page.js",
        "notifier/web/page/page.css",
        "notifier/celeryconfig.py",
        "notifier/tasks/celery.py",
        "services/notification_service/__init__.py",
    ],
)
def test_it_holds(wheel: Path, needed: str) -> None:
    assert needed in inside(wheel)


def test_it_takes_no_name_that_a_host_may_have(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in inside(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"notifier", "services"}
    assert "services/__init__.py" not in inside(wheel), "services is a namespace, which a host's own package hides"


@pytest.mark.slow
def test_the_demo_runs_from_another_folder(installed: Installation, tmp_path: Path) -> None:
    done = installed.run("notifier", "demo", "--burst", "20", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "26 of 26 delivered" in done.stdout


@pytest.mark.slow
def test_its_code_is_the_installed_one(installed: Installation, tmp_path: Path) -> None:
    code = (
        "import sys, notifier, services.notification_service; notifier.send_notification;"
        "print(*(sys.modules[name].__file__ for name in ('notifier', 'notifier.tasks', 'notifier.celeryconfig')))"
    )
    done = installed.run("python", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for file in done.stdout.split():
        assert Path(file).is_relative_to(installed.folder)
