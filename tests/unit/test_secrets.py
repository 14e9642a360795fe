"""Secrets in a text are masked, of each kind; what is none stays as it is."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.secret_kinds import KINDS
from notifier.secrets import OWN, OWN_SECONDS, Masking, check_patterns, kinds_in, mask
from tests.unit.secret_samples import SAMPLES

ORDINARY = Path(__file__).parent.parent / "data" / "ordinary_lines.txt"
"""Tracebacks and logs of the libraries that are used here, and of common programs."""


@pytest.mark.parametrize(("text", "secret", "kind"), SAMPLES, ids=range(len(SAMPLES)))
def test_a_secret_is_masked_wherever_it_stands_and_its_kind_is_named(text: str, secret: str, kind: str) -> None:
    for around in ("{}", "error: {} (see below)\n", "Traceback\n    x = 1\n{}"):
        masked, kinds = mask(around.format(text))
        assert secret in text
        assert secret not in masked
        assert kind in kinds
        assert len(masked) <= len(around.format(text))
        assert mask(masked) == (masked, ())  # masking again changes nothing


def test_a_text_with_a_word_of_a_kind_is_looked_through_for_it() -> None:
    words = [(kind, word) for kind in KINDS for word in kind.words if word != "."]
    for around in ("a{}b", "a.{}.b", "www.example.com {}"):  # a host and a bot token have dots in place of a word
        assert [each for each in words if each[0] not in kinds_in(around.format(each[1].upper()))] == []


def test_each_sample_is_looked_through_for_its_kind() -> None:
    missed = [kind for text, _, kind in SAMPLES if kind not in {each.name for each in kinds_in(text)}]
    assert not missed


def test_there_is_a_sample_of_each_kind() -> None:
    assert {kind.name for kind in KINDS} <= {kind for _, _, kind in SAMPLES}


def test_a_private_key_is_masked_whole() -> None:
    text = next(text for text, _, kind in SAMPLES if kind == "private key")
    assert mask(text) == ("key:\n(masked)\nend", ("private key",))


def test_what_is_around_a_secret_stays() -> None:
    assert mask("postgres://app:f4kefake@db:5432/app refused")[0] == "postgres://app:(masked)@db:5432/app refused"
    assert mask("{'Authorization': 'Bearer fake-token-1', 'b': 2}")[0] == "{'Authorization': 'Bearer (masked)', 'b': 2}"


def test_of_more_than_a_thousand_ordinary_lines_none_is_changed() -> None:
    lines = ORDINARY.read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 1_000
    assert [line for line in lines if mask(line) != (line, ())] == []
    assert mask("\n".join(lines))[1] == ()


@pytest.mark.parametrize(
    "text",
    [
        "password=password, token=token",
        "connect(host=host, password=settings.password)",
        '{"password": ["This field is required."]}',
        '{"password": "This field is required."}',
        "Invalid password: must be at least 8 characters",
        "password: ********, secret=<hidden>, api_key=${API_KEY}",
        "KeyError: 'password'",
        "def login(user: str, password: str = None) -> Token:",
        "http://host:8080/a?mail=bob@example.com",
        "['http://host:80','bob@example.com']",
        "the bearer of this message, basic knowledge",
        "Authorization: required",
        "https://example.com/page?key=home&sig=short",
        "postgres://app:***@db/app",
        "    token = next_token2(stream)",
        "    self.password = self.vault2.password",
        "    session_token = tokens2.pop(0)",
        "login(user, token=settings2.tokens_of_users.get('token'))",
        "SyntaxError: unexpected token: identifier_of_line_2, token='identifier_of_line'",
        "next_token=None, max_tokens=4096, token=short1, token=page_after_the_second",
        "partition-token=2026-11-29/region=eu-west-1, next_token=page_2_of_the_results",
        "GITHUB_TOKEN=/run/secrets/token20a1",
        "pad_token=reserved_special_token_250, token=test_create_user_with_token_v2, token=self.tokens2.first_token",
        "    auth_token = headers2['x']",
        "    if password == other_password1:",
        "app --password TEXT  [required], --token VALUE, --api-key is needed since 2.0",
        "--password --user bob1",
        "Cookie: theme=dark; lang=en",
        "Set-Cookie: session=(masked); Path=/; Max-Age=3600; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        "Cookie: session=***; csrftoken=redacted",
        "the cookie is missing: session=None, cookie = request.cookies.get('session_id')",
        "CookieConflictError: There are multiple cookies with name, 'a=b'",
        "cookie_secure=True, SESSION_COOKIE_AGE=1209600, set_cookie(max_age=3600)",
        "X-Api-Key: required, x-api-key header is missing",
        f"M{'é' * 22}.abcdef.{'x' * 27}",
        "Basic \N{LATIN SMALL LETTER LONG S}aaaaaaa",
        "X-Request-Id: 7b1c8e5e-1111-4222-8333-abcdefabcdef, X-Idempotency-Key: 12345678",
    ],
)
def test_code_sentences_and_placeholders_are_no_secrets(text: str) -> None:
    assert mask(text) == (text, ())


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"password": "hunter"}, {"password": "xxx"}),
        ({"db": {"api_key": "fakefake1"}}, {"db": {"api_key": "(masked)"}}),
        ({"headers": [["Authorization", "fake-token-1"]]}, {"headers": [["Authorization", "(masked)"]]}),
        ({"Cookie": "a=b; b=c; sid=fakefake; d=e"}, {"Cookie": "(masked)"}),
        ({"headers": [["set-cookie", "sid=fakefake; Path=/"]]}, {"headers": [["set-cookie", "(masked); Path=/"]]}),
        ({"Cookie": "theme=dark", "cookies": 2}, {"Cookie": "theme=dark", "cookies": 2}),
        ([{"name": "Password", "value": "fakefake1"}], [{"name": "Password", "value": "(masked)"}]),
        ([{"name": "Password", "value": "rotated"}], [{"name": "Password", "value": "rotated"}]),
        ({"tokens": 3, "token": None, "next": "page2"}, {"tokens": 3, "token": None, "next": "page2"}),
        ({"postgres://a:fakefake@b/c": 1}, {"postgres://a:(masked)@b/c": 1}),
    ],
)
def test_in_nested_values_the_name_of_a_value_may_say_that_it_is_a_secret(value: Any, masked: Any) -> None:
    assert Masking().value(value) == masked


@given(st.text(max_size=200))
@settings(max_examples=50)
def test_any_text_can_be_masked_and_masking_again_changes_nothing(text: str) -> None:
    for each in (text, f"password={text}", f"://{text}@x", f"Authorization: {text}", f"token={text}"):
        once, _ = mask(each)
        assert mask(once) == (once, ())
        assert len(once) <= len(each)


PARTS = ["-----BEGIN PRIVATE KEY-----", "eyJ" + "a" * 20 + ".", "://a:", "password='", "password=", "authorization: ",
         "://x/hooks/", "M" * 25 + ".", "bearer ", "password \t", "password = a.", "--a-", "--password a", "sk-ant-",
         "Basic ", "?token=", "token=", "token=a1", "cookie: a=", "cookie: a=b;", "<SimpleCookie: ",
         "Cookie: a"]  # fmt: skip


def seconds(text: str) -> float:
    began = time.process_time()
    mask(text)
    return time.process_time() - began


@pytest.mark.parametrize("part", PARTS)
def test_the_time_grows_no_faster_than_the_text(part: str) -> None:
    words = " ".join(word for kind in KINDS for word in kind.words)
    mask(words)
    for tail in (part, "a", " ", "-"):
        for _ in range(5):
            short, long = (seconds(words + part + tail * (length // len(tail))) for length in (2_000, 32_000))
            if long < 64 * short:  # 16 times as long; a square would be 256
                break
        else:
            pytest.fail(f"{part!r} and {tail!r}: {short:.6f} s and {long:.6f} s")


def test_own_patterns_are_masked_too_and_of_one_with_a_group_that_group() -> None:
    masking = Masking((r"ACME-\d{6,}", r"pin[: ]+(\d{4})"))
    assert masking.text("ACME-12345678, pin: 1234") == "(masked), pin: xxx"
    assert masking.kinds == (OWN,)
    assert masking.text("(masked), pin: xxx") == "(masked), pin: xxx"


def test_an_own_pattern_that_takes_for_ever_is_given_up_and_that_is_known() -> None:
    masking = Masking((r"(a|aa)+$",))
    began = time.monotonic()
    assert masking.text("a" * 40 + "b") == "a" * 40 + "b"
    assert masking.too_slow
    assert time.monotonic() - began < 50 * OWN_SECONDS  # it would be years


@pytest.mark.parametrize(
    ("pattern", "says"), [("a(", "pattern 2 is no regular"), ("a*", "pattern 2 matches the empty")]
)
def test_a_wrong_pattern_is_named_by_its_place(pattern: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        check_patterns(["a+", pattern])
