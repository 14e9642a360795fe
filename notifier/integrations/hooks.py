"""All hooks of a program at once."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery
    from flask import Flask
    from starlette.applications import Starlette


def init(
    *,
    level: int | str = logging.ERROR,
    celery_app: "Celery | None" = None,
    flask_app: "Flask | None" = None,
    starlette_app: "Starlette | None" = None,
) -> list[str]:
    """Raise alerts of what a program logs, of exceptions that nobody catches, and of what fails in its frameworks.

    To call it again adds none twice. (Django has ``INSTALLED_APPS`` for it.)

    Args:
        level: what is logged from this level on is an alert; only if the logger takes it, too.
        celery_app: the program's own; alerts of its failed tasks, in type ``error``.
        flask_app: the same of its requests.
        starlette_app: the same; FastAPI is one. Before it answers its first request.

    Returns:
        What is on now: of logging, excepthooks, asyncio, celery, flask, starlette.

    Raises:
        ValueError: there is no such level.
    """
    return [
        *_of_python(level),
        *(_of_celery(celery_app) if celery_app is not None else ()),
        *(_of_flask(flask_app) if flask_app is not None else ()),
        *(_of_starlette(starlette_app) if starlette_app is not None else ()),
    ]


def _of_python(level: int | str) -> list[str]:
    import asyncio

    from notifier.integrations.excepthooks import install
    from notifier.integrations.log_handler import DiscordHandler

    handler = next((each for each in logging.root.handlers if isinstance(each, DiscordHandler)), None)
    if handler is None:
        handler = DiscordHandler(level)
        logging.root.addHandler(handler)
        logging.root.addHandler(_StandardError(logging.WARNING))
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    install(handler, loop=loop)
    return ["logging", "excepthooks", *(["asyncio"] if loop else [])]


class _StandardError(logging.Handler):
    """Prints what logging prints for a program without handlers: one of ours at the root is none that shows a text."""

    def emit(self, record: logging.LogRecord) -> None:
        """Leave the record to logging's last resort, if no handler but ours gets it."""
        if logging.lastResort and record.levelno >= logging.lastResort.level and not _is_shown(record.name):
            logging.lastResort.handle(record)


def _is_shown(name: str) -> bool:
    from notifier.integrations.log_handler import DiscordHandler

    logger: logging.Logger | None = logging.getLogger(name)
    while logger:
        if any(not isinstance(each, (DiscordHandler, _StandardError)) for each in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def _of_celery(app: "Celery") -> list[str]:
    from notifier.integrations.celery import alert_on_failure

    if not any(each is app for each in _celery_apps):
        alert_on_failure(app)
        _celery_apps.append(app)
    return ["celery"]


def _of_flask(app: "Flask") -> list[str]:
    if "notifier" not in app.extensions:
        from notifier.integrations.flask import Notifier

        Notifier(app)
    return ["flask"]


def _of_starlette(app: "Starlette") -> list[str]:
    from notifier.integrations.starlette import NotifierMiddleware

    classes: list[object] = [each.cls for each in app.user_middleware]
    if NotifierMiddleware not in classes:
        app.add_middleware(NotifierMiddleware)
    return ["starlette"]


_celery_apps: "list[Celery]" = []
