"""Every status, every exception of requests, and every wait has one meaning; this table states it a second time."""

import inspect

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests import exceptions as broken
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
)

from notifier.discord.machine import MALFORMED, NO_NAME
from notifier.discord.outcomes import BY_EXCEPTION, outcome_of, outcome_of_exception, rate_limit_of
from notifier.gate.feedback import feedback_of
from notifier.outcome import (
    Answer,
    Deferred,
    Delivered,
    Failed,
    RateLimitInfo,
    Reason,
    Rejected,
    Scope,
    Unknown,
)

HOUR = 3_600
API = {"Via": "1.1 google"}
TOKEN = "fake-token-" + "x" * 57

OWN = {400: "invalid_payload", 403: "forbidden", 413: "payload_too_large"}
"""4xx that reject an alert if they are in Discord's own words; of the others 401 never does by itself."""


def expected(status: int, *, own: bool) -> tuple[type, str | None]:
    """What an answer with this status means, in Discord's own words (``own``) or not."""
    if status < 300:
        return Unknown, "unexpected_answer"
    if status < 400:
        return Failed, "redirected"
    if status == 407:
        return Deferred, "proxy_failed"
    if status == 429:
        return Deferred, "rate_limited"
    if status in (408, 425, 502, 503):
        return Failed, "bad_gateway"
    if status < 500:
        return (Rejected, OWN.get(status, "client_error")) if own and status != 401 else (Failed, "unexpected_answer")
    return (Failed, "unexpected_answer") if status == 511 else (Unknown, "server_error")


@pytest.mark.parametrize("own", [True, False])
def test_every_status_has_one_outcome(own: bool) -> None:
    found = {}
    for status in range(100, 600):  # in one test: of five hundred, pytest alone takes a second
        outcome = outcome_of(status, API, {"message": "no", "retry_after": 1, "code": 50_001 if own else status})
        found[status] = type(outcome), getattr(outcome, "reason", None)
    assert found == {status: expected(status, own=own) for status in range(100, 600)}


NOT_A_MESSAGE: list[dict[str, object] | None] = [
    None,
    {},
    {"id": 5, "channel_id": ["x"]},
    {"id": "not a snowflake"},
    {"channel_id": "34"},
    {"status": "ok"},
]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
@pytest.mark.parametrize("body", NOT_A_MESSAGE)
def test_a_2xx_without_a_message_of_discords_in_it_is_no_delivery(status: int, body: dict[str, object] | None) -> None:
    outcome = outcome_of(status, API, body)
    assert isinstance(outcome, Unknown)
    assert outcome.reason is Reason.UNEXPECTED_ANSWER


