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

from notifier.discord.outcomes import BY_EXCEPTION, outcome_of, outcome_of_exception, rate_limit_of
from notifier.outcome import (
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

REJECTED = {
    400: "invalid_payload",
    401: "webhook_token_invalid",
    403: "forbidden",
    404: "webhook_unknown",
    413: "payload_too_large",
}


def expected(status: int) -> tuple[type, str | None]:
    """What an answer of Discord's own with this status and a JSON error means."""
    if status < 200:
        return Unknown, "unexpected_answer"
    if status < 300:
        return Delivered, None
    if status < 400:
        return Rejected, "redirected"
    if status == 429:
        return Deferred, "rate_limited"
    if status in (408, 425, 502, 503):
        return Failed, "bad_gateway"
    if status < 500:
        return Rejected, REJECTED.get(status, "client_error")
    return Unknown, "server_error"


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_one_outcome(status: int) -> None:
    outcome = outcome_of(status, API, {"message": "no", "code": 0, "retry_after": 1})
    assert (type(outcome), getattr(outcome, "reason", None)) == expected(status)


@pytest.mark.parametrize("status", range(200, 300))
@pytest.mark.parametrize("body", [None, {}, {"id": 5, "channel_id": ["x"]}, {"id": "not a snowflake"}])
def test_a_2xx_is_delivered_whatever_its_body(status: int, body: dict[str, object] | None) -> None:
    assert outcome_of(status, {}, body) == Delivered(None, None)


def test_a_2xx_yields_the_message_and_its_channel() -> None:
    assert outcome_of(200, API, {"id": "12", "channel_id": "34"}) == Delivered("12", "34")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"code": 10003}, Reason.UNKNOWN_CHANNEL),
        ({"code": 10008}, Reason.UNKNOWN_CHANNEL),
        ({"code": 10015}, Reason.WEBHOOK_UNKNOWN),
        ({}, Reason.WEBHOOK_UNKNOWN),
        (None, Reason.CLIENT_ERROR),
    ],
)
def test_a_404_gives_up_the_webhook_only_if_it_is_discords(body: dict[str, object] | None, reason: Reason) -> None:
    outcome = outcome_of(404, API, body)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, {"code": 50013, "retry_after": 1}),
        (API, None),
        (API, {"message": "internal network error", "code": 40333, "retry_after": 1}),
    ],
    ids=["no Via", "no JSON", "code 40333"],
)
def test_what_the_edge_answers_concerns_the_whole_ip(
    status: int, headers: dict[str, str], body: dict[str, object] | None
) -> None:
    assert outcome_of(status, headers, body) == Deferred(0, Reason.EDGE_BANNED, Scope.EDGE)
    again = outcome_of(status, {**headers, "Retry-After": "3600"}, body)
    assert again == Deferred(3600, Reason.EDGE_BANNED, Scope.EDGE)


def test_a_429_without_retry_after_is_the_edges_ban() -> None:
    ban = {"message": "You are being blocked from accessing our API temporarily", "code": 0}
    assert outcome_of(429, API, ban) == Deferred(0, Reason.EDGE_BANNED, Scope.EDGE)


def test_a_403_of_discord_is_forbidden() -> None:
    outcome = outcome_of(403, API, {"code": 50013, "message": "Missing Permissions"})
    assert outcome == Rejected(Reason.FORBIDDEN, "Missing Permissions")


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
def test_a_429_waits_for_whom_it_concerns(headers: dict[str, str], body: dict[str, object], outcome: Deferred) -> None:
    assert outcome_of(429, {**API, **headers}, {"global": False, "retry_after": 2, **body}) == outcome


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


def test_a_400_names_the_rejected_embeds_and_what_is_wrong_with_them() -> None:
    assert outcome_of(400, API, ERRORS) == Rejected(
        Reason.INVALID_PAYLOAD,
        "embeds.3.description: Must be 4096 or fewer.; embeds.0: List item values of ModelType are required; "
        "embeds: Embed size exceeds maximum size of 6000",
        frozenset({0, 3}),
    )


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


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413])
def test_a_detail_is_one_bounded_line_without_a_token(status: int) -> None:
    message = f"{'x' * 460}\n{TOKEN} and /webhooks/1/{TOKEN}?wait=true{'x' * 1_000}"
    outcome = outcome_of(status, API, {"message": message, "code": 1}, secret=TOKEN)
    assert isinstance(outcome, Rejected)
    assert "fake-token" not in outcome.detail
    assert "\n" not in outcome.detail
    assert len(outcome.detail) <= 500


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["embeds", "_errors", "message", "9" * 9, "1"]), inner)
        ),
    )
)
def test_no_error_tree_breaks_the_client(tree: object) -> None:
    outcome = outcome_of(400, API, {"errors": tree, "message": tree, "code": tree})
    assert isinstance(outcome, Rejected)


def test_an_error_tree_as_deep_as_can_be_breaks_nothing() -> None:
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    assert outcome_of(400, API, {"errors": deep}) == Rejected(Reason.INVALID_PAYLOAD, "HTTP 400")


EXCEPTIONS = {
    **dict.fromkeys(["ConnectTimeout", "ProxyError", "SSLError", "InvalidProxyURL"], (Failed, "connection_failed")),
    **dict.fromkeys(["ReadTimeout", "Timeout"], (Unknown, "read_timeout")),
    **dict.fromkeys(
        ["ConnectionError", "ChunkedEncodingError", "ContentDecodingError", "StreamConsumedError", "RetryError"],
        (Unknown, "connection_lost"),
    ),
    **dict.fromkeys(["HTTPError", "JSONDecodeError", "RequestException"], (Unknown, "connection_lost")),
    **dict.fromkeys(
        ["InvalidURL", "InvalidSchema", "MissingSchema", "URLRequired", "InvalidHeader", "InvalidJSONError"],
        (Rejected, "unsendable"),
    ),
    "UnrewindableBodyError": (Rejected, "unsendable"),
    "TooManyRedirects": (Rejected, "redirected"),
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
def test_every_exception_has_one_outcome_and_only_its_name_is_kept(name: str) -> None:
    secret = f"https://discord.com/api/v10/webhooks/1/{TOKEN}"
    kind = RAISED[name]
    error = kind(secret, "", 0) if name == "JSONDecodeError" else kind(secret)
    outcome = outcome_of_exception(error)
    assert (type(outcome), outcome.reason) == EXCEPTIONS[name]  # type: ignore[union-attr]
    assert outcome.detail == name  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("inner", "outcome"),
    [
        (NewConnectionError(None, "refused"), Failed(Reason.CONNECTION_FAILED, "ConnectionError")),  # type: ignore[arg-type]
        (NameResolutionError("h", None, OSError()), Failed(Reason.CONNECTION_FAILED, "ConnectionError")),  # type: ignore[arg-type]
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
    assert outcome_of_exception(LocationParseError("x")) == Rejected(Reason.UNSENDABLE, "LocationParseError")
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
