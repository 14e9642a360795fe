"""What an application imports that uses Celery on Redis and pydantic without us, with Celery objects like ours."""

import celery
import kombu
import pydantic
import pydantic_settings
import redis

KINDS = ("general", "error", "critical", "tracklist", "monitoring", "security")
IMPORTED = (celery, kombu, pydantic, pydantic_settings, redis)

app = celery.Celery("bare", broker="redis://localhost:6379/0", backend="redis://localhost:6379/0", set_as_current=False)
app.conf.task_queues = [kombu.Queue(kind) for kind in KINDS]
app.conf.task_routes = {f"bare.{kind}": {"queue": kind} for kind in KINDS}


def body() -> None:
    """Never run."""


for name in (*app.conf.task_routes, "bare.wake_up"):
    app.task(name=name)(body)
