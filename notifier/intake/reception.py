"""What becomes of a request: its body is read, and its alerts are submitted."""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPInputError, parse_body_arguments

from notifier.errors import BrokerUnavailable, InvalidMessage, NotifierError, QueueFull
from notifier.intake.given_body import Taken
from notifier.intake.occurrences import Meeting, Occurrences, Told
from notifier.intake.seen_requests import Requests
from notifier.intake.shapes import SHAPES
from notifier.models import AlertType, NotificationMessage
from notifier.pipeline import client_pipeline

NAMESPACE = uuid.UUID("5f0c6f9e-4c55-4f0c-9a3e-2f8f6a1a7e10")
FORM, FILES = "application/x-www-form-urlencoded", "multipart/form-data"
JSON_TYPES = ("", "application/json", "text/json", "text/plain", FORM)
"""What JSON is said to be: curl and others say that it is a form."""
FORM_FIELDS = ("payload", "payload_json")
"""Where Slack and Discord look for JSON in a form."""


class UnknownMediaType(NotifierError):
    """The body is said to be something that is not read."""

    reason = "unknown_media_type"


@dataclass(frozen=True, slots=True, repr=False)
class Posted:
    """A request whose token is right.

    ``alert_type``, ``thread_id``: of its address; '' if it names none. ``key``: its ``Idempotency-Key``.
    """

    token: str
    shape: str
    headers: Mapping[str, str]
    body: bytes
    alert_type: str = ""
    thread_id: str = ""

    @property
    def key(self) -> str:
        """What makes two requests the same one."""
        return self.headers.get("Idempotency-Key", "")

    @property
    def place(self) -> str:
        """What its address says."""
        return f"{self.shape}\n{self.alert_type}\n{self.thread_id}"

    @property
    def content_type(self) -> str:
        """What the body is said to be."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Receipt:
    """All of it is safe. ``adjusted``: what was changed or left out, in words."""

    ids: list[str]
    adjusted: list[str]


class Reception:
    """Takes requests, from several threads."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._occurrences = Occurrences(clock)
        self._requests = Requests(clock)

    def take(self, posted: Posted) -> Receipt:
        """Admit all alerts of a body; none of them if one is wrong.

        Raises:
            UnknownMediaType: it is no JSON, and no form.
            InvalidMessage: the text names the field.
            KeyReused: its key was another request's.
            QueueFull, BrokerUnavailable: as ``send_notification.delay``. What was admitted before stays so.
        """
        request = self._requests.begin(posted.token, posted.key, posted.place, posted.body)
        every = SHAPES[posted.shape](read(posted))
        found = [self._alert(posted, taken, f"{request.seed}\n{number}") for number, taken in enumerate(every)]
        alerts = [each for each in found if each is not None]
        try:
            for message, incident, told in alerts:
                if message is not None:
                    submit(message)
                if incident:
                    self._occurrences.note(incident, told)
        except (QueueFull, BrokerUnavailable):
            self._requests.note_refused(request)
            raise
        self._requests.note_taken(request)
        notes = [note for message, *_ in alerts if message is not None for note in message.adjusted]
        return Receipt([told.id for *_, told in alerts], list(dict.fromkeys(notes)))

    def _alert(self, posted: Posted, taken: Taken, seed: str) -> tuple[NotificationMessage | None, str, Told] | None:
        """The alert, None if it is told already; its incident, '' if it has none; and what is told of that.

        None: there is nothing to tell. ``seed``: of its id, if nothing else tells it from others.
        """
        fields = dict(taken.fields)
        if not fields.get("alert_type") and (kind := posted.alert_type or usable(taken.usual_type)):
            fields["alert_type"] = kind
        if posted.thread_id:
            fields.setdefault("thread_id", posted.thread_id)
        own_id = _id(seed) if posted.key or not fields.get("id") else fields["id"]
        if taken.occurrence is None:
            message = NotificationMessage(**{**fields, "id": own_id})
            return message, "", Told(message.id, "", "", False)
        incident = f"{fields.get('alert_type', AlertType.GENERAL)}\n{fields['dedup_key']}"
        if taken.if_open and not self._occurrences.is_open(incident):
            return None
        said = hashlib.sha256(json.dumps(fields, default=str, sort_keys=True).encode()).hexdigest()
        once = f"{'resolved ' if fields.get('resolved') else ''}{taken.occurrence}"
        known_id = own_id if posted.key else _id(incident, once)
        now = Told(known_id, once, said, bool(fields.get("resolved")))
        meeting, last = self._occurrences.meet(incident, now)
        if meeting is Meeting.SAME and last:
            return None, "", last
        if meeting is not Meeting.NEW:
            now = replace(now, id=own_id)  # that one is known, and would not be taken
        update = bool(fields.get("update")) or meeting is Meeting.CHANGED
        return NotificationMessage(**{**fields, "id": now.id, "update": update}), incident, now


def submit(message: NotificationMessage) -> None:
    """Admit it. Raises: as ``send_notification.delay``."""
    client_pipeline().client.submit(message)


def usable(kind: str | None) -> str | None:
    """The usual type of an alert, or none (that is ``general``) if this process knows webhooks, and not one for it."""
    webhooks = client_pipeline().settings.webhooks
    return kind if kind in webhooks or not webhooks else None


def read(posted: Posted) -> Any:
    """What the body holds: JSON, or a form that does.

    Raises:
        UnknownMediaType, InvalidMessage: it does not.
    """
    if encoding := posted.headers.get("Content-Encoding", ""):
        raise UnknownMediaType(f"Content-Encoding: {encoding[:50]} is not taken; send it uncompressed")
    kind = posted.content_type
    if kind == FILES and posted.shape == "discord":
        return _form(posted)
    if kind not in JSON_TYPES and not kind.endswith("+json"):
        raise UnknownMediaType(f"Content-Type: expected application/json, not {kind[:100]}")
    if kind == FORM and posted.body.lstrip()[:1] not in (b"{", b"["):
        return _form(posted)
    return _json(posted.body)


def _form(posted: Posted) -> Any:
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[Any]] = {}
    try:
        parse_body_arguments(posted.headers["Content-Type"], posted.body, arguments, files, HTTPHeaders())
    except (HTTPInputError, ValueError) as error:
        raise InvalidMessage(f"body: not a form ({error})") from None
    for name in FORM_FIELDS:
        if name in arguments:
            found = _json(arguments[name][-1])
            break
    else:
        if posted.shape != "discord":
            raise InvalidMessage("body: expected JSON, or a form whose payload is JSON")
        found = {name: values[-1].decode(errors="replace") for name, values in arguments.items()}
    sent = [file for each in files.values() for file in each]
    if sent and isinstance(found, dict):
        found["files"] = [
            {"name": each["filename"], "content": each["body"], "content_type": each["content_type"]} for each in sent
        ]
    return found


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_no_number)
    except RecursionError:
        raise InvalidMessage("body: nested too deep") from None
    except ValueError as error:
        raise InvalidMessage(f"body: expected JSON ({error if len(str(error)) < 200 else 'not valid'})") from None


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is none of its numbers")


def _id(*parts: object) -> str:
    return str(uuid.uuid5(NAMESPACE, "\n".join(map(str, parts))))
