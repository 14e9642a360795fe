"""Keeps webhook tokens out of texts and logs."""

import logging
import re

LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry")
"""The loggers of urllib3 that log a request's path."""

_SECRET_PATH = re.compile(r"(/webhooks/\d+/)[^/?\s\"']+")


def redact(text: str) -> str:
    """The text with the token of every webhook path in it replaced."""
    return _SECRET_PATH.sub(r"\1***", text) if "/webhooks/" in text else text


class _Redaction(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


def install_log_redaction() -> None:
    """Install the redaction in urllib3's loggers. Repeating it changes nothing."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, _Redaction) for each in logger.filters):
            logger.addFilter(_Redaction())
