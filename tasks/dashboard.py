"""Flower on this application. Only a worker of ours and Flower import this."""

import sys

from notifier.errors import ConfigurationError


def _set_up() -> None:
    from notifier.dashboard.listening import end_if_taken
    from notifier.dashboard.names import restrict
    from notifier.dashboard.options import fill
    from notifier.dashboard.reasons import Reasons
    from notifier.dashboard.scraping import restrict_metrics
    from notifier.operations.waiting import waiting_alerts
    from notifier.storage.connection import connect

    from .celery import pipeline

    settings, options = pipeline.settings, sys.modules["flower.options"].options
    try:
        fill(options, settings)
    except ConfigurationError as error:
        raise SystemExit(str(error)) from None
    restrict(sys.modules["flower.app"].Flower, settings.flower_hosts)
    end_if_taken(sys.modules["flower.app"].Flower)
    restrict_metrics(sys.modules["flower.views.monitor"].Metrics, settings)
    if options.format_task is None:
        client = connect(settings.redis_url.get_secret_value(), LOOK_SECONDS)
        reasons = Reasons(lambda kinds: waiting_alerts(client, pipeline.keys, kinds, shown_max=SHOWN_MAX))
        options.format_task = lambda task: reasons.show(task)


LOOK_SECONDS = 1.0
"""Ours: no page waits longer for Redis."""
SHOWN_MAX = 1_000
"""Ours: alerts of a type of which Flower knows what they wait for now."""

if "flower.app" in sys.modules:  # imported by Flower, for the tasks of this application
    _set_up()
