"""The worker's Celery application: ``celery -A tasks worker``."""

from notifier.pipeline import Pipeline
from notifier.settings import settings
from notifier.storage.broker import create_app

app = create_app("tasks", include=("tasks.notifications", "tasks.sweeper", "tasks.startup"))
pipeline = Pipeline(app, settings())
