"""The webhook endpoints of Discord's API, from the edge to the store."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from notifier.sandbox import answer as answers
from notifier.sandbox.answer import Answer, RefusalError
from notifier.sandbox.call import SERVED, Call, Endpoint, Route
from notifier.sandbox.endpoints import Endpoints
from notifier.sandbox.form import Form, FormError, FormErrors
from notifier.sandbox.limits import Limits
from notifier.sandbox.ratelimit import bucket_headers, too_many
from notifier.sandbox.store import Store, Webhook


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that passed all checks. ``headers``: what its answer says of the bucket."""

    call: Call
    route: Route
    webhook: Webhook
    headers: Mapping[str, str]


class Api:
    """Answers calls. Limits come before the body is read: a failed request uses a slot of the bucket too."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.store = store
        self.limits = limits
        self._endpoints = Endpoints(store)

    def admit(self, call: Call, now: float) -> Admitted | Answer:
        """Route, version, global limit, webhook, token, bucket, channel: the call may go on, or the refusal."""
        try:
            return self._admit(call, now)
        except RefusalError as refused:
            return spoken(refused, call).with_headers(answers.VIA)

    def perform(self, admitted: Admitted, now: float, *, keep: bool = True) -> Answer:
        """Do what was asked. ``keep=False``: storing fails, which only a client with ``wait=true`` is told."""
        try:
            done = self._endpoints.perform(admitted.call, admitted.route, admitted.webhook, now, keep=keep)
        except RefusalError as refused:
            done = spoken(refused, admitted.call)
        return done.with_headers({**admitted.headers, **answers.VIA})

    def _admit(self, call: Call, now: float) -> Admitted | Answer:
        route = call.route()
        if route is None:
            raise RefusalError(answers.NOT_FOUND)
        if call.method not in route.methods:
            raise RefusalError(answers.METHOD_NOT_ALLOWED)
        if call.version not in SERVED:
            raise RefusalError(answers.INVALID_VERSION)
        if hit := self.limits.hit_global(call.address, now):
            return too_many(hit, call).with_headers(answers.VIA)
        webhook = self._webhook(route)
        group = self.limits.bucket_group(_group(call, route))
        channel = webhook.channel_id if call.method == "POST" else None
        hit = self.limits.hit_webhook(group, webhook.id, channel, now)
        headers = bucket_headers(self.limits.bucket_state(group, webhook.id, now), group, call, now)
        if hit:
            code = self.limits.settings.channel_code if hit.scope == "shared" else None
            return too_many(hit, call, code).with_headers({**headers, **answers.VIA})
        return Admitted(call, route, webhook, headers)

    def _webhook(self, route: Route) -> Webhook:
        errors = FormErrors()
        webhook_id = Form({"webhook_id": route.webhook_id}, errors).snowflake("webhook_id")
        errors.check()
        if route.endpoint is Endpoint.TOKENLESS:
            raise RefusalError(answers.UNAUTHORIZED)  # needs a bot's authorization, which the sandbox does not know
        # the id is looked up first: a fake id with a fake token is unknown, not unauthorized (Suwayomi#339)
        webhook = self.store.webhooks.get(webhook_id or "")
        if webhook is None:
            raise RefusalError(answers.UNKNOWN_WEBHOOK)
        if not hmac.compare_digest(webhook.token.encode(), route.token.encode("utf-8", "replace")):
            raise RefusalError(answers.INVALID_TOKEN)
        return webhook


def spoken(refused: RefusalError, call: Call) -> Answer:
    """A refusal in the format of the call's version."""
    if isinstance(refused, FormError) and call.in_milliseconds:
        return refused.v6_answer()
    return refused.answer()


def _group(call: Call, route: Route) -> str:
    # execute, edit and delete share one bucket (discord-api-docs #2243); whether reads do is not known
    if route.endpoint is Endpoint.WEBHOOK and call.method != "POST":
        return "webhook"
    if route.endpoint is Endpoint.MESSAGE and call.method == "GET":
        return "read"
    return "write"
