"""What would be posted of an alert, and where, by the settings of this process. Asks neither Redis nor Discord."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from notifier.models import NotificationMessage
from notifier.outbox.preparation import prepare
from notifier.outbox.quiet import SILENT, quiet_hours_of, quiet_told
from notifier.quiet_hours import Manner
from notifier.render.batch import Payload, compose
from notifier.render.ornaments import refused_by_form
from notifier.render.sizes import Size, sizes
from notifier.render.split import parts_of
from notifier.routing import ROUTES, Route
from notifier.settings import Settings

MASKED = "masked: "
"""How the entry of ``adjusted`` begins that names the kinds of secrets that were masked."""


@dataclass(frozen=True, slots=True)
class PreviewPart:
    """One request: its payload, and how much it takes of each of Discord's limits."""

    payload: Payload
    sizes: list[Size]


@dataclass(frozen=True, slots=True)
class Preview:
    """An alert as it would be stored and posted, were it sent alone into a channel that is no forum.

    ``mentions``: whom it pings, those of its type included. ``masked``: kinds of secrets. ``adjusted``: what else was
    changed of what was given. ``left_out``: ornaments that Discord is known to refuse. ``webhook_id``: None if no
    webhook is configured for its type. ``thread_id``: where it goes, by the message or by the webhook's URL.
    ``quiet``: until when its type has quiet hours, in words; empty if it has none now.
    """

    message: NotificationMessage
    route: Route
    webhook_id: str | None
    thread_id: str | None
    mentions: list[str]
    masked: list[str]
    adjusted: list[str]
    left_out: list[str]
    parts: list[PreviewPart]
    quiet: str


def preview(message: NotificationMessage, settings: Settings, at: datetime, left_out: Collection[str] = ()) -> Preview:
    """Check, prepare and compose an alert as a delivery would at this moment, and post nothing.

    ``left_out``: ornaments that it goes without, beside those that Discord is known to refuse.
    """
    message = prepare(message, settings)
    webhook = settings.webhooks.get(message.alert_type)
    quiet = quiet_hours_of(message, settings)
    silent = quiet.manner is Manner.SILENT and quiet.holds(at)  # what is held is heard when it goes
    of_type = () if silent else settings.mentions_by_type.get(message.alert_type, ())
    first, *others = parts_of(message)
    mentions = tuple(dict.fromkeys((*first.mentions, *of_type)))
    parts = [first.model_copy(update={"mentions": mentions}), *others]
    parts = [each.model_copy(update=SILENT) for each in parts] if silent else parts
    masked = [each for each in message.adjusted if each.startswith(MASKED)]
    return Preview(
        message=message,
        route=ROUTES[message.alert_type],
        webhook_id=webhook.id if webhook else None,
        thread_id=message.thread_id or (webhook.thread_id if webhook and not message.thread_name else None),
        mentions=list(mentions),
        masked=[kind for each in masked for kind in each.removeprefix(MASKED).split(", ")],
        adjusted=[each for each in message.adjusted if each not in masked],
        left_out=sorted({*refused_by_form(message), *left_out}),
        parts=[
            PreviewPart(payload, sizes(payload))
            for payload in (compose([part], left_out=[{*refused_by_form(part), *left_out}]) for part in parts)
        ],
        quiet=quiet_told(quiet, at),
    )


def preview_as_json(found: Preview) -> dict[str, Any]:
    """The same for programs: of files their names and sizes."""
    parts = [
        {
            "payload": part.payload.body,
            "files": [
                {"name": each.name, "content_type": each.content_type, "bytes": len(each.content)}
                for each in part.payload.files
            ],
            "sizes": [asdict(each) for each in part.sizes],
        }
        for part in found.parts
    ]
    route = found.route
    return {
        "id": found.message.id,
        "alert_type": route.alert_type.value,
        "task": route.task,
        "queue": route.queue,
        "webhook": {"variable": route.webhook_variables[0], "id": found.webhook_id},
        "thread_id": found.thread_id,
        "mentions": found.mentions,
        "masked": found.masked,
        "adjusted": found.adjusted,
        "left_out": found.left_out,
        "quiet_hours": found.quiet,
        "parts": parts,
    }
