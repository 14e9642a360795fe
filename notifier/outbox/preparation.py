"""What is done to a message once, whichever way it comes in, before it is stored, spooled, logged or posted."""

from typing import Any, Literal

from notifier.models import NotificationMessage
from notifier.outbox.message_secrets import masked_message, masked_value
from notifier.settings import Settings

NO_KEY = "dedup_key: left out: what it is made of is empty"
NO_PARTS = "long_text: attached, for the parts of a split one are embeds"


def prepare(message: NotificationMessage, settings: Settings) -> NotificationMessage:
    """The message as it is stored. Preparing it again changes nothing."""
    message = masked_message(message, settings.secret_patterns) if settings.mask_secrets else message
    if message.markdown is None and not settings.markdown:
        message = message.model_copy(update={"markdown": False})
    if message.dedup_key:
        message = _of_incident(message, settings)
    if (long_text := _long_text(message, settings)) == message.long_text:
        return message
    adjusted = (*message.adjusted, *([NO_PARTS] if long_text == "attach" and message.suppress_embeds else []))
    return message.model_copy(update={"long_text": long_text, "adjusted": adjusted})


def _of_incident(message: NotificationMessage, settings: Settings) -> NotificationMessage:
    """With its key filled in, and what the settings say of incidents: the application decides, not the worker."""
    from notifier.outbox.dedup_key import filled_key  # few callers need it

    kind = message.alert_type
    if not (key := filled_key(message)):  # such alerts have nothing in common
        return message.model_copy(update={"dedup_key": None, "adjusted": (*message.adjusted, NO_KEY)})
    update = {
        "dedup_key": key,
        "dedup_seconds": message.dedup_seconds or settings.dedup_seconds_by_type.get(kind, settings.dedup_seconds),
        "repeat": message.repeat or settings.repeat_by_type.get(kind, settings.repeat),
        "dedup_repost_after": message.dedup_repost_after
        if message.dedup_repost_after is not None
        else settings.dedup_repost_after_by_type.get(kind, settings.dedup_repost_after) or None,
        "incident_thread": message.incident_thread
        if message.incident_thread is not None
        else settings.incident_thread_by_type.get(kind, settings.incident_thread) or None,
        "dedup_text": message.dedup_text or settings.dedup_text_by_type.get(kind, settings.dedup_text),
    }
    if not (message.update or message.resolved):  # what an update begins is no trouble
        update |= {name: value for name, value in _reminding(message, settings).items() if value}
    return message.model_copy(update=update)


def _reminding(message: NotificationMessage, settings: Settings) -> dict[str, object]:
    kind, remind, after = message.alert_type, message.remind_seconds, message.escalate_after
    after = settings.escalate_after_by_type.get(kind, settings.escalate_after) if after is None else after
    to = message.escalate_to or settings.escalate_to_by_type.get(kind, settings.escalate_to)
    return {
        "remind_seconds": settings.remind_seconds_by_type.get(kind, settings.remind_seconds) if remind is None else 0,
        "escalate_after": after,
        "escalate_to": to if after else (),
    }


def _long_text(message: NotificationMessage, settings: Settings) -> Literal["attach", "split"] | None:
    """How a text that one message does not hold is sent; None is ``attach``, as in versions that know nothing else.

    Decided here, so that all its parts are made in one way, whatever the settings of the workers are.
    """
    if message.dedup_key:  # one message can be edited, several cannot
        return None
    wanted = message.long_text or settings.long_text_by_type.get(message.alert_type, settings.long_text)
    if wanted == "attach":
        return message.long_text
    from notifier.render.embeds import content_fits  # few callers ask for parts
    from notifier.render.split import fits_in_parts, split

    if message.suppress_embeds:
        return None if content_fits(message) else "attach"
    if not fits_in_parts(message, settings.split_max):
        return "attach"
    return "split" if split(message)[1:] else None


def prepare_given(value: Any, settings: Settings) -> Any:
    """The same for what was given and is no message: what JSON can hold."""
    return masked_value(value, settings.secret_patterns) if settings.mask_secrets else value


def prepare_stored(message: NotificationMessage, settings: Settings) -> NotificationMessage:
    """The same for one that waits: an application of an earlier version has stored it as it was.

    Always the same comes out, for all its parts: the deployment's own patterns may take too long, or not.
    """
    return masked_message(message) if settings.mask_secrets else message
