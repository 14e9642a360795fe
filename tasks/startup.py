"""What a worker logs and opens at its start. Only a worker of ours imports this."""

import logging
import os
from typing import Any

from celery.signals import (
    after_setup_logger,
    celeryd_after_setup,
    celeryd_init,
    worker_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
)
from celery.utils.text import str_to_list

from notifier.errors import BrokerUnavailable, ConfigurationError
from notifier.extras import install_hint, missing
from notifier.operations.template_check import template_problems
from notifier.settings import settings
from notifier.worker.ignored import keep_no_frames
from notifier.worker.log import EscapingFormatter, JsonFormatter, is_json
from notifier.worker.log_file import SharedLogFile
from notifier.worker.offload import SLOT_SECONDS
from notifier.worker.own_memory import give_memory_back, keep_what_is_loaded
from notifier.worker.own_wake_ups import OwnWakeUps

from .celery import pipeline, served_types
from .patience import variable_at_fault

logger = logging.getLogger(__name__)

_redis_warnings: list[str] = []
_own_wake_ups = OwnWakeUps(
    lambda act: pipeline.delivery_worker.begin(act),
    lambda request: pipeline.delivery_worker.deliver_here(request),
    lambda wake_up: pipeline.publisher.wake_up(wake_up),
    lambda alert_type: alert_type in served_types(),
)


@after_setup_logger.connect
def open_log_file(logger: logging.Logger, format: str, **_: Any) -> None:
    """Write the worker's log to a file as well; if it cannot be opened, that is logged and the worker runs."""
    path = settings().log_file
    try:
        handler = SharedLogFile(path)
    except OSError as error:
        logger.warning("%s: no log file (%s)", path, type(error).__name__)
        return
    handler.setFormatter(JsonFormatter() if is_json(None) else EscapingFormatter(format))
    logger.addHandler(handler)


@worker_init.connect
def refuse_wrong_webhooks(**_: Any) -> None:
    """End with one line if a webhook's variable is wrong: what this worker takes, it could not post."""
    try:
        settings().refuse_wrong_webhooks()
    except ConfigurationError as error:
        raise SystemExit(f"{error} [{error.reason}]") from None  # an Exception, Celery would log, and go on


def _names(given: Any) -> list[str]:
    """What Celery makes of it: a list, or a text with commas."""
    return str_to_list(given) or []


@celeryd_init.connect
def refuse_unknown_queues(options: dict[str, Any], **_: Any) -> None:
    """End with one line if ``-Q`` or ``-X`` names a queue that there is not: Celery would show a traceback."""
    given = {each for name in ("queues", "exclude_queues") for each in _names(options.get(name))}
    queues: Any = pipeline.app.amqp.queues  # an alias is a name too
    if unknown := sorted(given - {*queues, *queues.aliases}):
        there = ", ".join(sorted(queues))
        raise SystemExit(f"-Q, -X: there is no queue {', '.join(unknown)}; there are {there}")


@worker_init.connect
def refuse_missing_templates(**_: Any) -> None:
    """End with one line if a folder of templates is set that is not there, may not be read, or that nothing renders."""
    folder = settings().templates_dir
    if folder is not None and not os.path.isdir(folder):
        raise SystemExit(f"NOTIFIER_TEMPLATES_DIR: there is no folder {folder}")
    if folder is not None and not os.access(folder, os.R_OK | os.X_OK):
        raise SystemExit(f"NOTIFIER_TEMPLATES_DIR: {folder} may not be read by the user of this worker")
    if folder is not None and missing("templates"):
        raise SystemExit(install_hint("NOTIFIER_TEMPLATES_DIR", "templates"))


