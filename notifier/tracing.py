"""Traces (OpenTelemetry), where the program that we are a part of has loaded it; else nothing is done, nor imported.

An alert carries the context of the call that raised it (W3C Trace Context), so that its delivery, in another process
and perhaps an hour later, belongs to the same trace.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from notifier.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span, SpanKind, Tracer

CONTEXT_CHARACTERS_MAX = 1_000
"""Ours: a longer context is not stored; W3C asks for 512 of ``tracestate`` at the least."""
CARRIED = ("traceparent", "tracestate")
"""What is stored of a context. Not its baggage: nobody has looked for secrets in that."""
TRACED_BATCH_MAX = 100
"""Ours: links and ids of one span; its limits in the SDK are 128."""

NOT_TRACED = nullcontext()

Answered = Callable[[int | None, str | None], None]
"""Says how a request ended: its HTTP status, and the reason word if it is no success."""


def is_on() -> bool:
    """Whether there is anybody who could trace: a program that does has imported this module."""
    return "opentelemetry.trace" in sys.modules


def carried() -> str:
    """The context that a call is made in, as it is stored with its alert; '' if there is none."""
    if not is_on():
        return ""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    found: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(found)
    text = json.dumps({name: found[name] for name in CARRIED if name in found})
    return text if found and len(text) <= CONTEXT_CHARACTERS_MAX else ""


def raising(alert_type: str, notification_id: str) -> AbstractContextManager[object]:
    """The span of a call that raises an alert."""
    if not is_on():
        return NOT_TRACED
    return _span(
        *(f"send {_queue(alert_type)}", "PRODUCER"),
        {
            "messaging.operation.type": "send",
            "messaging.destination.name": _queue(alert_type),
            "messaging.message.id": notification_id,
            "notifier.alert_type": alert_type,
        },
    )


@contextmanager
def delivering(
    alert_type: str, webhook_id: str | None, alerts: Mapping[str, str]
) -> Iterator[Callable[[str, str | None, int | None], None]]:
    """The span of one delivery. ``alerts``: what ``carried`` said, by the ids of those in the batch.

    One alert is delivered within the trace of its call; several in that of their delivery task, with a link to each.
    Gives what says how it ended: the outcome, the reason word if it is no success, the HTTP status.
    """
    if not is_on():
        yield lambda *_: None
        return
    from opentelemetry import trace

    contexts = [context for text in [*alerts.values()][:TRACED_BATCH_MAX] if (context := _context(text)) is not None]
    is_alone = len(alerts) == 1 and len(contexts) == 1
    origins = [trace.get_current_span()] if is_alone else [trace.get_current_span(each) for each in contexts]
    links = [trace.Link(each.get_span_context()) for each in origins if each.get_span_context().is_valid]
    attributes = {
        "messaging.operation.type": "process",
        "messaging.destination.name": _queue(alert_type),
        "messaging.batch.message_count": len(alerts),
        "notifier.alert_type": alert_type,
        "notifier.alert_ids": [*alerts][:TRACED_BATCH_MAX],
        **({"notifier.webhook_id": webhook_id} if webhook_id else {}),
    }
    own = _span(f"deliver {_queue(alert_type)}", "CONSUMER", attributes, contexts[0] if is_alone else None, links)
    with own as span:
        yield partial(_delivered, span)


@contextmanager
def requesting(method: str, url: str) -> Iterator[Answered]:
    """The span of one HTTP request. ``url``: without any secret; other instrumentations would write the whole one.

    Those that follow OpenTelemetry's rules (of requests, urllib3) do not see the request.
    """
    if not is_on():
        yield lambda *_: None
        return
    attributes = {"http.request.method": method, **_place_of(url)}
    with _span(method, "CLIENT", attributes) as span, _unseen_by_others():
        yield partial(_answered, span)


def _place_of(url: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:  # whether a request can be made there is for others to say
        return {}
    full = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return {"url.full": full, "server.address": parts.hostname or "", "server.port": port}


def _unseen_by_others() -> AbstractContextManager[object]:
    utils = sys.modules.get("opentelemetry.instrumentation.utils")  # each of them has imported it
    return utils.suppress_http_instrumentation() if utils else nullcontext()


@contextmanager
def _span(
    name: str,
    kind: str,
    attributes: Mapping[str, Any],
    context: "Context | None" = None,
    links: "Sequence[Link]" = (),
) -> "Iterator[Span]":
    """An error in it is told by its kind alone: its text may hold the whole URL, or what an alert says."""
    from opentelemetry import trace

    tracer: Tracer = trace.get_tracer("notifier", VERSION)
    own: SpanKind = trace.SpanKind[kind]
    with tracer.start_as_current_span(
        *(name, context, own, attributes, links), record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception as error:
            _answered(span, None, type(error).__name__)
            raise


def _context(text: str) -> "Context | None":
    """A stored context; None if there is none, or it cannot be read."""
    from opentelemetry.context import Context
    from opentelemetry.trace import get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    try:
        found = json.loads(text or "{}")
    except ValueError:
        return None
    told = {name: str(found[name]) for name in CARRIED if name in found} if isinstance(found, dict) else {}
    context = TraceContextTextMapPropagator().extract(told, Context())
    return context if get_current_span(context).get_span_context().is_valid else None


def _delivered(span: "Span", outcome: str, reason: str | None, status: int | None) -> None:
    span.set_attribute("notifier.outcome", outcome)
    if reason:
        span.set_attribute("notifier.reason", reason)
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if reason and outcome != "deferred":
        _fail(span, reason)


def _answered(span: "Span", status: int | None, reason: str | None) -> None:
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if reason:
        span.set_attribute("error.type", reason)
        _fail(span, reason)


def _fail(span: "Span", reason: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR, reason))


def _queue(alert_type: str) -> str:
    return f"notifications.{alert_type}"
