"""docs/celery.md says of each call of Celery's public task API what it does to an alert."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, Signature, signals
from celery.app.control import Control
from celery.app.task import Task
from celery.result import AsyncResult, GroupResult

PAGE = (Path(__file__).parents[2] / "docs" / "celery.md").read_text(encoding="utf-8")
NAMED = {word for span in re.findall(r"`([^`\n]+)`", PAGE) for word in re.findall(r"\w+", span)}
INNER = {
    # how Celery makes a task and runs it, and what only the class of a task may define
    *("add_around", "annotate", "bind", "from_config", "on_bound", "on_replace", "start_strategy", "shadow_name"),
    *("pop_request", "push_request", "request_stack", "signature_from_request", "subtask_from_request"),
    *("after_return", "before_start", "on_failure", "on_retry", "on_success"),
    # how it makes, stores and reads its own objects
    *("append_to_list_option", "election", "extend_list_option", "flatten_links", "from_dict", "register_type"),
    *("reprcall", "as_dict"),
    # deprecated names, and what is handed over where the task is known
    *("task_sent", "publisher", "result_cls", "route_name", "router", "task_type", "replaced_task_nesting"),
}
"""Public names that no application calls for an alert."""


def methods(kind: type, *but: type) -> set[str]:
    """The methods of a class that have public names."""
    names = {name for name in dir(kind) if not name.startswith("_") and not any(hasattr(each, name) for each in but)}
    return {name for name in names if callable(getattr(kind, name)) and not inspect.isclass(getattr(kind, name))}


def options(act: Any) -> set[str]:
    return {name for name in inspect.signature(act).parameters if name not in ("self", "options", "name", "kwargs")}


@pytest.mark.parametrize(
    "names",
    [
        methods(Task), methods(Signature, dict), methods(AsyncResult), methods(GroupResult), methods(Control),
        {name for name in dir(signals) if re.match(r"task_|(before|after)_task_", name)},
        options(Task.apply_async) | options(Celery.send_task),
    ],
    ids=["Task", "Signature", "AsyncResult", "GroupResult", "Control", "signals", "options"],
)  # fmt: skip
def test_each_public_name_is_on_the_page(names: set[str]) -> None:
    assert len(names) > 10
    assert names - INNER - NAMED == set()
