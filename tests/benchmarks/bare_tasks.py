"""What a bare Celery task does for an alert: one task, one request. The other side of a comparison."""

import os

import requests
from celery import Celery

REDIS_URL = os.environ.get("REDIS_URL", "")
app = Celery("bare", broker=REDIS_URL, backend=REDIS_URL)
app.conf.worker_pool = "threads"
app.conf.task_default_queue = "bare"
session = requests.Session()


@app.task(name="bare.post")
def post(url: str, title: str) -> int:
    """Post one embed."""
    return session.post(url, json={"embeds": [{"title": title}]}, timeout=10).status_code
