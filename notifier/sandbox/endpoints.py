"""What each endpoint does once a call is let through."""

from notifier.sandbox import answer as answers
from notifier.sandbox.answer import Answer, RefusalError, json_answer, text_answer
from notifier.sandbox.body import Body, read_body
from notifier.sandbox.call import Call, Endpoint, Route
from notifier.sandbox.form import Form, FormErrors
from notifier.sandbox.message import edited, new_message
from notifier.sandbox.rules import Draft, check_not_empty, read_message, read_webhook
from notifier.sandbox.services import from_github, from_slack
from notifier.sandbox.store import Message, Store, Thread, Webhook

NOTHING = Answer(204)


class Endpoints:
    """The endpoints of a webhook's URL."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def perform(self, call: Call, route: Route, webhook: Webhook, now: float, *, keep: bool) -> Answer:
        """Do it, or raise ``RefusalError``."""
        match route.endpoint, call.method:
            case Endpoint.WEBHOOK, "POST":
                return self._execute(call, webhook, now, keep)
            case Endpoint.WEBHOOK, "GET":
                return json_answer(200, webhook.as_object(secret=True))
            case Endpoint.WEBHOOK, "PATCH":
                return self._change_webhook(call, webhook)
            case Endpoint.WEBHOOK, "DELETE":
                self.store.delete_webhook(webhook.id)
                return NOTHING
            case Endpoint.MESSAGE, "GET":
                return json_answer(200, self._message(call, route, webhook).shown)
            case Endpoint.MESSAGE, "PATCH":
                return self._edit(call, self._message(call, route, webhook), now)
            case Endpoint.MESSAGE, "DELETE":
                self.store.delete(self._message(call, route, webhook))
                return NOTHING
            case ((Endpoint.SLACK | Endpoint.GITHUB), "POST"):
                return self._service(call, route, webhook, now, keep)
            case _:
                return text_answer(200, "")

    def _execute(self, call: Call, webhook: Webhook, now: float, keep: bool) -> Answer:
        wait, with_components = _query(call)
        body = _body(call)
        draft = read_message(body.payload, files=len(body.files), with_components=with_components)
        # files make it wait whatever was asked (staff in discord-api-docs #5099)
        waits = wait or bool(body.files)
        message = self._store(call, webhook, draft, body, now, keep, waits)
        return json_answer(200, message.shown) if message and waits else NOTHING

    def _service(self, call: Call, route: Route, webhook: Webhook, now: float, keep: bool) -> Answer:
        if webhook.channel_type == "forum":
            raise RefusalError(answers.FORUM_SERVICES)  # even with a thread_id (discord-api-docs #6964)
        body = _body(call)
        slack = route.endpoint is Endpoint.SLACK
        event = call.headers.get("X-GitHub-Event", "")
        payload = from_slack(body.payload) if slack else from_github(event, body.payload)
        if payload is not None:
            self._store(call, webhook, read_message(payload), Body(payload), now, keep, True)
        # the literal "ok", whatever wait says (discord-api-docs #1067)
        return text_answer(200, "ok") if slack else NOTHING

    def _store(
        self, call: Call, webhook: Webhook, draft: Draft, body: Body, now: float, keep: bool, waits: bool
    ) -> Message | None:
        check_not_empty(draft, len(body.files))
        thread_id = _thread_id(call)
        self._check_place(webhook, draft, thread_id)
        if not keep:
            if waits:
                raise RefusalError(answers.INTERNAL)
            return None
        if draft.thread_name:
            thread_id = self.store.snowflakes.new(now)
            self.store.put_thread(Thread(thread_id, webhook.channel_id, draft.thread_name))
        channel_id = thread_id or webhook.channel_id
        message = new_message(self.store, webhook, draft, body.files, channel_id, now, call.base)
        self.store.add(message)
        return message

    def _check_place(self, webhook: Webhook, draft: Draft, thread_id: str | None) -> None:
        if webhook.channel_type == "forum":
            if draft.thread_name and thread_id:
                raise RefusalError(answers.FORUM_BOTH)
            if not draft.thread_name and not thread_id:
                raise RefusalError(answers.FORUM_NEEDS_THREAD)
            if webhook.requires_tag and draft.thread_name and not draft.applied_tags:
                raise RefusalError(answers.TAG_REQUIRED)
        elif draft.thread_name:
            raise RefusalError(answers.NOT_A_FORUM)
        if thread_id is not None:
            thread = self.store.threads.get(thread_id)
            if thread is None or thread.channel_id != webhook.channel_id:
                raise RefusalError(answers.UNKNOWN_CHANNEL)
            if thread.locked:
                raise RefusalError(answers.THREAD_LOCKED)

    def _message(self, call: Call, route: Route, webhook: Webhook) -> Message:
        errors = FormErrors()
        message_id = Form({"message_id": route.message_id}, errors).snowflake("message_id")
        errors.check()
        message = self.store.messages.get(message_id or "")
        # a message in a thread is found with its thread_id only (discohook#29)
        if message is None or message.webhook_id != webhook.id or message.thread_id != _thread_id(call):
            raise RefusalError(answers.UNKNOWN_MESSAGE)
        return message

    def _edit(self, call: Call, message: Message, now: float) -> Answer:
        _, with_components = _query(call)
        body = _body(call)
        draft = read_message(body.payload, files=len(body.files), with_components=with_components, edit=True)
        before = sum(file.size for file in message.files if file.data is not None)
        shown, files = edited(self.store, message, draft, body.files, now, call.base)
        if not (shown["content"] or shown["embeds"] or shown["components"] or files or shown.get("poll")):
            raise RefusalError(answers.EMPTY_MESSAGE)
        message.shown, message.files = shown, files
        after = sum(file.size for file in files if file.data is not None)
        self.store.changed(message, after - before)
        return json_answer(200, message.shown)

    def _change_webhook(self, call: Call, webhook: Webhook) -> Answer:
        payload = _body(call).payload
        name, avatar = read_webhook(payload)
        webhook.name = name or webhook.name
        if isinstance(payload, dict) and "avatar" in payload:
            webhook.avatar = f"{abs(hash(avatar)):032x}"[:32] if avatar else None
        self.store.put_webhook(webhook)
        return json_answer(200, webhook.as_object(secret=True))


def _body(call: Call) -> Body:
    return read_body(call.headers.get("Content-Type", ""), call.body, call.size)


def _query(call: Call) -> tuple[bool, bool]:
    errors = FormErrors()
    form = Form(call.parameters, errors)
    wait, with_components = form.flag("wait"), form.flag("with_components")
    errors.check()
    return bool(wait), bool(with_components)


def _thread_id(call: Call) -> str | None:
    errors = FormErrors()
    thread_id = Form(call.parameters, errors).snowflake("thread_id")
    errors.check()
    return thread_id
