"""Whoever imports us finds the garbage collection as it was."""

import gc
import subprocess
import sys
from contextlib import suppress

import pytest

from notifier.collection import collection_paused


@pytest.mark.parametrize("was_enabled", [True, False])
def test_it_is_as_it_was_afterwards_whatever_happens(was_enabled: bool) -> None:
    (gc.enable if was_enabled else gc.disable)()
    try:
        with suppress(ImportError), collection_paused():
            assert not gc.isenabled()
            raise ImportError
        assert gc.isenabled() is was_enabled
    finally:
        gc.enable()


def test_an_import_of_the_tasks_ends_with_it() -> None:
    program = (
        "import gc; from notifier import send_notification as s; "
        "print(gc.isenabled(), gc.get_stats()[2]['collections'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "0"], "and none has gone through all objects meanwhile"
