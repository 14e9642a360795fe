"""The sandbox's own API under /sandbox: what arrived, which faults are scripted, which limits hold."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from notifier.sandbox.control_input import (
    ControlInputError,
    limits_object,
    read_ban,
    read_fault,
    read_limits,
    read_thread,
    read_webhook,
)
from notifier.sandbox.exchange import Exchange
from notifier.sandbox.store import ready_made

HEARTBEAT_SECONDS = 15.0
SHOWN_AS = {"image/png", "image/jpeg", "image/gif", "image/webp"}
"""Types a browser may draw; everything else is text or a download, so that no upload is served as a page."""


class Control(RequestHandler):
    """Shared by all handlers."""

    def initialize(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        """No page from elsewhere may control the sandbox through a browser that can reach it."""
        origin = self.request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.request.host:
            raise HTTPError(403, reason="another origin")

    def compute_etag(self) -> str | None:
        return None

    def body(self) -> Any:
        """The JSON of the request; none is an empty object."""
        try:
            return json.loads(self.request.body or b"{}")
        except ValueError:
            raise ControlInputError("body", "is not JSON") from None

    def answer(self, value: Any, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(value, ensure_ascii=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        if isinstance(error, ControlInputError):
            return self.answer({"error": str(error), "field": error.field}, 400)
        return self.answer({"error": self._reason}, status_code)

    def log_exception(self, *args: Any) -> None:
        if not isinstance(args[1], ControlInputError):
            super().log_exception(*args)


class Health(Control):
    """GET /sandbox/health"""

    def get(self) -> None:
        self.answer({"ok": True})


class Webhooks(Control):
    """GET /sandbox/webhooks: without tokens; PUT and DELETE /sandbox/webhooks/{id}"""

    def get(self, webhook_id: str | None = None) -> None:
        webhooks = self.exchange.store.webhooks
        if webhook_id is not None and webhook_id not in webhooks:
            return self.answer({"error": "no such webhook"}, 404)
        shown = [
            {**each.as_object(secret=False), "channel_type": each.channel_type}
            for each in webhooks.values()
            if webhook_id in (None, each.id)
        ]
        return self.answer(shown if webhook_id is None else shown[0])

    def put(self, webhook_id: str | None = None) -> None:
        webhook = read_webhook(webhook_id or "", self.body())
        self.exchange.store.put_webhook(webhook)
        self.exchange.journal.revived(webhook.id)
        self.answer(webhook.as_object(secret=False))

    def delete(self, webhook_id: str | None = None) -> None:
        known = self.exchange.store.delete_webhook(webhook_id or "")
        self.answer({"deleted": known}, 200 if known else 404)


class Threads(Control):
    """GET /sandbox/threads; PUT /sandbox/threads/{id}"""

    def get(self) -> None:
        self.answer([thread.as_object() for thread in self.exchange.store.threads.values()])

    def put(self, thread_id: str) -> None:
        thread = read_thread(thread_id, self.body())
        self.exchange.store.put_thread(thread)
        self.answer(thread.as_object())


class Messages(Control):
    """GET /sandbox/messages?webhook_id=&channel_id=; DELETE clears"""

    def get(self) -> None:
        webhook_id, channel_id = self.get_query_argument("webhook_id", ""), self.get_query_argument("channel_id", "")
        self.answer(
            [
                message.as_object()
                for message in self.exchange.store.messages.values()
                if webhook_id in ("", message.webhook_id)
                and channel_id in ("", message.parent_id, message.shown["channel_id"])
            ]
        )

    def delete(self) -> None:
        self.exchange.store.clear()
        self.answer({"ok": True})


class Attachments(Control):
    """GET /sandbox/attachments/{message_id}/{n}"""

    def get(self, message_id: str, number: str) -> None:
        message = self.exchange.store.messages.get(message_id)
        files = message.files if message else []
        file = files[int(number)] if int(number) < len(files) else None
        if file is None or file.data is None:
            return self.answer({"error": "no such file"}, 404)
        kind = (file.content_type or "").partition(";")[0].strip().lower()
        text = kind.startswith("text/") or kind == "application/json" or file.filename.endswith((".txt", ".log", ".md"))
        shown = kind if kind in SHOWN_AS else "text/plain; charset=utf-8" if text else "application/octet-stream"
        self.set_header("Content-Type", shown)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; sandbox")
        self.finish(file.data)
        return None


class Requests(Control):
    """GET /sandbox/requests"""

    def get(self) -> None:
        self.answer(list(self.exchange.journal.requests))


class Stats(Control):
    """GET /sandbox/stats"""

    def get(self) -> None:
        self.answer(self.exchange.stats())


class Faults(Control):
    """POST, GET and DELETE /sandbox/faults; DELETE /sandbox/faults/{id}"""

    def get(self, fault_id: str | None = None) -> None:
        faults = [fault.as_object() for fault in self.exchange.faults if fault_id in (None, fault.id)]
        self.answer(faults)

    def post(self, fault_id: str | None = None) -> None:
        fault = self.exchange.faults.add(**read_fault(self.body()))
        self.exchange.events.tell("faults", None)
        self.answer(fault.as_object(), 201)

    def delete(self, fault_id: str | None = None) -> None:
        if fault_id is None:
            self.exchange.faults.clear()
            found = True
        else:
            found = self.exchange.faults.remove(fault_id)
        self.exchange.events.tell("faults", None)
        self.answer({"deleted": found}, 200 if found else 404)


class Ban(Control):
    """POST /sandbox/ban starts an edge ban, DELETE ends it"""

    def post(self) -> None:
        seconds, form = read_ban(self.body())
        self.exchange.edge.ban(seconds, form, self.exchange.clock())
        self.exchange.events.tell("faults", None)
        self.answer({"seconds": seconds, "form": form})

    def delete(self) -> None:
        self.exchange.edge.lift()
        self.exchange.events.tell("faults", None)
        self.answer({"ok": True})


class LimitsInForce(Control):
    """GET and PUT /sandbox/limits"""

    def get(self) -> None:
        self.answer(limits_object(self.exchange.limits.settings))

    def put(self) -> None:
        settings = read_limits(self.body(), self.exchange.limits.settings)
        self.exchange.limits.change(settings)
        self.answer(limits_object(settings))


class Reset(Control):
    """POST /sandbox/reset"""

    def post(self) -> None:
        self.exchange.reset()
        self.answer({"ok": True, "webhooks": len(ready_made())})


class Live(Control):
    """GET /sandbox/events: server-sent events"""

    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        queue = self.exchange.events.subscribe()
        text: str | None = "retry: 1000\n\n"
        try:
            while text is not None:
                self.write(text)
                await self.flush()
                try:
                    text = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    text = ": still here\n\n"
        except StreamClosedError:
            return
        finally:
            self.exchange.events.unsubscribe(queue)

    def on_connection_close(self) -> None:
        """The next heartbeat or event notices."""


ROUTES: list[tuple[str, type[Control]]] = [
    (r"/sandbox/health", Health),
    (r"/sandbox/webhooks", Webhooks),
    (r"/sandbox/webhooks/([^/]+)", Webhooks),
    (r"/sandbox/threads", Threads),
    (r"/sandbox/threads/([^/]+)", Threads),
    (r"/sandbox/messages", Messages),
    (r"/sandbox/attachments/(\d{1,19})/(\d{1,3})", Attachments),
    (r"/sandbox/requests", Requests),
    (r"/sandbox/stats", Stats),
    (r"/sandbox/faults", Faults),
    (r"/sandbox/faults/(\d+)", Faults),
    (r"/sandbox/ban", Ban),
    (r"/sandbox/limits", LimitsInForce),
    (r"/sandbox/reset", Reset),
    (r"/sandbox/events", Live),
]
