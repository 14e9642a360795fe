"""Who does something by a command, and why: it is kept beside what is done."""

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from notifier.operations.audit import Author


def author_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--by`` and ``--why``."""
    command = click.option("--why", default="", help="Why; it is kept, as is who did it.")(command)
    return click.option("--by", help="Who does it (default: the name of the user).")(command)


def author_of(given: dict[str, Any]) -> "Author":
    """Take both out of a command's options."""
    from notifier.operations.audit import Author
    from notifier.settings import settings

    return Author.of(given.pop("by") or user_name(), given.pop("why"), settings())


def note(author: "Author", action: str, target: str) -> None:
    """Keep what is done."""
    from notifier.pipeline import client_pipeline

    client_pipeline().audit.note(author, action, target)


def user_name() -> str:
    """The name of the user who runs this command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "somebody"
