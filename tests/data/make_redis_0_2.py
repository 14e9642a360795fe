"""Writes ``redis_0_2.json``: what version 0.2 (commit 60293c9) leaves in Redis. To be run in a checkout of that commit:

    git worktree add /tmp/0.2 60293c9 && cd /tmp/0.2 && uv run python .../make_redis_0_2.py > .../redis_0_2.json

A worker of that version delivers, rejects and folds some alerts; then it is stopped and more alerts are raised.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from notifier.cli.stack import Stack


def main() -> None:
    """Run that version, and print every key as [name, type, value, life in ms]."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        stack.environment |= {"DISCORD_QUEUE_SIZE": "12", "NOTIFIER_WATCH_SECONDS": "0"}
        stack.redis()
        stack.sandbox()
        del stack.environment["DISCORD_WEBHOOK_SECURITY"]  # so that its alerts become dead letters
        os.environ.update(stack.environment)
        worker = stack.worker()

        from notifier.models import AlertType, NotificationMessage
        from notifier.outbox.claim import Batch, ClaimRequest
        from notifier.outbox.disposition import decide
        from notifier.outcome import Answer, Failed, Reason, Status
        from notifier.pipeline import client_pipeline

        pipeline = client_pipeline()

        def alert(notification_id: str, kind: AlertType = AlertType.GENERAL, **more: object) -> NotificationMessage:
            return NotificationMessage(id=notification_id, alert_type=kind, title=f"alert {notification_id}", **more)

        def claim(kind: AlertType) -> Batch:
            found = pipeline.outbox.claim(ClaimRequest(kind), pipeline.settings.webhooks[kind], "worker-that-is-gone")
            assert isinstance(found, Batch), found
            return found

        for kind in AlertType:  # each webhook is introduced, and security has a dead letter
            pipeline.client.submit(alert(f"ended-{kind}", kind, metadata={"host": "db1"}))
        while len(pipeline.history.query()) < len(AlertType):
            time.sleep(0.05)
        worker.stop()
        time.sleep(2)

        for number in range(12):
            pipeline.client.submit(alert(f"waits-{number}", fields={"Größe": "3 €"}, message="text 🔥"))
        for number in range(3):
            pipeline.client.submit(alert(f"folded-{number}"))
        pipeline.client.submit(alert("abandoned", AlertType.TRACKLIST))
        claim(AlertType.TRACKLIST)
        pipeline.client.submit(alert("backs-off", AlertType.MONITORING))
        batch, failed = claim(AlertType.MONITORING), Failed(Reason.BAD_GATEWAY, "502")
        pipeline.outbox.commit(batch, decide(failed, batch.items, 3), Answer(failed, None, 502), 3)
        pipeline.app.send_task(
            "send_notification.error", kwargs={"title": "alert by-name"}, task_id="by-name", queue="notifications.error"
        )
        pipeline.records.refuse(alert("refused", AlertType.ERROR), Status.QUEUE_FULL, "queue_full", "12 are waiting")

        redis = pipeline.redis
        readers = {
            "string": redis.get,
            "hash": redis.hgetall,
            "zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
            "list": lambda key: redis.lrange(key, 0, -1),
            "set": lambda key: sorted(redis.smembers(key)),
        }
        keys = sorted(redis.scan_iter("*"))
        rows = [[key, kind := redis.type(key), readers[kind](key), redis.pttl(key)] for key in keys]
        seconds, microseconds = redis.time()
        made = {"version": "0.2 (60293c9)", "made_at": seconds * 1_000_000 + microseconds, "keys": rows}
        json.dump(made, sys.stdout, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