@celeryd_after_setup.connect  # its queues are known by then
def refuse_unfit_redis(instance: Any, **_: Any) -> None:
    """End with one line if alerts would be lost there, or waiting does not help. Else it is waited for (pulse.py)."""
    try:
        found = pipeline.inspect_redis(list(instance.app.amqp.queues.consume_from))
    except BrokerUnavailable as error:
        if error.waiting == "never":
            raise SystemExit(f"{variable_at_fault(error)}: {error}") from None
        return
    if found.problems:
        raise SystemExit(f"REDIS_URL: {'; '.join(found.problems)}")
    _redis_warnings.extend(found.warnings)


@worker_init.connect
def bound_memory(**_: Any) -> None:
    """Before threads start, and processes of a pool are forked."""
    keep_no_frames()
    give_memory_back()
    keep_what_is_loaded()


@worker_ready.connect
def keep_the_rest(**_: Any) -> None:
    """What the worker itself has loaded since."""
    keep_what_is_loaded()


@worker_init.connect
def build_delivery_worker(sender: Any, **_: Any) -> None:
    """Build what delivers before the pool starts: its threads must share one, and a caller needs none."""
    pipeline.hostname = sender.hostname
    main = os.getpid()  # a process of the pool may be replaced at any time: its wake-ups go by the broker
    pipeline.delivery_worker.goes_on = lambda each: os.getpid() == main and _own_wake_ups.take(each)


@worker_ready.connect  # the log is set up by then
def warn_of_missing_webhooks(**_: Any) -> None:
    """Log which alert types have no webhook here: other workers deliver them, if any can."""
    for variable in settings().missing_webhooks:
        logger.warning("%s is not set: this worker leaves alerts of this type to others", variable)
    fallback = settings().fallback
    if fallback is not None and fallback not in settings().webhooks:
        logger.warning("DISCORD_FALLBACK: %s has no webhook, so it takes no alerts of others", fallback)


@worker_ready.connect
def warn_of_dangerous_settings(**_: Any) -> None:
    """Log what is dangerous and not wrong, in Redis and here."""
    for each in (*_redis_warnings, *settings().warnings):
        logger.warning("%s", each)


@worker_ready.connect
def warn_of_broken_templates(**_: Any) -> None:
    """Log what is wrong with templates: only alerts that use them become dead letters."""
    for each in template_problems(settings()).values():
        logger.warning("%s. Alerts that are sent by the name of a task with this template become dead letters", each)


@worker_ready.connect
def warn_of_low_concurrency(sender: Any, **_: Any) -> None:
    """Log if slow webhooks could hold up other types for a moment: a slot waits that long for each of them."""
    worker = sender.controller  # the sender is its consumer
    types, slots = len(served_types()), worker.max_concurrency or worker.pool.limit
    if slots <= types:
        logger.warning(
            "a pool of %d for %d alert types: while webhooks hang, alerts of other types may wait %g s for each."
            " Set --concurrency to %d or more",
            *(slots, types, SLOT_SECONDS, types + 1),
        )


@worker_ready.connect
def warn_of_recycled_processes(sender: Any, **_: Any) -> None:
    """Log if a process of the pool may end while it has slow requests: it waits for them, and its slot with it."""
    worker = sender.controller
    if "prefork" in type(worker.pool).__module__ and (worker.max_tasks_per_child or worker.max_memory_per_child):
        logger.warning(
            "--max-tasks-per-child or --max-memory-per-child: a process that is replaced waits for its requests, so"
            " webhooks that hang may hold the slots of all types for as long. Leave both out, or use --pool threads"
        )


@worker_shutdown.connect
def await_slow_requests(**_: Any) -> None:
    """Wait, in a warm shutdown, for the requests that hold no slot of the pool any more; then leave the fleet."""
    _own_wake_ups.drain()
    pipeline.delivery_worker.drain()
    pipeline.heartbeat.leave()


@worker_process_shutdown.connect
def await_slow_requests_of_child(exitcode: int, **_: Any) -> None:
    """The same in a process of the pool, unless a signal ends it."""
    if exitcode >= 0:
        await_slow_requests()