def test_a_2xx_yields_the_message_and_its_channel() -> None:
    assert outcome_of(200, API, {"id": "12", "channel_id": "34"}) == Delivered("12", "34")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, {"code": 10015, "message": "Unknown Webhook"}, Reason.WEBHOOK_UNKNOWN),
        (404, {"code": 10015}, Reason.WEBHOOK_UNKNOWN),
        (401, {"code": 50027, "message": "Invalid Webhook Token"}, Reason.WEBHOOK_TOKEN_INVALID),
        (404, {"code": 10003, "message": "Unknown Channel"}, Reason.UNKNOWN_CHANNEL),
        (404, {"code": 10008, "message": "Unknown Message"}, Reason.UNKNOWN_CHANNEL),
        (404, {"code": 10004, "message": "Unknown Guild"}, Reason.CLIENT_ERROR),
        (403, {"code": 50013, "message": "Missing Permissions"}, Reason.FORBIDDEN),
        (403, {"code": 10008, "message": "Unknown Message"}, Reason.FORBIDDEN),
        (403, {"code": 240000, "message": "Message blocked by harmful links filter"}, Reason.INVALID_PAYLOAD),
        (400, {"code": 200000, "message": "Message was blocked by automatic moderation"}, Reason.INVALID_PAYLOAD),
        (400, {"code": 50006, "message": "Cannot send an empty message"}, Reason.INVALID_PAYLOAD),
        (400, {"code": 0, "message": "400: Bad Request"}, Reason.INVALID_PAYLOAD),
        (413, {"code": 40005, "message": "Request entity too large"}, Reason.PAYLOAD_TOO_LARGE),
        (413, {"code": 0, "message": "413: Payload Too Large"}, Reason.PAYLOAD_TOO_LARGE),
    ],
)
@pytest.mark.parametrize("headers", [API, {}], ids=["Via", "Via taken out by a proxy"])
def test_discords_own_words_reject(
    status: int, body: dict[str, object], reason: Reason, headers: dict[str, str]
) -> None:
    outcome = outcome_of(status, headers, body)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *[(status, None) for status in (301, 302, 307, 400, 401, 403, 404, 405, 413, 451)],
        *[(status, {}) for status in (400, 401, 403, 404)],
        (404, {"message": "404: Not Found", "code": 0}),
        (405, {"message": "405: Method Not Allowed", "code": 0}),
        (401, {"message": "401: Unauthorized", "code": 0}),
        (401, {"message": "Unauthorized", "code": 40001}),
        (403, {"message": "403: Forbidden", "code": 0}),
        (403, {"message": "Forbidden"}),
        (400, {"message": "Bad Request", "code": 400}),
        (400, {"message": "Bad Request", "code": "50035"}),
        (400, {"message": "Bad Request", "code": False}),
        (400, {"code": 0}),
        (400, {"errors": {"title": ["is wrong"]}}),
        (400, {"title": ["is wrong"]}),
        (400, {"content": "is wrong"}),
        (400, {"content": []}),
        (404, {"username": ["is wrong"]}),
    ],
)
@pytest.mark.parametrize("headers", [API, {}], ids=["Via", "no Via"])
def test_what_is_not_in_discords_words_is_tried_again_and_quarantines_nothing(
    status: int, body: dict[str, object] | None, headers: dict[str, str]
) -> None:
    outcome = outcome_of(status, headers, body, text="<html>Blocked by policy</html>")
    assert isinstance(outcome, Failed)
    assert outcome.reason is (Reason.REDIRECTED if status < 400 else Reason.UNEXPECTED_ANSWER)
    assert f"HTTP {status}, not in Discord's words" in outcome.detail
    told = feedback_of(Answer(outcome, None, status), 0)
    assert (told["health"], told["edge_health"]) == ("failure", "neutral")


def test_an_answer_of_something_else_shows_what_it_said() -> None:
    outcome = outcome_of(403, {}, {"message": f"blocked: /webhooks/1/{TOKEN}", "error": "policy"}, secret=TOKEN)
    assert isinstance(outcome, Failed)
    assert outcome.detail.endswith("(blocked: /webhooks/1/***)")


@pytest.mark.parametrize(
    ("body", "detail", "named"),
    [
        ({"embeds": ["0"]}, "embeds: 0", {(0, "")}),
        ({"embeds": ["0", "7"]}, "embeds: 0, 7", {(0, ""), (7, "")}),
        ({"embeds": ["Must be 10 or fewer in length."]}, "embeds: Must be 10 or fewer in length.", {(None, "embeds")}),
        ({"username": ["Must be 80 or fewer."]}, "username: Must be 80 or fewer.", {(None, "username")}),
        ({"_misc": ["Expected an object/dictionary."]}, "_misc: Expected an object/dictionary.", {(None, "_misc")}),
    ],
)
def test_the_errors_of_an_unversioned_api_are_discords_too(
    body: dict[str, object], detail: str, named: set[object]
) -> None:
    assert outcome_of(400, API, body) == Rejected(Reason.INVALID_PAYLOAD, detail, frozenset(named))


STATIC_BAN = {"message": "You are being blocked from accessing our API temporarily due to", "code": 0}


@pytest.mark.parametrize(
    ("status", "headers", "body", "text"),
    [
        (403, API, {"message": "internal network error", "code": 40333}, ""),
        (429, API, {"message": "internal network error", "code": 40333, "retry_after": 1}, ""),
        (403, {}, None, "error code: 1010"),
        (403, {}, None, "<title>Access denied | discord.com used Cloudflare to restrict access</title>"),
        (429, {}, None, "error code: 1015"),
        (429, {}, None, "<html>slow down</html>"),
        (429, API, None, ""),
        (429, {}, STATIC_BAN, ""),
        (429, API, STATIC_BAN, ""),
        (403, {}, STATIC_BAN, ""),
    ],
)
def test_what_the_edge_answers_concerns_the_whole_ip(
    status: int, headers: dict[str, str], body: dict[str, object] | None, text: str
) -> None:
    assert outcome_of(status, headers, body, text=text) == Deferred(0, Reason.EDGE_BANNED, Scope.EDGE)
    again = outcome_of(status, {**headers, "Retry-After": "300"}, body, text=text)
    assert again == Deferred(300, Reason.EDGE_BANNED, Scope.EDGE)


