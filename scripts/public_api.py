"""Writes ``tests/public_api.txt``, the list of what others build on: ``uv run python -m scripts.public_api``.

A line for each name that an application imports (with the names, kinds and defaults of its parameters), each command
with its options, each variable. Annotations are left out: each Python writes them in its own way.
"""

import enum
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from scripts.written import write_or_check

LIST = Path(__file__).parents[1] / "tests" / "public_api.txt"
MODULES = {
    "notifier": None,
    "services.notification_service": None,
    "notifier.testing": ["Alerts", "alerts"],
    "notifier.logging": ["DiscordHandler"],
    "notifier.integrations.celery": ["alert_on_failure", "alert_on_silence"],
    "notifier.integrations.django": ["AdminNotificationHandler", "send_on_commit"],
    "notifier.integrations.excepthooks": ["install"],
    "notifier.integrations.flask": ["Notifier"],
    "notifier.integrations.starlette": ["NotifierMiddleware"],
}
"""Modules that others import from, and their public names; None: all in ``__all__``."""
PLAIN = (str, int, float, bool, type(None), tuple)


def lines() -> list[str]:
    """The list."""
    return [*_of_modules(), *_of_tasks(), *_of_commands(), *_of_settings()]


def _of_modules() -> Iterator[str]:
    for module, names in MODULES.items():
        found = import_module(module)
        for name in sorted(names or found.__all__):
            yield from _of_value(f"{module}.{name}", getattr(found, name))


def _of_value(name: str, value: Any) -> Iterator[str]:
    if not inspect.isclass(value):
        yield f"{name}{_parameters(value)}" if inspect.isroutine(value) else name
        yield from () if inspect.isroutine(value) else _of_members(name, type(value))
    elif issubclass(value, enum.Enum):
        yield f"{name}: {' '.join(member.value for member in value)}"
    elif issubclass(value, BaseModel):
        fields = [f"{field}{_default(info.get_default())}" for field, info in value.model_fields.items()]
        yield f"{name}: {' '.join(fields)}"
        yield from _of_members(name, value)
    else:
        yield f"{name}{_parameters(value)}" + f" is a {value.__mro__[1].__name__}" * issubclass(value, BaseException)
        yield from _of_members(name, value)


def _of_members(name: str, owner: type) -> Iterator[str]:
    """Its public methods and properties that are ours."""
    for member in sorted(dir(owner)):
        value = inspect.getattr_static(owner, member)
        home = inspect.unwrap(getattr(value, "fget", None) or getattr(value, "__func__", value))
        ours = getattr(home, "__module__", None) or ""
        if member.startswith("_") or not ours.startswith(("notifier", "tasks")) or inspect.isclass(value):
            continue
        called = inspect.isroutine(home) and not isinstance(value, property)
        yield f"{name}.{member}{_parameters(home) if called else ''}"


def _parameters(value: Any) -> str:
    try:
        parameters = inspect.signature(value).parameters.values()
    except (ValueError, TypeError):
        return ""
    shown: list[str] = []
    named = by_place = False
    for each in parameters:
        if by_place and each.kind is not each.POSITIONAL_ONLY:
            shown.append("/")
        by_place = each.kind is each.POSITIONAL_ONLY
        if each.kind is each.KEYWORD_ONLY and not named:
            shown.append("*")
        named = named or each.kind in (each.KEYWORD_ONLY, each.VAR_POSITIONAL)
        stars = "*" if each.kind is each.VAR_POSITIONAL else "**" if each.kind is each.VAR_KEYWORD else ""
        shown.append(f"{stars}{each.name}{'' if each.default is each.empty else _default(each.default)}")
    return f"({', '.join(shown)})"


def _default(value: object) -> str:
    return f"={value!r}" if type(value) in PLAIN else "" if "Undefined" in repr(value) else "=…"


def _of_tasks() -> Iterator[str]:
    from notifier.routing import ROUTES

    yield from (f"task {route.task} in queue {route.queue}" for route in ROUTES.values())


def _of_commands() -> Iterator[str]:
    from notifier.cli import main

    yield from _of_command("notifier", main)


def _of_command(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    given = [each.opts[0] if isinstance(each, click.Option) else str(each.name).upper() for each in command.params]
    yield " ".join([name, *sorted(given)])
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            if below is not None and not below.hidden:
                yield from _of_command(f"{name} {each}", below)


def _of_settings() -> Iterator[str]:
    from notifier.settings import Settings

    yield from Settings.spellings()


if __name__ == "__main__":
    write_or_check(LIST, "\n".join(lines()) + "\n", "public_api")
