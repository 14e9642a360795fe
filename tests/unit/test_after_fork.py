"""What the interpreter is to call when a process forks: it holds that until its very end."""

import subprocess
import sys

import pytest

from notifier import after_fork as module
from notifier.after_fork import after_fork

PROGRAM = """
import gc, os
from types import ModuleType

held, register = [], os.register_at_fork
def noted(**calls):
    held.extend(calls.values())
    register(**calls)
os.register_at_fork = noted

from tasks import app

seen, found = set(), list(held)
while found:
    each = found.pop()
    if id(each) not in seen and not isinstance(each, ModuleType):  # modules are taken apart before
        seen.add(id(each))
        found += gc.get_referents(each)
print(len(held) > 1, id(app) in seen)
"""


def test_a_process_that_ends_does_not_keep_the_application_until_all_else_is_gone() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "False"]
    assert done.stderr == ""


class Holder:
    """Has something to renew."""

    def __init__(self, name: str, renewed: list[str], error: Exception | None = None) -> None:
        self.name, self.renewed, self.error = name, renewed, error
        after_fork(self.renew)

    def renew(self) -> None:
        """As a forked process does it."""
        self.renewed.append(self.name)
        if self.error:
            raise self.error


def test_each_that_is_there_is_renewed_in_order_though_one_fails_and_nothing_is_kept_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_methods", [])
    renewed: list[str] = []
    holders = [Holder("first", renewed, ValueError("a fault")), Holder("gone", renewed)]
    del holders[1]
    holders.append(Holder("last", renewed))
    with pytest.raises(ValueError, match="a fault"):
        module._in_child()
    assert renewed == ["first", "last"]
    assert len(module._methods) == 2
