"""What a bare Celery task does for an alert: one task, one request. The other side of a comparison."""

import os

import requests
from celery import Celery

REDIS_URL = os.environ.get("REDIS_URL", "")
app = Celery("bare", broker=REDIS_URL, backend=REDIS_URL)
app.conf.worker_pool = "threads"
app.conf.task_default_queue = "bare"
app.conf.worker_send_task_events = True  # as ours: without them Flower shows nothing
session = requests.Session()


@app.task(name="bare.post")
def post(url: str, title: str, message: str = "") -> int:
    """Post one embed."""
    embed = {"title": title, "description": message}
    return session.post(url, json={"embeds": [embed]}, timeout=10).status_code
