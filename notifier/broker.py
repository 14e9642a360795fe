"""The Celery application, as ``celeryconfig`` describes it: the worker's, and a client's that only sends and reads."""

from functools import lru_cache

from celery import Celery


def create_app(name: str, *, include: tuple[str, ...] = ()) -> Celery:
    """A Celery application on the settings of this process."""
    app = Celery(name, include=list(include), set_as_current=bool(include))
    app.config_from_object("celeryconfig")
    return app


@lru_cache(maxsize=1)
def client_app() -> Celery:
    """The application of a process that sends alerts and reads results, but runs no tasks."""
    return create_app("notifier")
