"""The worker's Celery application: ``celery -A tasks worker``."""

from notifier.broker import create_app
from notifier.pipeline import Pipeline
from notifier.settings import settings

app = create_app("tasks", include=("tasks.notifications", "tasks.maintenance", "tasks.startup"))
pipeline = Pipeline(app, settings())
