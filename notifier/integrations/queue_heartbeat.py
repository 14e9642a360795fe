"""A heartbeat through the queues of an application's own Celery: beat sends it, and workers show that they read it."""

import logging
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from celery import Celery, signals

from notifier.duration import seconds_of
from notifier.errors import InvalidMessage, NotifierError
from notifier.jobs.terms import JobTerms

logger = logging.getLogger(__name__)

HEARTBEAT_TASK = "notifier.heartbeat"
MISSED = 3
"""Ours: heartbeats that may be lost or late in a row."""
Duration = float | timedelta | str


def alert_on_silence(
    app: Celery,
    queues: str | Iterable[str],
    every: Duration = "60s",
    type: str = "critical",
    *,
    after: Duration | None = None,
) -> None:
    """Raise an alert when Celery's beat sends nothing, or no worker takes tasks from a queue, until that is over.

    Beat gets an entry for each queue: a task that is run by whoever reads the queue, and notes that it was. The sweep
    of notifier's workers looks for what was not noted. ``notifier jobs`` lists the queues.

    Args:
        app: the host's own, before its beat or worker starts.
        queues: names.
        every: how often a heartbeat is sent: seconds, or ``60s``, ``5m``.
        type: the alert type.
        after: so long without a heartbeat is silence; None: three times ``every``.

    Raises:
        InvalidMessage: no such alert type, or a duration that cannot be one.
    """
    from notifier.message_parts import AlertType  # imports pydantic

    seconds = seconds_of("every", every)
    silent = MISSED * seconds if after is None else seconds_of("after", after)
    if not 0 < seconds < silent:
        raise InvalidMessage("every, after: some heartbeats have to fit into the silence")
    terms = JobTerms(seconds, silent - seconds, AlertType.checked(type), "queue")
    names = {
        name: f"{app.main or 'celery'}: queue {name}" for name in ([queues] if isinstance(queues, str) else queues)
    }
    _add_task(app)
    if getattr(app, "finalized", False):
        _schedule(app, names, terms)
    else:
        app.on_after_finalize.connect(lambda sender, **_: _schedule(sender, names, terms), weak=False)
    _expect(app, list(names.values()), terms)


def _add_task(app: Celery) -> None:
    @app.task(name=HEARTBEAT_TASK, ignore_result=True, shared=False)
    def heartbeat(name: str, *terms: Any) -> None:
        from notifier.pipeline import client_pipeline

        run = str(uuid.uuid4())
        try:
            client_pipeline().start_job(name, run, JobTerms(*terms))
            client_pipeline().end_job(name, run, "finished")
        except NotifierError as error:
            logger.warning("%s: its heartbeat was not noted: %s", name, error)


def _schedule(app: Celery, names: dict[str, str], terms: JobTerms) -> None:
    """Let beat send a heartbeat through each queue; what nobody reads in time expires there."""
    seconds = terms.expect_seconds or 0
    for queue, name in names.items():
        beat = app.tasks[HEARTBEAT_TASK].s(name, seconds, terms.grace_seconds, terms.alert_type, terms.what)
        app.add_periodic_task(
            seconds, beat, name=f"notifier: {name}", queue=queue, expires=seconds + terms.grace_seconds
        )


def _expect(app: Celery, names: list[str], terms: JobTerms) -> None:
    """Expect the first heartbeat from the start of beat or of a worker on: the other of them may not run at all."""
    ours = getattr(app, "_get_current_object", lambda: app)()

    def expect(sender: Any = None, **_: Any) -> None:
        if getattr(sender, "app", None) is not ours:
            return
        from notifier.pipeline import client_pipeline

        try:
            for name in names:
                client_pipeline().expect_job(name, terms)
        except NotifierError as error:
            logger.warning("heartbeats are not expected yet: %s", error)

    for signal in (signals.beat_init, signals.worker_ready):
        signal.connect(expect, weak=False, dispatch_uid=f"notifier {id(ours)} {names}")
