"""The Celery application: ``celery -A notifier worker``, or ``celery -A tasks worker`` in a checkout."""

from notifier.models import AlertType
from notifier.pipeline import client_pipeline

from .refusal import said_in_one_line

with said_in_one_line():
    pipeline = client_pipeline()
"""The one of this process, whichever import came first."""
app = pipeline.app
# relative to this package, which is ``tasks`` in a checkout and ``notifier.tasks`` in a wheel
parts = ("notifications", "sweeper", "startup", "control", "dashboard", "pulse")
modules = [f"{__package__}.{each}" for each in parts]
app.add_defaults(lambda: {"include": modules, "worker_consumer": f"{__package__}.consumer:Consumer"})


def served_types() -> list[AlertType]:
    """The alert types whose queues this process consumes, if it is a worker."""
    consumed = app.amqp.queues.consume_from
    return [alert_type for alert_type in AlertType if pipeline.keys.queue(alert_type) in consumed]