def test_a_proxy_that_wants_credentials_is_a_fault_of_this_machine() -> None:
    outcome = outcome_of(407, {}, None)
    assert isinstance(outcome, Deferred)
    assert (outcome.reason, outcome.scope) == (Reason.PROXY_FAILED, Scope.MACHINE)
    assert "407" in outcome.detail


@pytest.mark.parametrize(
    ("headers", "body", "outcome"),
    [
        ({"X-RateLimit-Scope": "user"}, {}, Deferred(2, Reason.RATE_LIMITED, Scope.WEBHOOK)),
        ({}, {}, Deferred(2, Reason.RATE_LIMITED, Scope.WEBHOOK)),
        ({"X-RateLimit-Reset-After": "3.5"}, {}, Deferred(3.5, Reason.RATE_LIMITED, Scope.WEBHOOK)),
        ({"X-RateLimit-Reset-After": "0.5"}, {}, Deferred(2, Reason.RATE_LIMITED, Scope.WEBHOOK)),
        ({"x-ratelimit-scope": "shared"}, {}, Deferred(2, Reason.CHANNEL_RATE_LIMITED, Scope.CHANNEL)),
        (
            {"X-RateLimit-Scope": "shared", "X-RateLimit-Reset-After": "90"},
            {},
            Deferred(2, Reason.CHANNEL_RATE_LIMITED, Scope.CHANNEL),
        ),
        ({}, {"code": 20028}, Deferred(2, Reason.CHANNEL_RATE_LIMITED, Scope.CHANNEL)),
        ({}, {"code": 20029}, Deferred(2, Reason.CHANNEL_RATE_LIMITED, Scope.CHANNEL)),
        ({}, {"global": True}, Deferred(2, Reason.GLOBAL_RATE_LIMITED, Scope.GLOBAL)),
        ({"X-RateLimit-Scope": "global"}, {}, Deferred(2, Reason.GLOBAL_RATE_LIMITED, Scope.GLOBAL)),
        ({"X-RateLimit-Global": "true"}, {}, Deferred(2, Reason.GLOBAL_RATE_LIMITED, Scope.GLOBAL)),
    ],
)
@pytest.mark.parametrize("via", [API, {}], ids=["Via", "Via taken out by a proxy"])
def test_a_429_waits_for_whom_it_concerns(
    headers: dict[str, str], body: dict[str, object], outcome: Deferred, via: dict[str, str]
) -> None:
    assert outcome_of(429, {**via, **headers}, {"global": False, "retry_after": 2, **body}) == outcome


@pytest.mark.parametrize(
    ("sent", "wait"),
    [
        *[(-5, 0), (float("nan"), 0), (None, 0), ("soon", 0), ([], 0), ("1.5", 1.5), (0, 0)],
        *[(HOUR + 1, HOUR), (1e9, HOUR), (float("inf"), HOUR), (10**400, HOUR), ("1e999", HOUR)],
    ],
)
def test_a_wait_is_never_negative_nor_longer_than_an_hour(sent: object, wait: float) -> None:
    outcome = outcome_of(429, {**API, "X-RateLimit-Scope": "shared"}, {"retry_after": sent})
    assert isinstance(outcome, Deferred)
    assert outcome.wait_seconds == wait


@given(st.floats() | st.integers() | st.text() | st.none() | st.booleans())
def test_no_wait_that_is_sent_breaks_the_client(sent: object) -> None:
    for answer in ({"retry_after": sent, "global": True}, None):
        outcome = outcome_of(429, {**API, "Retry-After": str(sent)}, answer)
        assert isinstance(outcome, Deferred)
        assert 0 <= outcome.wait_seconds <= HOUR


