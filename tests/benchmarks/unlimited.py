"""Our Celery application in a worker that knows none of Discord's limits: ``celery -A tests.benchmarks.unlimited``.

For what cannot be measured at 30 requests a minute. ``DISCORD_RATE_LIMIT`` is set as well.
"""

from notifier.gate import gate

MANY = 1_000_000
gate.BUCKET_LIMIT = gate.CHANNEL_LIMIT = gate.GLOBAL_LIMIT = MANY

from tasks import app as app  # noqa: E402 - which may read them at once
