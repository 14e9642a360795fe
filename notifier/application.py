"""Finds the two parts that live outside this package in a checkout: ``tasks`` and ``celeryconfig``.

In a wheel both are inside the package. In a checkout, and in the image, they are beside it, because there they are the
application. Neither is ever looked up by its bare name alone: a program that we are installed into may have a
``tasks`` or a ``celeryconfig`` of its own.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import cast

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent


def load_tasks() -> ModuleType:
    """The package of the Celery tasks: ``tasks`` if that name is ours, else ``notifier.tasks``."""
    if "notifier.tasks" not in sys.modules and _is_ours("tasks"):
        return import_module("tasks")
    return _load("tasks")


def load_celeryconfig() -> ModuleType:
    """The module of Celery's settings."""
    return _load("celeryconfig")


def _load(name: str) -> ModuleType:
    if not (_PACKAGE / name).exists() and not (_PACKAGE / f"{name}.py").exists():
        path = cast("list[str]", sys.modules["notifier"].__path__)
        if str(_CHECKOUT) not in path:
            # the import system then loads the part beside this package, under its own lock
            path.append(str(_CHECKOUT))
    return import_module(f"notifier.{name}")


def _is_ours(name: str) -> bool:
    try:
        spec = find_spec(name)
    except ValueError:  # a module that was made by hand, without a spec
        return False
    if spec is None or spec.origin is None:
        return False
    return Path(spec.origin).resolve() == _CHECKOUT / name / "__init__.py"