ERRORS = {
    "message": "Invalid Form Body",
    "code": 50035,
    "errors": {
        "embeds": {
            "3": {"description": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 4096 or fewer."}]}},
            "0": {"_errors": [{"message": "List item values of ModelType are required"}]},
            "_errors": [{"message": "Embed size exceeds maximum size of 6000"}],
        }
    },
}


LEAF = {"_errors": [{"code": "URL_TYPE_INVALID_URL", "message": "Not a well formed URL."}]}


def test_a_400_names_the_rejected_embeds_and_what_is_wrong_with_them() -> None:
    assert outcome_of(400, API, ERRORS) == Rejected(
        Reason.INVALID_PAYLOAD,
        "embeds.3.description: Must be 4096 or fewer.; embeds.0: List item values of ModelType are required; "
        "embeds: Embed size exceeds maximum size of 6000",
        frozenset({(0, ""), (3, "description"), (None, "embeds")}),
    )


@pytest.mark.parametrize(
    ("errors", "parts"),
    [
        ({"avatar_url": LEAF}, {(None, "avatar_url")}),
        ({"embeds": {"2": {"image": {"url": LEAF}}}}, {(2, "image.url")}),
        (
            {"embeds": {"0": {"url": LEAF}, "1": {"fields": {"3": {"value": LEAF}}}}},
            {(0, "url"), (1, "fields.3.value")},
        ),
        ({"embeds": {"9" * 4: {"url": LEAF}}}, {(None, "embeds.9999.url")}),
        ({"allowed_mentions": {"roles": {"0": LEAF}}}, {(None, "allowed_mentions.roles.0")}),
        ({"_errors": [{"message": "no"}]}, set()),
    ],
)
def test_a_400_names_the_parts_that_are_wrong(errors: object, parts: set[object]) -> None:
    outcome = outcome_of(400, API, {"code": 50035, "errors": errors})
    assert isinstance(outcome, Rejected)
    assert outcome.parts == parts


@pytest.mark.parametrize(
    "errors", [None, [], {"embeds": []}, {"embeds": {"9" * 5_000: {}}}, {"username": {"_errors": [{"message": "no"}]}}]
)
def test_a_400_that_names_no_embed_accuses_none(errors: object) -> None:
    outcome = outcome_of(400, API, {"code": 50035, "errors": errors})
    assert isinstance(outcome, Rejected)
    assert outcome.rejected_indexes == frozenset()


def test_a_400_without_a_tree_is_described_by_its_message() -> None:
    outcome = outcome_of(400, API, {"message": "Cannot send an empty message", "code": 50006})
    assert outcome == Rejected(Reason.INVALID_PAYLOAD, "Cannot send an empty message")


@pytest.mark.parametrize("code", [1, 50_001])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413])
def test_a_detail_is_one_bounded_line_without_a_token(status: int, code: int) -> None:
    message = f"{'x' * 460}\n{TOKEN} and /webhooks/1/{TOKEN}?wait=true{'x' * 1_000}"
    outcome = outcome_of(status, API, {"message": message, "code": code}, secret=TOKEN)
    assert isinstance(outcome, Rejected | Failed)
    assert "fake-token" not in outcome.detail
    assert "\n" not in outcome.detail
    assert len(outcome.detail) <= 600


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["embeds", "_errors", "message", "9" * 9, "1"]), inner)
        ),
    )
)
def test_no_error_tree_breaks_the_client(tree: object) -> None:
    for code in (tree, 50_035):
        outcome = outcome_of(400, API, {"errors": tree, "message": tree, "code": code, "embeds": tree})
        assert isinstance(outcome, Rejected | Failed)
    assert isinstance(outcome_of(400, API, {"embeds": tree}), Rejected | Failed)


def test_an_error_tree_as_deep_as_can_be_breaks_nothing() -> None:
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    assert outcome_of(400, API, {"errors": deep, "code": 50_035}) == Rejected(Reason.INVALID_PAYLOAD, "HTTP 400")


EXCEPTIONS = {
    **dict.fromkeys(["ConnectTimeout", "SSLError"], (Failed, "connection_failed")),
    "ProxyError": (Deferred, "proxy_failed"),
    **dict.fromkeys(
        ["InvalidProxyURL", "InvalidURL", "InvalidSchema", "MissingSchema", "URLRequired"],
        (Deferred, "machine_misconfigured"),
    ),
    **dict.fromkeys(["ReadTimeout", "Timeout"], (Unknown, "read_timeout")),
    **dict.fromkeys(
        ["ConnectionError", "ChunkedEncodingError", "ContentDecodingError", "StreamConsumedError", "RetryError"],
        (Unknown, "connection_lost"),
    ),
    **dict.fromkeys(["HTTPError", "JSONDecodeError", "RequestException"], (Unknown, "connection_lost")),
    **dict.fromkeys(["InvalidHeader", "InvalidJSONError", "UnrewindableBodyError"], (Rejected, "unsendable")),
    "TooManyRedirects": (Failed, "redirected"),
}
RAISED = {
    name: kind
    for name, kind in vars(broken).items()
    if inspect.isclass(kind) and issubclass(kind, requests.RequestException) and not issubclass(kind, Warning)
}


