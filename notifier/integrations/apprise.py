"""Apprise: ``notifier://TYPE`` hands what it is given to us as an alert of that type.

Importing this adds the schema to Apprise, and so does the path of this file as a plugin path.
"""

from collections.abc import Iterable
from typing import Any

from apprise import NotifyFormat
from apprise.conversion import convert_between
from apprise.decorators import notify
from apprise.logger import logger

SCHEMA = "notifier"


@notify(on=SCHEMA, name="Notifier")
def send(
    body: str,
    title: str,
    notify_type: str,
    *_: Any,
    meta: dict[str, Any] | None = None,
    attach: Iterable[Any] | None = None,
    body_format: Any = None,
    **__: Any,
) -> bool:
    """Raise an alert. True once it is safe in its outbox; what is wrong is in Apprise's log.

    Args:
        body: its text: Markdown if it is said to be, else plain; HTML becomes plain text.
        title: its title; without one, the first line of the text.
        notify_type: info, success, warning or failure: its severity.
        meta: of the URL: the host is the alert type (none: general), ``?source=`` the source.
        attach: its files.
    """
    from notifier import send_notification

    of_url = meta or {}
    if body_format == NotifyFormat.HTML:
        body = convert_between(NotifyFormat.HTML, NotifyFormat.TEXT, body)
    try:
        send_notification.delay(
            alert_type=of_url.get("host") or "general",
            title=title or None,
            message=body,
            severity=notify_type,
            markdown=body_format == NotifyFormat.MARKDOWN,
            source=(of_url.get("qsd") or {}).get("source") or None,
            files=[_file(each) for each in attach or ()],
        )
    except Exception as error:
        logger.warning("%s://: no alert was raised: %s", SCHEMA, error)
        return False
    return True


def _file(attachment: Any) -> dict[str, Any]:
    """As far as an alert takes it. Raises OSError: it is not there, or could not be fetched."""
    from notifier.attached import BYTES_MAX

    if not attachment:  # fetches it, if it is elsewhere
        raise OSError(f"cannot read {attachment.name or 'an attachment'}")
    with open(attachment.path, "rb") as file:
        content = file.read(BYTES_MAX + 1)
    return {"name": attachment.name, "content": content, "content_type": attachment.mimetype}
