"""What the interpreter is to call when a process forks: it holds that until its very end."""

import subprocess
import sys

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