def test_every_exception_of_requests_is_decided() -> None:
    assert set(EXCEPTIONS) == set(RAISED)
    assert set(RAISED.values()) <= set(BY_EXCEPTION), "decided by its parent, and so by chance"


@pytest.mark.parametrize("name", sorted(RAISED))
def test_every_exception_has_one_outcome_and_none_of_its_text_is_kept(name: str) -> None:
    secret = f"https://discord.com/api/v10/webhooks/1/{TOKEN}"
    kind = RAISED[name]
    error = kind(secret, "", 0) if name == "JSONDecodeError" else kind(secret)
    outcome = outcome_of_exception(error)
    assert (type(outcome), outcome.reason) == EXCEPTIONS[name]  # type: ignore[union-attr]
    assert "discord.com" not in outcome.detail
    assert outcome.detail == name or isinstance(outcome, Deferred)


@pytest.mark.parametrize(
    ("inner", "outcome"),
    [
        (NewConnectionError(None, "refused"), Failed(Reason.CONNECTION_FAILED, "ConnectionError")),  # type: ignore[arg-type]
        (NameResolutionError("h", None, OSError()), Deferred(0, Reason.NO_NETWORK, Scope.MACHINE, NO_NAME)),  # type: ignore[arg-type]
        (ConnectTimeoutError(), Failed(Reason.CONNECTION_FAILED, "ConnectionError")),
        (ProtocolError("aborted", ConnectionResetError()), Unknown(Reason.CONNECTION_LOST, "ConnectionError")),
    ],
)
def test_a_connection_that_was_never_made_is_distinguished_from_one_that_broke(
    inner: Exception, outcome: object
) -> None:
    wrapped = MaxRetryError(None, "/", inner)  # type: ignore[arg-type]
    assert outcome_of_exception(requests.ConnectionError(wrapped)) == outcome
    assert outcome_of_exception(requests.ConnectionError(inner)) == outcome


def test_what_requests_lets_through_of_urllib3_is_decided_too() -> None:
    malformed = Deferred(0, Reason.MACHINE_MISCONFIGURED, Scope.MACHINE, MALFORMED)
    assert outcome_of_exception(LocationParseError("x")) == malformed
    assert outcome_of_exception(HTTPError("x")) == Unknown(Reason.CONNECTION_LOST, "HTTPError")


BUCKET = {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4", "X-RateLimit-Reset-After": "0.399"}


def test_a_bucket_is_read_from_the_headers() -> None:
    assert rate_limit_of(BUCKET) == RateLimitInfo(5, 4, 0.399, None)
    assert rate_limit_of({**BUCKET, "X-RateLimit-Reset": "1470173023.5"}) == RateLimitInfo(5, 4, 0.399, 1470173023.5)


@pytest.mark.parametrize("name", sorted(BUCKET))
@pytest.mark.parametrize("value", [None, "", "five", "-1", "nan", "inf", "9" * 5_000])
def test_a_bucket_that_makes_no_sense_is_none(name: str, value: str | None) -> None:
    headers = {key: text for key, text in {**BUCKET, name: value}.items() if text is not None}
    assert rate_limit_of(headers) is None


@pytest.mark.parametrize("told", ["3601", "86400", "1e99"])
def test_a_bucket_is_believed_for_an_hour(told: str) -> None:
    assert rate_limit_of({**BUCKET, "X-RateLimit-Reset-After": told}) == RateLimitInfo(5, 4, HOUR, None)


def test_a_bucket_has_the_name_that_the_answer_gives_it() -> None:
    assert rate_limit_of({**BUCKET, "X-RateLimit-Bucket": "posts"}) == RateLimitInfo(5, 4, 0.399, None, "posts")


def test_more_remaining_than_the_limit_makes_no_sense() -> None:
    assert rate_limit_of({**BUCKET, "X-RateLimit-Remaining": "6"}) is None
    assert rate_limit_of({**BUCKET, "X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "0"}) is None
