"""What a worker logs and opens at its start. Only a worker of ours imports this."""

import logging
from logging.handlers import RotatingFileHandler
from typing import Any

from celery.signals import after_setup_logger, celeryd_after_setup, worker_init, worker_ready

from notifier.errors import BrokerUnavailable, ConfigurationError
from notifier.settings import settings

from .celery import pipeline

logger = logging.getLogger(__name__)

LOG_FILE_MAX_BYTES = 10_000_000
LOG_FILES_KEPT = 3
_redis_warnings: list[str] = []


@after_setup_logger.connect
def open_log_file(logger: logging.Logger, format: str, **_: Any) -> None:
    """Write the worker's log to a file as well; if it cannot be opened, that is logged and the worker runs."""
    path = settings().log_file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=LOG_FILE_MAX_BYTES, backupCount=LOG_FILES_KEPT, encoding="utf-8")
    except OSError as error:
        logger.warning("%s: no log file (%s)", path, type(error).__name__)
        return
    handler.setFormatter(logging.Formatter(format))
    logger.addHandler(handler)


@worker_init.connect
def refuse_wrong_webhooks(**_: Any) -> None:
    """End with one line if a webhook's variable is wrong: what this worker takes, it could not post."""
    try:
        settings().refuse_wrong_webhooks()
    except ConfigurationError as error:
        raise SystemExit(f"{error} [{error.reason}]") from None  # an Exception, Celery would log, and go on


@celeryd_after_setup.connect  # its queues are known by then
def refuse_unfit_redis(instance: Any, **_: Any) -> None:
    """End with one line if alerts would be lost there. One that does not answer is waited for, and looked at later."""
    try:
        found = pipeline.inspect_redis(list(instance.app.amqp.queues.consume_from))
    except BrokerUnavailable:
        return
    if found.problems:
        raise SystemExit(f"REDIS_URL: {'; '.join(found.problems)}")
    _redis_warnings.extend(found.warnings)


@worker_init.connect
def build_delivery_worker(sender: Any, **_: Any) -> None:
    """Build what delivers before the pool starts: its threads must share one, and a caller needs none."""
    pipeline.hostname = sender.hostname
    pipeline.delivery_worker  # noqa: B018


@worker_ready.connect
def warn_of_redis(**_: Any) -> None:
    """Log what somebody should know of it."""
    for each in _redis_warnings:
        logger.warning("%s", each)


@worker_ready.connect  # the log is set up by then
def warn_of_missing_webhooks(**_: Any) -> None:
    """Log which alert types have no webhook here: other workers deliver them, if any can."""
    for variable in settings().missing_webhooks:
        logger.warning("%s is not set: this worker leaves alerts of this type to others", variable)
    fallback = settings().fallback
    if fallback is not None and fallback not in settings().webhooks:
        logger.warning("DISCORD_FALLBACK: %s has no webhook, so it takes no alerts of others", fallback)
