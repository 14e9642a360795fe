"""One span for each request, without the token; other instrumentations do not see it."""

from collections.abc import Iterator

import pytest
import responses
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import SecretStr

from notifier.discord import DiscordClient
from notifier.outcome import Delivered
from notifier.render.batch import Payload
from notifier.webhook import Webhook
from tests.conftest import Sandbox
from tests.traces import Spans
from tests.traces import spans as spans

WEBHOOK = Webhook("1000000000000000001", SecretStr("fake-token-of-a-trace"))


@pytest.fixture(autouse=True)
def instrumented(spans: Spans) -> Iterator[None]:
    """As ``opentelemetry-instrument`` does it."""
    instrumentors = RequestsInstrumentor(), URLLib3Instrumentor()
    for each in instrumentors:
        each.instrument(tracer_provider=spans.provider)
    yield
    for each in instrumentors:
        each.uninstrument()


def test_a_request_has_one_span_without_the_token(spans: Spans, sandbox: Sandbox) -> None:
    answer = DiscordClient(f"{sandbox.address}/api/v10", 10).get_webhook(WEBHOOK).answer
    (span,) = [each for each in spans.ended() if "webhooks" in str(each.attributes)]
    assert (span.name, span.kind) == ("GET", SpanKind.CLIENT)
    assert span.attributes is not None
    assert span.attributes["url.full"] == f"{sandbox.address}/api/v10/webhooks/{WEBHOOK.id}/***"
    assert span.attributes["http.response.status_code"] == answer.http_status
    assert span.attributes["server.port"] == int(sandbox.address.rpartition(":")[2])


@responses.activate
def test_what_is_refused_or_does_not_come_through_is_an_error(spans: Spans) -> None:
    client = DiscordClient("https://user:pass@discord.com/api/v10", 10)
    url = f"https://user:pass@discord.com/api/v10/webhooks/{WEBHOOK.id}/{WEBHOOK.token.get_secret_value()}"
    responses.post(url, json={"code": 10015}, status=404)
    responses.post(url, body=ConnectionError(f"no way to {url}"))
    assert client.execute(WEBHOOK, Payload({"content": "a"})).http_status == 404
    assert client.execute(WEBHOOK, Payload({"content": "a"})).http_status is None
    first, second = (each for each in spans.ended() if each.name == "POST")
    assert first.attributes is not None
    assert first.attributes["error.type"] == "webhook_unknown"
    assert first.attributes["url.full"] == f"https://discord.com/api/v10/webhooks/{WEBHOOK.id}/***"
    assert first.status.status_code is second.status.status_code is StatusCode.ERROR


@responses.activate
def test_a_bug_while_it_asks_leaves_no_url_behind(spans: Spans) -> None:
    url = f"https://discord.com/api/v10/webhooks/{WEBHOOK.id}/{WEBHOOK.token.get_secret_value()}"
    responses.post(url, body=RuntimeError(f"a bug at {url}"))
    with pytest.raises(RuntimeError):
        DiscordClient("https://discord.com/api/v10", 10).execute(WEBHOOK, Payload({"content": "a"}))
    assert "POST" in [each.name for each in spans.ended()]


@responses.activate
def test_a_success_is_none(spans: Spans) -> None:
    url = f"https://discord.com/api/v10/webhooks/{WEBHOOK.id}/{WEBHOOK.token.get_secret_value()}"
    responses.post(url, json={"id": "9", "channel_id": "8", "webhook_id": WEBHOOK.id, "type": 0}, status=200)
    answer = DiscordClient("https://discord.com/api/v10", 10).execute(WEBHOOK, Payload({"content": "a"}))
    assert isinstance(answer.outcome, Delivered)
    (span,) = spans.ended()
    assert span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("address", ["http://[::1/api/v10", "http://discord.com:port/api", "http://discord.com:99999/"])
def test_an_address_that_cannot_be_read_is_no_trouble_of_the_trace(spans: Spans, address: str) -> None:
    answer = DiscordClient(address, 1).execute(WEBHOOK, Payload({"content": "a"}))
    assert answer.http_status is None
    assert [each.name for each in spans.ended()] == ["POST"]
